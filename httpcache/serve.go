package httpcache

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// serve answers a GET or HEAD with a page.
func (p *page) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	p.apply(h)
	if p.Status == http.StatusOK && isConditional(r.Header) {
		p.serveContent(w, r)
		return
	}
	if bodyAllowed(p.Status) {
		h["Content-Length"] = []string{strconv.Itoa(len(p.Body))}
	}
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead && p.Body != "" {
		io.WriteString(w, p.Body) //nolint:errcheck // a client that is gone needs no answer
	}
}

// serveContent leaves conditions and ranges to net/http: If-Match, If-None-Match by
// weak comparison, If-Modified-Since, If-Range, one range or several.
func (p *page) serveContent(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // or it would guess from a body that may be encoded
	}
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil {
		modified = time.Time{}
	}
	http.ServeContent(w, r, "", modified, strings.NewReader(p.Body))
}

func isConditional(h http.Header) bool {
	for _, name := range conditional {
		if len(h[name]) > 0 {
			return true
		}
	}
	return false
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// seconds10 writes a time in whole seconds.
func seconds10(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
