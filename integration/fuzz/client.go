package fuzz

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// ErrGone says that a process ended before it answered.
var ErrGone = errors.New("fuzz: the process is gone")

// Client is a coordinator's end of a process that runs [Serve]. Its methods
// may be called from many goroutines.
type Client struct {
	done chan struct{} // closed when the process no longer answers

	mu      sync.Mutex
	enc     *json.Encoder
	next    uint64
	waiting map[uint64]chan response
	gone    bool
}

// NewClient talks to a process through its output and its input. The client's
// goroutine ends with the output.
func NewClient(out io.Reader, in io.Writer) *Client {
	c := &Client{done: make(chan struct{}), enc: json.NewEncoder(in), waiting: make(map[uint64]chan response)}
	go c.listen(json.NewDecoder(out))
	return c
}

// Gone reports whether the process no longer answers.
func (c *Client) Gone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone
}

// Wait waits until the process no longer answers.
func (c *Client) Wait() { <-c.done }

func (c *Client) listen(dec *json.Decoder) {
	defer close(c.done)
	for {
		var r response
		err := dec.Decode(&r)
		c.mu.Lock()
		if err != nil {
			c.gone = true
			for _, w := range c.waiting {
				close(w)
			}
			c.mu.Unlock()
			return
		}
		w := c.waiting[r.ID]
		delete(c.waiting, r.ID)
		c.mu.Unlock()
		w <- r
	}
}

// call sends a request and waits for its answer.
func (c *Client) call(ctx context.Context, r request) (answer, bool) {
	w := make(chan response, 1)
	c.mu.Lock()
	if c.gone {
		c.mu.Unlock()
		return answer{err: ErrGone}, false
	}
	c.next++
	r.ID = c.next
	c.waiting[r.ID] = w
	err := c.enc.Encode(&r)
	c.mu.Unlock()
	if err != nil {
		return answer{err: fmt.Errorf("%w: %w", ErrGone, err)}, false
	}
	select {
	case resp, ok := <-w:
		if !ok {
			return answer{err: ErrGone}, false
		}
		a := answer{cols: resp.Cols, rows: resp.Rows, affected: resp.Affected}
		if resp.Err != nil {
			a.err = resp.Err
		}
		return a, resp.Hit
	case <-ctx.Done():
		return answer{err: ctx.Err()}, false
	}
}

// Tell says something to the process beside its statements, and returns what it
// answers.
func (c *Client) Tell(ctx context.Context, what string) (string, error) {
	a, _ := c.call(ctx, request{Session: -1, Tell: what})
	return a.affected, a.err
}

// do executes a step of a script in the session that it names.
func (c *Client) do(ctx context.Context, op *Op) (a answer, hit bool) {
	return c.call(ctx, request{Session: op.Session, Op: op.wire()})
}

func (c *Client) query(ctx context.Context, q Call) answer {
	a, _ := c.call(ctx, request{Session: -1, Op: (&Op{Action: Query, SQL: q.SQL, Args: q.Args, Read: true}).wire()})
	return a
}

func (c *Client) try(ctx context.Context, at attempt) error {
	a, _ := c.call(ctx, request{Session: -1, Attempt: at.wire()})
	return a.err
}
