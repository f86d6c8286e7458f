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
	http.ServeContent(w, p.conditions(r, h.Get("Content-Encoding") != ""), "", modified, strings.NewReader(p.Body))
}

// conditions returns what of a request net/http is to see. Of a list in several lines
// it reads the first one, and it answers ranges that the RFC has ignored: those of a
// HEAD, and in other units than bytes. An empty suffix, and any of an empty body, it
// calls "bytes 10-9/10".
func (p *page) conditions(r *http.Request, encoded bool) *http.Request {
	h := make(http.Header, len(conditional))
	for _, name := range conditional {
		if lines := r.Header[name]; len(lines) > 0 {
			h[name] = []string{strings.Join(lines, ", ")}
		}
	}
	lines := r.Header["Range"]
	switch {
	case r.Method == http.MethodHead, p.Body == "", len(lines) != 1, !isRange(lines[0]):
		delete(h, "Range")
	case !encoded && encodes(r.Header["Accept-Encoding"]):
		// A middleware around the cache may yet compress what goes out. chi's compresses
		// the part that it sees, and leaves it called bytes 2-4 of the whole.
		delete(h, "Range")
	}
	return &http.Request{Method: r.Method, Header: h}
}

// encodes reports whether an Accept-Encoding takes more than bodies as they are.
// Browsers that ask for a part of one take nothing else.
func encodes(fields []string) bool {
	for _, f := range fields {
		for one := range strings.SplitSeq(f, ",") {
			name, weight, _ := strings.Cut(one, ";")
			name = strings.TrimSpace(name)
			if name != "" && !strings.EqualFold(name, "identity") && !strings.EqualFold(strings.Trim(weight, " \t0."), "q=") {
				return true
			}
		}
	}
	return false
}

func isRange(s string) bool {
	list, ok := strings.CutPrefix(s, "bytes=")
	for one := range strings.SplitSeq(list, ",") {
		if suffix, is := strings.CutPrefix(strings.TrimSpace(one), "-"); is && strings.Trim(suffix, "0") == "" {
			return false
		}
	}
	return ok
}

func isConditional(h http.Header) bool {
	for _, name := range conditional {
		if len(h[name]) > 0 {
			return true
		}
	}
	return false
}

// demands reports whether a request is to fail where the response is not the one that
// its client knows. Of what is not kept only the handler can tell, and while its
// response is gathered it does not see these fields; the other conditions may be
// ignored without harm.
func demands(h http.Header) bool { return len(h["If-Match"]) > 0 || len(h["If-Unmodified-Since"]) > 0 }

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// seconds10 writes a time in whole seconds.
func seconds10(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
