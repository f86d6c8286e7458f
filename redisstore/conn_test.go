package redisstore

import (
	"net"
	"slices"
	"testing"
)

// wire is a connection that only notes what is written.
type wire struct {
	net.Conn
	written [][]byte
}

func (w *wire) Write(p []byte) (int, error) {
	w.written = append(w.written, append([]byte(nil), p...))
	return len(p), nil
}

func TestTooOld(t *testing.T) {
	for version, want := range map[string]bool{"6.2.0": false, "6.2": false, "7.0.15": false, "10.1": false, "6.0.20": true, "5.0": true, "": false, "x": false} {
		if tooOld(version) != want {
			t.Errorf("%q: %v", version, !want)
		}
	}
}

func TestPlaceholderOverSeveralWrites(t *testing.T) {
	all := "*1\r\n$30\r\nbefore:" + placeholder + placeholder[:5] + ":\r\n" + placeholder[:15] + "\r\n"
	for cut := range len(all) {
		w := &wire{}
		c := &conn{Conn: w, owner: newConnections(), id: incarnation([]byte("0123456789ABCDEF"))}
		for _, part := range []string{all[:cut], all[cut:]} {
			if n, err := c.Write([]byte(part)); err != nil || n != len(part) {
				t.Fatal(n, err)
			}
		}
		want := "*1\r\n$30\r\nbefore:0123456789ABCDEF" + placeholder[:5] + ":\r\n" + placeholder[:15] + "\r\n"
		if got := string(slices.Concat(w.written...)); got != want {
			t.Fatalf("cut at %d: %q", cut, got)
		}
	}
}
