package httpcache

import (
	"encoding/binary"
	"hash/maphash"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cacheops/cacheops"
)

// visit is a request's way through the cache: its key and, where it is the one for
// whom the response is made, the making.
type visit struct {
	key   []byte
	names []string // the learned fields in the key
	scope string
	deps  []cacheops.Dependency
	place cacheops.Dependency // by which the path's pages are dropped
	making
}

var _ cacheops.Keyer = (*visit)(nil)

// AppendKey implements [cacheops.Keyer].
func (v *visit) AppendKey(b []byte) []byte {
	if len(b) == 0 {
		return v.key[:len(v.key):len(v.key)]
	}
	return append(b, v.key...)
}

// place is a host's path, of which the cache learns what its responses vary on, and
// by which its pages are dropped.
type place struct{ host, path string }

func placeOf(r *http.Request) place { return placeAt(r.Host, r.URL.Path) }

// placeAt returns the place of an address. A host has several names: what a client
// that names the default port has changed, others see who do not. Which of the two
// ports that is cannot be known behind a proxy.
func placeAt(host, path string) place {
	host = strings.ToLower(host)
	for _, port := range []string{":80", ":443"} {
		host = strings.TrimSuffix(host, port)
	}
	return place{strings.TrimSuffix(host, "."), path}
}

// visit makes the key of a request.
func (s *Site) visit(r *http.Request) *visit {
	at := placeOf(r)
	v := &visit{names: s.lore.names(at)}
	b := appendPlace(make([]byte, 0, 512), at)
	b = appendPart(b, strings.ToLower(r.Host)) // port and all: handlers make addresses of it
	b = appendPart(b, s.keyedAs)               // sites that differ in what they look at share nothing
	b = appendPart(appendPart(b, r.URL.RawPath), target(r))
	if r.TLS != nil {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	b = appendPart(b, sorted(r.URL.RawQuery))
	for _, n := range s.keyed {
		if values, ok := r.Header[n]; ok {
			b = appendValues(b, n, values)
		}
	}
	b = append(b, 0)
	// Also where the request does not have them: what is kept without a word of a
	// field is for whoever asks.
	for _, n := range v.names {
		b = appendValues(b, n, r.Header[n])
	}
	v.key = b
	return v
}

// placeKey is what drops all pages of a path. No page's key is the same.
func placeKey(at place) *visit { return &visit{key: appendPlace(nil, at)} }

func appendPlace(b []byte, at place) []byte { return appendPart(appendPart(b, at.host), at.path) }

func appendPart(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendValues(b []byte, name string, values []string) []byte {
	b = binary.AppendUvarint(appendPart(b, name), uint64(len(values)))
	for _, v := range values {
		b = appendPart(b, v)
	}
	return b
}

// target returns the path as the client has sent it, where that is another: a
// handler under [http.StripPrefix] sees what others see under other prefixes.
func target(r *http.Request) string {
	if t, _, _ := strings.Cut(r.RequestURI, "?"); t != r.URL.EscapedPath() {
		return t
	}
	return ""
}

// sorted returns a query in the order of its names. Values of one name stay in
// order: to a handler the first is another than the second. Names are compared as
// the handler sees them, or two orders of "a" and "%61" would be one. A semicolon
// parts values for some ([http.AllowQuerySemicolons]) and not for others, so that
// nobody knows which names there are.
func sorted(query string) string {
	if !strings.Contains(query, "&") || strings.Contains(query, ";") {
		return query
	}
	type pair struct{ name, raw string }
	pairs := make([]pair, 0, 8)
	inOrder := true
	for raw := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(raw, "=")
		if strings.ContainsAny(raw, "%+") {
			decoded, err := url.QueryUnescape(name)
			if err == nil {
				_, err = url.QueryUnescape(value)
			}
			if err != nil { // of several, a handler is told the first
				return query
			}
			name = decoded
		}
		inOrder = inOrder && (len(pairs) == 0 || pairs[len(pairs)-1].name <= name)
		pairs = append(pairs, pair{name, raw})
	}
	if inOrder {
		return query
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	var out strings.Builder
	out.Grow(len(query))
	for i, p := range pairs {
		if i > 0 {
			out.WriteByte('&')
		}
		out.WriteString(p.raw)
	}
	return out.String()
}

// digest is the key's and scope's, for what is remembered for a while.
func (v *visit) digest(seed maphash.Seed) uint64 {
	return maphash.Comparable(seed, [2]string{string(v.key), v.scope})
}
