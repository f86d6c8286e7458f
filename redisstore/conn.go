package redisstore

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// incarnation names one life of a server as a primary: a hash of its run id,
// which a restart changes, and its replication id, which a promotion changes.
type incarnation [incarnationBytes]byte

const incarnationBytes = 16

// placeholder stands in commands for the incarnation of whatever server
// executes them. Each connection asks its server who it is before it is used,
// and puts that in place of the placeholder while it writes. So no command can
// tell a server that it believes in another: not when the client sends it over a
// new connection after a restart, follows a redirection of a Cluster, or is
// promoted to another primary by a Sentinel, of all of which a caller hears
// nothing. Passing what the caller believes instead, and comparing afterwards,
// would need to know which connection served a call, which the client does not
// tell.
//
// It is random, so that nothing a user stores can hold it, and of one length
// with what replaces it, so that what is counted stays true.
var (
	placeholder      = newPlaceholder()
	placeholderBytes = []byte(placeholder)
)

func newPlaceholder() string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	b := make([]byte, incarnationBytes)
	rand.Read(b) // never fails
	for i := range b {
		b[i] = letters[b[i]%byte(len(letters))]
	}
	return string(b)
}

// connections are the open connections of a store.
type connections struct {
	mu   sync.Mutex
	live map[*conn]struct{}
}

func newConnections() *connections { return &connections{live: make(map[*conn]struct{})} }

// dialer makes the connections of a client with these credentials.
type dialer struct {
	connections        *connections
	username, password string
	unix               bool
}

// dial connects to addr and learns who is there. It fails only if that cannot be
// asked at all: whom the connection leads to may be a Sentinel or a replica, of
// which a client has good use as long as no command holds the placeholder.
func (d *dialer) dial(ctx context.Context, addr string, nd *net.Dialer, config *tls.Config) (net.Conn, error) {
	network := "tcp"
	if d.unix {
		network = "unix"
	}
	var inner net.Conn
	var err error
	if config != nil && !d.unix {
		inner, err = (&tls.Dialer{NetDialer: nd, Config: config}).DialContext(ctx, network, addr)
	} else {
		inner, err = nd.DialContext(ctx, network, addr)
	}
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: inner, owner: d.connections, addr: addr}
	if err := c.learn(ctx, d, nd.Timeout); err != nil {
		return nil, errors.Join(fmt.Errorf("ask %s who it is: %w", addr, err), inner.Close())
	}
	d.connections.add(c)
	return c, nil
}

func (s *connections) add(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live[c] = struct{}{}
}

func (s *connections) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, c)
}

// verify closes the connections that took their server for id, unless that is
// what a server with this replication id and role still is.
func (s *connections) verify(id incarnation, info map[string]string) (ok bool) {
	s.mu.Lock()
	var stale []*conn
	ok = true
	for c := range s.live {
		if c.id == id && c.refused == nil && (info["role"] != "master" || newIncarnation(c.run, info["master_replid"]) != id) {
			stale, ok = append(stale, c), false
		}
	}
	s.mu.Unlock()
	for _, c := range stale {
		_ = c.Close() // whatever it says, nothing more is sent
	}
	return ok
}

// believed returns the connections to addr that took their server for a primary.
func (s *connections) believed(addr string) (all []*conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.live {
		if c.addr == addr && c.refused == nil {
			all = append(all, c)
		}
	}
	return all
}

// node reports whether a server is a node of a Cluster.
func (s *connections) node() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.live {
		if c.node {
			return true
		}
	}
	return false
}

// left reports whether one of the servers that were taken for primaries, and to
// which there is a connection still, is not among the client's nodes any more.
// Each is reported once.
func (s *connections) left(nodes map[string]rueidis.Client) (any bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.live {
		_, among := nodes[c.addr]
		any = any || !among && !c.left && c.refused == nil
		c.left = !among
	}
	return any
}

// demoted closes the connections to addr that took their server for a primary.
func (s *connections) demoted(addr string) {
	for _, c := range s.believed(addr) {
		_ = c.Close() // whatever it says, nothing more is sent
	}
}

// conn is a connection that knows its server.
type conn struct {
	net.Conn
	owner   *connections
	addr    string // what was dialled
	run     string // the server's run id
	node    bool   // the server is a node of a Cluster
	id      incarnation
	refused error // why commands that concern the protocol are not sent; nil if they are
	left    bool  // the server is none of the client's nodes; guarded by the owner's mu

	begun []byte // the beginning of a placeholder, held back
	buf   []byte
}

func newIncarnation(run, replication string) (id incarnation) {
	sum := sha256.Sum256([]byte(run + "/" + replication))
	copy(id[:], sum[:])
	return id
}

var (
	errNotPrimary = errors.New("the server is not a primary")
	errNode       = errors.New("the server is a node of a Cluster and did not say which others there are (CLUSTER SLOTS)")
	errTooOld     = errors.New("the server is older than Redis 6.2")
	errAnonymous  = errors.New("the server does not tell its run_id and master_replid (INFO server, INFO replication)")
)

