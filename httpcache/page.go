package httpcache

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// page is a response as it is kept. It holds nothing that could be changed, so that
// callers share one without copying it.
type page struct {
	Status int
	Made   int64 // when, in Unix nanoseconds
	Fresh  int64 // for how many nanoseconds by its own header; 0 where that does not say
	// Head is what the handler did to the header: see appendHead.
	Head string
	Body string
}

func (p *page) age(now time.Time) time.Duration {
	return max(now.Sub(time.Unix(0, p.Made)), 0)
}

// What a handler does to a field of the header that it finds. Middlewares outside
// set fields on hits as well, and their values are another's, so that only the
// difference is kept.
const (
	fieldSet byte = iota + 1
	fieldAdd
	fieldDelete
)

// hop are fields that are about one connection, and Content-Length, which is made
// anew.
var hop = set(
	"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Content-Length", "Age",
)

// appendHead appends the difference between two headers: the number of values, and
// for each field what was done, its name, and its values.
func appendHead(b []byte, before, after http.Header) []byte {
	n := 0
	var fields []byte
	for _, name := range names(before, after) {
		if hop[name] {
			continue
		}
		old, had := before[name]
		now, has := after[name]
		what := fieldSet
		switch {
		case had && !has:
			what = fieldDelete
		case had && slices.Equal(old, now) && (old == nil) == (now == nil):
			continue
		case had && len(old) > 0 && len(now) > len(old) && slices.Equal(old, now[:len(old)]):
			what, now = fieldAdd, now[len(old):]
		}
		n += len(now)
		fields = appendValues(append(fields, what), name, now)
	}
	return append(binary.AppendUvarint(b, uint64(n)), fields...)
}

func names(a, b http.Header) []string {
	all := make([]string, 0, len(a)+len(b))
	for n := range a {
		all = append(all, n)
	}
	for n := range b {
		all = append(all, n)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// apply does to a header what the handler did.
func (p *page) apply(h http.Header) {
	head := p.Head
	values := make([]string, 0, min(cutUvarint(&head), len(head)))
	for head != "" {
		what := head[0]
		head = head[1:]
		name := cutPart(&head)
		from := len(values)
		for n := cutUvarint(&head); n > 0 && head != ""; n-- {
			values = append(values, cutPart(&head))
		}
		mine := values[from:len(values):len(values)]
		switch {
		case what == fieldDelete:
			delete(h, name)
		case what == fieldAdd && len(h[name]) > 0:
			h[name] = slices.Concat(h[name], mine)
		case len(mine) == 0:
			h[name] = nil // which tells net/http to leave it out
		default:
			h[name] = mine
		}
	}
}

// cutUvarint and cutPart take apart what appendHead has put together. Of anything
// else they make something, and never read beyond it.
func cutUvarint(s *string) int {
	n, shift := uint64(0), 0
	for i := 0; i < len(*s) && i < binary.MaxVarintLen64; i++ {
		c := (*s)[i]
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			*s = (*s)[i+1:]
			return int(min(n, 1<<30))
		}
		shift += 7
	}
	*s = ""
	return 0
}

func cutPart(s *string) string {
	n := min(cutUvarint(s), len(*s))
	part := (*s)[:n]
	*s = (*s)[n:]
	return part
}

// tag is an ETag for a body, and for what a 304 does not say of it anew. Who can write a
// body must not be able to make two that have the same.
func tag(h http.Header, body []byte) string {
	d := sha256.New()
	for _, name := range []string{"Content-Encoding", "Content-Type"} {
		d.Write(appendValues(nil, "", h[name]))
	}
	d.Write(body)
	return `"` + base64.RawURLEncoding.EncodeToString(d.Sum(nil)[:18]) + `"`
}

// pageCodec writes pages for stores that keep bytes.
type pageCodec struct{}

const pageVersion = 1

var errPage = errors.New("not a page")

func (pageCodec) Encode(v any) ([]byte, error) {
	p, ok := v.(page)
	if !ok {
		return nil, fmt.Errorf("encode a %T: %w", v, errPage)
	}
	b := make([]byte, 0, len(p.Head)+len(p.Body)+40)
	b = binary.AppendUvarint(append(b, pageVersion), uint64(p.Status))
	b = binary.BigEndian.AppendUint64(b, uint64(p.Made))
	b = binary.BigEndian.AppendUint64(b, uint64(p.Fresh))
	return append(appendPart(b, p.Head), p.Body...), nil
}

func (pageCodec) Decode(b []byte, v any) error {
	p, ok := v.(*page)
	if !ok {
		return fmt.Errorf("decode a %T: %w", v, errPage)
	}
	if len(b) == 0 || b[0] != pageVersion {
		return errPage
	}
	rest := string(b[1:])
	status := cutUvarint(&rest)
	if len(rest) < 16 || status < 200 || status > 999 {
		return errPage
	}
	made, fresh := binary.BigEndian.Uint64([]byte(rest[:8])), binary.BigEndian.Uint64([]byte(rest[8:16]))
	rest = rest[16:]
	head := cutPart(&rest)
	*p = page{Status: status, Made: int64(made), Fresh: int64(fresh), Head: head, Body: rest}
	return nil
}
