package chaos

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cacheops/cacheops"
)

// The points at which a process ends or freezes itself. The first two of a
// writer lie before its COMMIT, the others after it.
const (
	beforeBegin  = "before begin"
	afterBegin   = "after begin"
	beforeEnd    = "before end"
	afterEnd     = "after end"
	afterAcquire = "after acquire"
	beforePut    = "before put"
)

// mortal is a store whose process ends or freezes at a point of the protocol,
// and which watches how long each call takes.
type mortal struct {
	cacheops.Store
	read, write time.Duration // what a call may take
	fate        atomic.Pointer[string]
	begun       atomic.Bool // the latest Begin succeeded
	slow        atomic.Pointer[string]
}

// The fates are "die " and "freeze " before a point.
const (
	die    = "die "
	freeze = "freeze "
)

// at ends or freezes the process if that is its fate at this point.
func (m *mortal) at(point string) {
	fate := m.fate.Load()
	if fate == nil {
		return
	}
	kind, found := strings.CutSuffix(*fate, point)
	if !found || !m.fate.CompareAndSwap(fate, nil) {
		return
	}
	sig := syscall.SIGKILL
	if kind == freeze {
		sig = syscall.SIGSTOP
	}
	if err := syscall.Kill(os.Getpid(), sig); err != nil {
		panic(err) // a test's process that cannot end itself
	}
	if kind == die {
		select {} // until the signal is delivered
	}
}

// slack is what a busy machine may add to the time of a call.
const slack = 5 * time.Second

// timed notes a call that took too long.
func (m *mortal) timed(name string, most time.Duration) func() {
	began := time.Now()
	return func() {
		if took := time.Since(began); took > most+slack {
			text := fmt.Sprintf("%s took %v, its timeout is %v", name, took, most)
			m.slow.Store(&text)
		}
	}
}

func (m *mortal) Get(ctx context.Context, k *cacheops.Key) (cacheops.Value, error) {
	defer m.timed("a get", m.read)()
	return m.Store.Get(ctx, k)
}

func (m *mortal) Acquire(ctx context.Context, reads []cacheops.TableRead) (cacheops.Grant, error) {
	done := m.timed("an acquire", m.read)
	g, err := m.Store.Acquire(ctx, reads)
	done()
	m.at(afterAcquire)
	return g, err
}

func (m *mortal) Put(ctx context.Context, k *cacheops.Key, e *cacheops.Entry) error {
	m.at(beforePut)
	defer m.timed("a put", m.read)()
	return m.Store.Put(ctx, k, e)
}

func (m *mortal) Begin(ctx context.Context, w cacheops.Writer, writes []cacheops.TableWrite) ([]cacheops.Registry, error) {
	m.at(beforeBegin)
	done := m.timed("a begin", m.write)
	moved, err := m.Store.Begin(ctx, w, writes)
	done()
	m.begun.Store(err == nil && len(moved) == 0)
	if m.begun.Load() {
		m.at(afterBegin)
	}
	return moved, err
}

func (m *mortal) End(ctx context.Context, w cacheops.Writer, tables []string) error {
	if !m.begun.Load() { // it takes back a Begin that failed
		return m.Store.End(ctx, w, tables)
	}
	m.at(beforeEnd)
	done := m.timed("an end", m.write)
	err := m.Store.End(ctx, w, tables)
	done()
	m.at(afterEnd)
	return err
}
