package mysql

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// wires are the connections of a client. What holds a certain text can be held up
// on its way to the server, and arrive there after the client has lost the
// connection.
type wires struct {
	mu   sync.Mutex
	text []byte
	held []heldUp
	came chan struct{} // closed when something is held up
	cut  chan struct{}
	ends []net.Conn
}

type heldUp struct {
	conn net.Conn
	what []byte
}

// wired makes connections go over such wires. Everything arrives until they are
// told what not.
func wired(t testing.TB, cfg *mysql.Config) *wires {
	w := &wires{came: make(chan struct{}), cut: make(chan struct{})}
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ends = append(w.ends, c)
		return &wire{Conn: c, wires: w}, nil
	}
	t.Cleanup(func() { // or what a failed test left open would keep its database
		for _, c := range w.ends {
			_ = c.Close() // it is closed, mostly
		}
	})
	return w
}

func (w *wires) hold(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = []byte(text)
}

func (w *wires) holds(c net.Conn, b []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.text == nil || !bytes.Contains(b, w.text) {
		return false
	}
	w.text = nil
	w.held = append(w.held, heldUp{c, bytes.Clone(b)})
	close(w.came)
	return true
}

// arrive has the server get what was held up, and waits for its answer.
func (w *wires) arrive(t testing.TB) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range w.held {
		if _, err := h.conn.Write(h.what); err != nil {
			t.Fatal(err)
		}
		if _, err := h.conn.Read(make([]byte, 1024)); err != nil {
			t.Fatal(err)
		}
		if err := h.conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	w.held = nil
}

type wire struct {
	net.Conn
	wires *wires
	lost  bool
}

func (c *wire) Write(b []byte) (int, error) {
	if c.wires.holds(c.Conn, b) {
		c.lost = true
		<-c.wires.cut
	}
	if c.lost {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *wire) Read(b []byte) (int, error) {
	if c.lost {
		return 0, errors.New("the wire is cut")
	}
	return c.Conn.Read(b)
}

func (c *wire) Close() error {
	if c.lost {
		return nil // the server does not hear of it
	}
	return c.Conn.Close()
}
