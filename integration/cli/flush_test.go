package cli

import (
	"strings"
	"testing"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/redisstore"
)

// TestFlush: the keys of one prefix go, those of others stay, and the programs
// whose keys went cache again.
func TestFlush(t *testing.T) {
	const item = "SELECT count(*) FROM item"
	w := newWorld(t, "SQLite")
	validated := w.client(redisstore.Options{}, cacheops.Rule{})
	tracked := w.client(redisstore.Options{Mode: redisstore.Tracked}, cacheops.Rule{})
	other := w.client(redisstore.Options{Prefix: "other"}, cacheops.Rule{})
	clients := []*client{validated, tracked, other}
	for _, c := range clients {
		c.warm(item)
	}
	for _, r := range []struct {
		stdin string
		args  []string
		says  string
	}{
		{"", nil, "not confirmed"},
		{"y\n", nil, "not confirmed"},
		{"", []string{"--yes", "--redis", "redis://127.0.0.1:1/0"}, "connection refused"},
		{"", []string{"--yes", "item"}, "unexpected argument"},
	} {
		status, out, talk := w.run(r.stdin, append([]string{"flush"}, r.args...)...)
		if status != 2 || out != "" || !strings.Contains(talk, r.says) {
			t.Errorf("%q: status %d, %q, said %q, want %q", r.args, status, out, talk, r.says)
		}
		for i, c := range clients {
			if _, hit := c.read(item); !hit {
				t.Errorf("%q: client %d has lost something", r.args, i)
			}
		}
	}
	status, out, talk := w.run("yes\n", "flush")
	if status != 0 || !matches(`keys +[1-9]\d*\n`, out) {
		t.Errorf("status %d, %q, said %q", status, out, talk)
	}
	validated.gone(t, item)
	tracked.gone(t, item)
	if _, hit := other.read(item); !hit {
		t.Error("another prefix has lost something")
	}
	if status, out, talk := w.run("", "flush", "--yes", "--json", "--prefix", "nobodys"); status != 0 || out != "{\"keys\":0}\n" {
		t.Errorf("status %d, %q, said %q", status, out, talk)
	}
	for _, c := range clients {
		c.warm(item)
	}
}