// learn asks the server who it is.
func (c *conn) learn(ctx context.Context, d *dialer, timeout time.Duration) error {
	until, ok := ctx.Deadline()
	if !ok || time.Until(until) > timeout {
		until = time.Now().Add(timeout)
	}
	if err := c.SetDeadline(until); err != nil {
		return err
	}
	var ask []byte
	n := 2
	switch {
	case d.username != "":
		ask, n = appendCommand(ask, "AUTH", d.username, d.password), 3
	case d.password != "":
		ask, n = appendCommand(ask, "AUTH", d.password), 3
	}
	ask = appendCommand(appendCommand(ask, "INFO", "server"), "INFO", "replication")
	if _, err := c.Conn.Write(ask); err != nil {
		return err
	}
	r := bufio.NewReaderSize(c.Conn, 1<<13)
	var text strings.Builder
	for i := range n {
		reply, refusal, err := readReply(r)
		switch {
		case err != nil:
			return err
		case refusal != "" && i >= n-2:
			c.refused = fmt.Errorf("%w: %s", errAnonymous, refusal)
		}
		text.WriteString(reply)
	}
	c.introduce(parseInfo(text.String()))
	return c.SetDeadline(time.Time{})
}

func (c *conn) introduce(info map[string]string) {
	c.run, c.node = info["run_id"], info["redis_mode"] == "cluster" || info["server_mode"] == "cluster" // the latter is Valkey's
	c.id = newIncarnation(c.run, info["master_replid"])
	switch {
	case c.refused != nil:
	case c.run == "" || info["master_replid"] == "":
		c.refused = errAnonymous
	case info["role"] != "master":
		c.refused = errNotPrimary
	case tooOld(info["redis_version"]):
		c.refused = fmt.Errorf("%w: %s", errTooOld, info["redis_version"])
	}
}

// tooOld reports whether a version is less than 6.2, the first with GETEX. What
// is no version is not: Valkey, for one, may have its own ideas.
func tooOld(version string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major < 6 || major == 6 && minor < 2
}

func parseInfo(text string) map[string]string {
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[k] = v
		}
	}
	return info
}

func appendCommand(b []byte, args ...string) []byte {
	b = fmt.Appendf(b, "*%d\r\n", len(args))
	for _, a := range args {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b
}

// readReply reads a simple string, an error or a bulk string.
func readReply(r *bufio.Reader) (reply, refusal string, err error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", "", err
	}
	line = strings.TrimRight(line, "\r\n")
	switch {
	case strings.HasPrefix(line, "-"):
		return "", line[1:], nil
	case strings.HasPrefix(line, "+"):
		return line[1:], "", nil
	case !strings.HasPrefix(line, "$"):
		return "", "", fmt.Errorf("not a reply: %.40q", line)
	}
	n, err := strconv.Atoi(line[1:])
	if err != nil || n < 0 || n > 1<<20 {
		return "", "", fmt.Errorf("not a reply: %.40q", line)
	}
	b := make([]byte, n+2)
	if _, err := io.ReadFull(r, b); err != nil {
		return "", "", err
	}
	return string(b[:n]), "", nil
}

// Write replaces placeholders. A command that holds one is not sent to a server
// that is no primary, or that may be anybody: the connection ends instead.
func (c *conn) Write(p []byte) (int, error) {
	if len(c.begun) == 0 && !bytes.Contains(p, placeholderBytes) && beginning(p) == 0 {
		return c.Conn.Write(p)
	}
	b := append(append(c.buf[:0], c.begun...), p...)
	c.buf = b
	held := beginning(b)
	for rest := b; ; {
		i := bytes.Index(rest, placeholderBytes)
		if i < 0 {
			break
		}
		if c.refused != nil {
			return 0, errors.Join(c.refused, c.Close())
		}
		rest = rest[i+copy(rest[i:], c.id[:]):]
	}
	c.begun = append(c.begun[:0], b[len(b)-held:]...)
	if _, err := c.Conn.Write(b[:len(b)-held]); err != nil {
		return 0, err
	}
	if cap(c.buf) > keptScratch {
		c.buf = nil
	}
	return len(p), nil
}

// beginning is how many bytes at the end of p may be a placeholder's first. A
// command ends in a newline, which no placeholder has, so what is held back is
// always followed by more.
func beginning(p []byte) int {
	if len(p) == 0 || p[len(p)-1] == '\n' {
		return 0
	}
	for n := min(len(placeholder)-1, len(p)); n > 0; n-- {
		if string(p[len(p)-n:]) == placeholder[:n] {
			return n
		}
	}
	return 0
}

// Close closes the connection; the client makes another when it needs one.
func (c *conn) Close() error {
	c.owner.remove(c)
	return c.Conn.Close()
}
