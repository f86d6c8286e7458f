package mysql

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// commands are those that a client sends to its server.
type commands struct {
	mu   sync.Mutex
	list []string
}

// The protocol's numbers of commands.
const (
	comQuery   = 0x03
	comPrepare = 0x16
	comExecute = 0x17
	comPing    = 0x0e
)

func (c *commands) noted(cfg *mysql.Config) {
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, addr)
		return &listened{conn, c}, err
	}
}

type listened struct {
	net.Conn
	to *commands
}

func (l *listened) Write(b []byte) (int, error) {
	const header = 4
	if len(b) > header {
		l.to.mu.Lock()
		defer l.to.mu.Unlock()
		what := string(b[header+1:])
		switch b[header] {
		case comQuery:
			l.to.list = append(l.to.list, what)
		case comPrepare:
			l.to.list = append(l.to.list, "prepare "+what)
		case comExecute:
			l.to.list = append(l.to.list, "execute")
		case comPing:
			l.to.list = append(l.to.list, "ping")
		}
	}
	return l.Conn.Write(b)
}

// TestRoundTrips: what is sent for a write of a row whose values are of interest.
// Each command waits for its answer.
func TestRoundTrips(t *testing.T) {
	const lock, again = "SELECT … FOR UPDATE", "SELECT … FOR UPDATE"
	for _, c := range []struct {
		text string
		arg  any
		want []string // beside the statement, START TRANSACTION and COMMIT
	}{
		{"UPDATE item SET kind = kind + 1 WHERE id = ?", 1, []string{lock}},
		{"UPDATE item SET kind = kind - 1 WHERE id = ?", int64(1), []string{lock}},
		{"UPDATE item SET kind = 7 WHERE id = ?", uint8(1), []string{lock}},
		{"UPDATE item SET kind = kind * 2 WHERE id = ?", 1, []string{lock, again}},
		{"UPDATE item SET name = concat(name, '!') WHERE id = ?", 1, []string{lock}},
		{"UPDATE item SET other = 1 WHERE id = ?", 1, nil},
		{"DELETE FROM item WHERE id = ?", 1, []string{lock}},
	} {
		for _, interpolate := range []bool{false, true} {
			var sent commands
			w := open(t, &sqlcache.Options{SchemaCheck: -1}, func(cfg *mysql.Config) { cfg.InterpolateParams = interpolate }, sent.noted)
			trial.Exec(t, w.DB, "CREATE TABLE item (id INTEGER PRIMARY KEY, kind INTEGER, name VARCHAR(50), other INTEGER) ENGINE=InnoDB")
			trial.Exec(t, w.DB, "INSERT INTO item VALUES (1, 1, 'one', 1), (2, 1, 'two', 1)")
			w.Warm("SELECT name FROM item WHERE kind = 1")
			trial.Exec(t, w.DB, "UPDATE item SET kind = 1 WHERE id = 2") // its connection is known to the server as a writer's from here
			sent.list = nil
			trial.Exec(t, w.DB, c.text, c.arg)
			want := slices.Concat([]string{"START TRANSACTION"}, c.want, []string{"COMMIT"})
			if got := others(sent.list); !slices.Equal(got, withStatement(want, interpolate)) {
				t.Errorf("%s, interpolated %t: sent %q", c.text, interpolate, got)
			}
		}
	}
}

// withStatement puts the statement after the first lock, or the beginning.
func withStatement(want []string, interpolate bool) []string {
	at := min(2, len(want)-1)
	statement := []string{"prepare", "execute"}
	if interpolate {
		statement = []string{"statement"}
	}
	return slices.Insert(want, at, statement...)
}

// others names the commands.
func others(list []string) []string {
	out := make([]string, len(list))
	for i, text := range list {
		prepare := strings.HasPrefix(text, "prepare")
		switch {
		case strings.Contains(text, "FOR UPDATE") && !prepare:
			text = "SELECT … FOR UPDATE"
		case strings.HasPrefix(text, "UPDATE"), strings.HasPrefix(text, "DELETE"):
			text = "statement"
		case prepare && !strings.Contains(text, "SELECT"):
			text = "prepare"
		}
		out[i] = text
	}
	return out
}
