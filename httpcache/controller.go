package httpcache

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"time"
)

// What an [http.ResponseController] asks for. The recorder answers it all itself:
// one that unwraps it writes past it, and so ends the gathering.

// flusher is a recorder whose real writer can flush.
type flusher struct{ *recorder }

// Flush implements [http.Flusher].
func (f flusher) Flush() { f.FlushError() } //nolint:errcheck // a Flusher has no way to tell

// notifier is one whose real writer also tells when the client has gone, which gin's
// Stream takes for granted.
type notifier struct {
	flusher
	client http.CloseNotifier //nolint:staticcheck // deprecated, and in use
}

// CloseNotify implements [http.CloseNotifier]. A handler that asks may stop halfway,
// and also for a client that has merely sent its next request.
func (n notifier) CloseNotify() <-chan bool {
	n.pass(lasting("the handler watches its client"))
	return n.client.CloseNotify()
}

// FlushError sends what there is, and from there on everything as it comes.
func (r *recorder) FlushError() error {
	if !can[http.Flusher](r.ResponseWriter) && !can[flushesWithError](r.ResponseWriter) {
		return r.cannot("flush")
	}
	if !r.passed && r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	r.pass(lasting("the response is flushed"))
	r.begin(http.StatusOK)
	return r.control.Flush()
}

// Hijack implements [http.Hijacker].
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if !can[http.Hijacker](r.ResponseWriter) {
		return nil, nil, r.cannot("hijack")
	}
	r.pass(lasting("the connection is hijacked"))
	r.begin(http.StatusOK)
	return r.control.Hijack()
}

// Unwrap returns the real writer, to whom whoever has it may do anything: nothing
// is gathered from there on.
func (r *recorder) Unwrap() http.ResponseWriter {
	r.pass(lasting("the writer is unwrapped"))
	r.begin(http.StatusOK)
	return r.ResponseWriter
}

// SetReadDeadline is for an [http.ResponseController].
func (r *recorder) SetReadDeadline(t time.Time) error { return r.control.SetReadDeadline(t) }

// SetWriteDeadline is for an [http.ResponseController].
func (r *recorder) SetWriteDeadline(t time.Time) error { return r.control.SetWriteDeadline(t) }

// EnableFullDuplex is for an [http.ResponseController].
func (r *recorder) EnableFullDuplex() error { return r.control.EnableFullDuplex() }

type flushesWithError interface{ FlushError() error }

func (*recorder) cannot(what string) error {
	return fmt.Errorf("httpcache: %s: %w", what, http.ErrNotSupported)
}

// can reports whether a writer, or one that it wraps, does what T does.
func can[T any](w http.ResponseWriter) bool {
	for {
		if _, ok := w.(T); ok {
			return true
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		w = u.Unwrap()
	}
}
