package redistest

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Flow is what becomes of the bytes of one direction.
type Flow uint8

const (
	// Pass hands them on.
	Pass Flow = iota
	// Hold keeps them until the flow is Pass again, as a network that stalls.
	Hold
	// Drop swallows them while the connections stay open, as a peer that is
	// gone without a word: half open. Connections that lost bytes are closed
	// when the flow is Pass again.
	Drop
)

// Proxy stands before a server and does to its connections what networks do.
type Proxy struct {
	listener net.Listener
	workers  sync.WaitGroup

	mu    sync.Mutex
	turn  *sync.Cond // of the fields below
	to    string     // the server's address
	flow  [2]Flow    // of requests and replies
	delay time.Duration
	cut   bool
	shut  bool
	links map[*link]struct{}
}

// link is one proxied connection. Its fields are the proxy's.
type link struct {
	client, server net.Conn
	lossy          bool // some bytes were dropped
	closed         bool
}

// NewProxy starts a proxy before the server at an address, which ends with the
// test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it waits for nothing
	if err != nil {
		t.Fatalf("redistest: start a proxy: %v", err)
	}
	p := &Proxy{to: target, listener: l, links: make(map[*link]struct{})}
	p.turn = sync.NewCond(&p.mu)
	p.workers.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr is the proxy's host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// URL is the proxy's address as clients take it.
func (p *Proxy) URL() string { return "redis://" + p.Addr() + "/0" }

// Set says what becomes of requests and of replies, on open and on new
// connections. With requests passed and replies held, commands run whose
// outcome nobody hears.
func (p *Proxy) Set(requests, replies Flow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flow = [2]Flow{requests, replies}
	if requests == Pass && replies == Pass {
		for l := range p.links {
			if l.lossy {
				p.drop(l)
			}
		}
	}
	p.turn.Broadcast()
}

// Delay holds everything back for a while, in either direction.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Cut closes all connections, and each new one at once, until Mend.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	p.dropAll()
}

// Sever closes all connections; new ones are served.
func (p *Proxy) Sever() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropAll()
}

// Point closes all connections; new ones go to the server at another address,
// as those to a name do whose meaning changes.
func (p *Proxy) Point(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = target
	p.dropAll()
}

// Mend undoes Cut, Set and Delay.
func (p *Proxy) Mend() {
	p.mu.Lock()
	p.cut, p.delay = false, 0
	p.mu.Unlock()
	p.Set(Pass, Pass)
}

// Connections is how many connections are open.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

func (p *Proxy) dropAll() {
	for l := range p.links {
		p.drop(l)
	}
	p.turn.Broadcast()
}

// drop closes a link. p.mu is held.
func (p *Proxy) drop(l *link) {
	l.closed = true
	hangUp(l.client, l.server)
	delete(p.links, l)
}

// hangUp closes connections. What they say to that is of no interest: the peer
// may be gone already.
func hangUp(all ...io.Closer) {
	for _, c := range all {
		_ = c.Close()
	}
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.shut = true
	hangUp(p.listener)
	p.dropAll()
	p.mu.Unlock()
	p.workers.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.workers.Go(func() { p.connect(client) })
	}
}

func (p *Proxy) connect(client net.Conn) {
	p.mu.Lock()
	target := p.to
	p.mu.Unlock()
	server, err := net.DialTimeout("tcp", target, callTime) //nolint:noctx // bounded
	if err != nil {
		hangUp(client)
		return
	}
	l := &link{client: client, server: server}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut || p.shut {
		hangUp(client, server)
		return
	}
	p.links[l] = struct{}{}
	p.workers.Go(func() { p.pump(l, server, client, 0) })
	p.workers.Go(func() { p.pump(l, client, server, 1) })
}

// pump carries one direction of a link until either side ends it.
func (p *Proxy) pump(l *link, to, from net.Conn, way int) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && err == nil {
			err = p.carry(l, to, buf[:n], way)
		}
		if err != nil {
			p.mu.Lock()
			p.drop(l)
			p.mu.Unlock()
			return
		}
	}
}

var errClosed = errors.New("redistest: the link is closed")

func (p *Proxy) carry(l *link, to net.Conn, b []byte, way int) error {
	p.mu.Lock()
	delay := p.delay
	p.mu.Unlock()
	if delay > 0 {
		time.Sleep(delay)
	}
	p.mu.Lock()
	for p.flow[way] == Hold && !l.closed {
		p.turn.Wait()
	}
	closed, flow := l.closed, p.flow[way]
	l.lossy = l.lossy || flow == Drop
	p.mu.Unlock()
	switch {
	case closed:
		return errClosed
	case flow == Drop:
		return nil
	}
	_, err := to.Write(b)
	return err
}
