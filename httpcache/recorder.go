package httpcache

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// recorder is the writer of a handler whose response is gathered. When that turns
// out not to be kept it passes on what it has, and everything after that. The
// handler's header is the real one, so that there is nothing to carry over.
type recorder struct {
	http.ResponseWriter
	control *http.ResponseController
	base    http.Header // the header as the handler found it
	limit   int
	judge   func(status int, h http.Header) verdict
	onPass  func(verdict)
	before  func(status int) // called before the header goes out, where it is passed from the start

	passed bool
	status int         // 0 until it is given
	sent   http.Header // the header as it was then
	length int64       // Content-Length in it, -1 if it has none
	body   []byte
}

func newRecorder(w http.ResponseWriter) *recorder {
	return &recorder{ResponseWriter: w, control: http.NewResponseController(w), base: w.Header().Clone(), length: -1}
}

// writer returns the recorder as a handler may see it: with a Flush, and a
// CloseNotify, if the real one has it.
func (r *recorder) writer() http.ResponseWriter {
	if !can[http.Flusher](r.ResponseWriter) {
		return r
	}
	if c, ok := r.ResponseWriter.(http.CloseNotifier); ok { //nolint:staticcheck // deprecated, and in use
		return notifier{flusher{r}, c}
	}
	return flusher{r}
}

// begin gives word of a header that goes out without being gathered.
func (r *recorder) begin(status int) {
	if r.before != nil && status >= http.StatusOK {
		r.before(status)
		r.before = nil
	}
}

func (r *recorder) WriteHeader(status int) {
	switch {
	case r.passed:
		r.begin(status)
		r.ResponseWriter.WriteHeader(status)
	case status >= 100 && status < 200 && status != http.StatusSwitchingProtocols:
		r.ResponseWriter.WriteHeader(status) // there may be several, and hits have none
	case r.status == status: // said twice
	case r.status != 0: // too late for the client, but the handler has failed halfway
		r.pass(verdict{why: fmt.Sprintf("the handler says %d after %d", status, r.status), err: errPassed})
		r.ResponseWriter.WriteHeader(status) // which servers complain of
	case status < 200 || status > 999:
		r.pass(lasting("the status is no status of a response"))
		r.ResponseWriter.WriteHeader(status)
	default:
		r.decide(status)
	}
}

func (r *recorder) decide(status int) {
	h := r.Header()
	r.status, r.sent = status, h.Clone()
	if s := h.Get("Content-Length"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 0 {
			r.pass(lasting("the response's Content-Length is no number"))
			return
		}
		r.length = n
	}
	v := r.judge(status, h)
	if v.err == nil && r.length > int64(r.limit) {
		v = lasting("the response is too long")
	}
	if v.err != nil {
		r.pass(v)
	}
}

// pass ends the gathering: what there is goes out.
func (r *recorder) pass(v verdict) {
	if r.passed {
		return
	}
	r.passed = true
	r.onPass(v)
	if r.status == 0 {
		return
	}
	h := r.Header()
	now := h.Clone() // what came after the status is for trailers at most
	restore(h, r.sent)
	r.ResponseWriter.WriteHeader(r.status)
	restore(h, now)
	if len(r.body) > 0 {
		r.ResponseWriter.Write(r.body) //nolint:errcheck // the handler's next write fails as well
		r.body = nil
	}
}

// head is the header that is yet to go out.
func (r *recorder) head() http.Header {
	if r.status != 0 {
		return r.sent
	}
	return r.Header()
}

func restore(h, to http.Header) {
	clear(h)
	maps.Copy(h, to)
}

// ready makes sure that a status is given, reports whether n more bytes may be
// gathered, and passes them if not.
func (r *recorder) ready(n int) (gather bool) {
	if !r.passed && r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	switch total := int64(len(r.body)) + int64(n); {
	case r.passed:
	case r.length >= 0 && total > r.length:
		r.pass(lasting("the response is longer than its Content-Length"))
	case total > int64(r.limit):
		r.pass(lasting("the response is too long"))
	}
	if r.passed {
		r.begin(http.StatusOK)
	}
	return !r.passed
}

func (r *recorder) Write(p []byte) (int, error) {
	if !r.ready(len(p)) {
		return r.ResponseWriter.Write(p)
	}
	if len(p) > 0 && !bodyAllowed(r.status) {
		return 0, http.ErrBodyNotAllowed
	}
	r.body = append(r.body, p...)
	return len(p), nil
}

// WriteString implements [io.StringWriter].
func (r *recorder) WriteString(s string) (int, error) {
	if !r.ready(len(s)) {
		return io.WriteString(r.ResponseWriter, s)
	}
	if s != "" && !bodyAllowed(r.status) {
		return 0, http.ErrBodyNotAllowed
	}
	r.body = append(r.body, s...)
	return len(s), nil
}

// ReadFrom implements [io.ReaderFrom], by which files go out without being copied
// once nothing is gathered.
func (r *recorder) ReadFrom(src io.Reader) (int64, error) {
	if !r.passed {
		return io.Copy(struct{ io.Writer }{r}, src)
	}
	r.begin(http.StatusOK)
	return io.Copy(r.ResponseWriter, src)
}

// finish returns what was gathered; nil, and why, if nothing can be made of it.
func (r *recorder) finish(j *judge) (*page, verdict) {
	switch {
	case r.passed:
		return nil, verdict{}
	case r.status == 0:
		// Whoever called the handler may yet answer, as echo does for one that returns an
		// error; if not, the server says 200.
		return nil, lasting("the handler writes nothing")
	}
	if r.length >= 0 && r.length != int64(len(r.body)) {
		return nil, lasting("the response is shorter than its Content-Length")
	}
	for name := range r.Header() {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return nil, lasting("the response has trailers")
		}
	}
	if j.ctx.Err() != nil {
		return nil, j.whole()
	}
	r.passed = true // what still comes is the server's to refuse
	p := &page{Status: r.status}
	j.end(p, r.sent)
	r.complete(j.begun)
	p.Head, p.Body = string(appendHead(nil, r.base, r.sent)), string(r.body)
	return p, j.whole()
}

// complete adds to the header what a server would, and an ETag.
func (r *recorder) complete(now time.Time) {
	h := r.sent
	if _, ok := h["Date"]; !ok {
		h["Date"] = []string{now.UTC().Format(http.TimeFormat)}
	}
	if _, ok := h["Content-Type"]; !ok && len(r.body) > 0 && h.Get("Content-Encoding") == "" {
		h["Content-Type"] = []string{http.DetectContentType(r.body)}
	}
	if _, ok := h["Etag"]; !ok && r.status == http.StatusOK {
		h["Etag"] = []string{tag(h, r.body)}
	}
}
