package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/cacheops/cacheops/integration/fuzz"
	"github.com/cacheops/cacheops/redisstore/redistest"
)

// herdSize is how many processes share a Redis and a database.
const herdSize = 3

// herd is the workers, as the coordinator sees them.
type herd struct {
	orders func(i int) Orders

	mu    sync.Mutex
	dsn   string
	procs [herdSize]*worker
	total Tally
}

// worker is one process.
type worker struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	client *fuzz.Client
	fate   string
}

// start ends the workers there are and starts new ones on a database.
func (h *herd) start(dsn string) error {
	if err := h.stop(); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dsn = dsn
	for i := range h.procs {
		w, err := h.spawn(i)
		if err != nil {
			return err
		}
		h.procs[i] = w
	}
	for _, w := range h.procs {
		if err := w.ready(); err != nil {
			return err
		}
	}
	return nil
}

// ready waits until a worker has its store and its database.
func (w *worker) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := w.client.Tell(ctx, noFate); err != nil {
		return fmt.Errorf("a worker did not start: %w", err)
	}
	return nil
}

func (h *herd) spawn(i int) (*worker, error) {
	o := h.orders(i)
	o.DSN = h.dsn
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(os.Args[0], "-chaos.worker="+string(text)) //nolint:noctx // it is ended by its input's end
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = redistest.EndWithParent()
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	return &worker{cmd: cmd, in: in, client: fuzz.NewClient(out, in)}, nil
}

// client returns the process that stands in place i.
func (h *herd) client(i int) *fuzz.Client {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.procs[i%herdSize].client
}

// tell gives a worker a fate for its next steps.
func (h *herd) tell(ctx context.Context, i int, fate string) error {
	h.mu.Lock()
	w := h.procs[i%herdSize]
	w.fate = fate
	h.mu.Unlock()
	_, err := w.client.Tell(ctx, fate)
	return err
}

// fate is what a worker was told last.
func (h *herd) fate(i int) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.procs[i%herdSize].fate
}

// fates is what all workers were told last.
func (h *herd) fates() (all []string) {
	for i := range herdSize {
		all = append(all, h.fate(i))
	}
	return all
}

// signal sends a signal to a worker.
func (h *herd) signal(i int, sig os.Signal) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.procs[i%herdSize]
	if w == nil {
		return os.ErrProcessDone
	}
	return w.cmd.Process.Signal(sig)
}

// replace puts a new worker in the place of one that ends by its fate.
func (h *herd) replace(i int) error {
	i %= herdSize
	h.mu.Lock()
	w := h.procs[i]
	h.mu.Unlock()
	w.client.Wait()
	if err := w.cmd.Wait(); !killed(err) {
		return fmt.Errorf("worker %d ended otherwise than by its fate: %w", i, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	next, err := h.spawn(i)
	if err != nil {
		return err
	}
	h.procs[i] = next
	return next.ready()
}

// killed reports whether a process ended by SIGKILL, its own.
func killed(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// stop ends the workers and adds up what they did.
func (h *herd) stop() error {
	h.mu.Lock()
	procs := h.procs
	h.mu.Unlock()
	var errs error
	for i, w := range procs {
		if w != nil {
			errs = errors.Join(errs, h.end(w))
			h.mu.Lock()
			h.procs[i] = nil
			h.mu.Unlock()
		}
	}
	return errs
}

// settle waits until no worker owes the store anything.
func (h *herd) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for i := range herdSize {
		for {
			t, err := h.tally(ctx, h.client(i))
			if err != nil {
				return fmt.Errorf("ask worker %d what it owes: %w", i, err)
			}
			if t.Owed == 0 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return nil
}

// tally asks a worker what its cache has done.
func (h *herd) tally(ctx context.Context, c *fuzz.Client) (t Tally, err error) {
	text, err := c.Tell(ctx, askStats)
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal([]byte(text), &t)
}

func (h *herd) end(w *worker) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	t, err := h.tally(ctx, w.client)
	if errors.Is(err, fuzz.ErrGone) { // by its fate, after the last step
		w.client.Wait()
		if err := w.cmd.Wait(); !killed(err) {
			return fmt.Errorf("a worker ended otherwise than by its fate: %w", err)
		}
		return nil
	}
	if err == nil {
		h.mu.Lock()
		h.total.Add(&t)
		h.mu.Unlock()
	}
	if cerr := w.in.Close(); err == nil {
		err = cerr
	}
	ended := time.AfterFunc(30*time.Second, func() { _ = w.cmd.Process.Kill() })
	defer ended.Stop()
	w.client.Wait()
	if werr := w.cmd.Wait(); err == nil && werr != nil {
		err = fmt.Errorf("a worker failed: %w", werr)
	}
	return err
}
