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
