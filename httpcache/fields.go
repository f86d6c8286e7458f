package httpcache

import (
	"net/http"
	"strings"
)

// What a request's header may hold. A field that is in none of these lists, nor in
// the configuration, may tell the handler anything: such a request is handed on.
// The alternative, to trust that the response names it in Vary, is what the RFC
// allows; it hands the page of one X-User to all others in every program that
// forgets.

// personal fields say who asks.
var personal = set("Authorization", "Cookie", "Proxy-Authorization")

// own are the fields that the cache answers itself. A handler whose response is
// gathered does not see those of them that would make it answer with less than the
// whole.
var own = set(
	"Cache-Control", "Pragma", "Range", "If-Range",
	"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since",
)

// conditional fields are those that such a handler does not see.
var conditional = []string{"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"}

// usual are fields of which a response that depends on them says so in Vary, by the
// contract of HTTP, or that are about the connection, or that number requests.
var usual = set(
	"Accept-Charset", "User-Agent", "Referer",
	"Dnt", "Save-Data", "Upgrade-Insecure-Requests", "Priority",
	"Device-Memory", "Dpr", "Viewport-Width", "Width",
	"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Via", "Max-Forwards", "Content-Length", "Date",
	"Traceparent", "Tracestate", "X-Request-Id", "X-Correlation-Id",
)

// keyed are in every key, unless they are ignored: many handlers choose by them and
// do not say so in Vary (routers that negotiate, languages), or make addresses of
// what a proxy says in them.
var keyed = []string{
	"Accept", "Accept-Encoding", "Accept-Language",
	"Origin", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto", "X-Requested-With",
}

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// told reports whether a field is of those by which browsers, and no script in them,
// tell how they fetch and what they are. Others begin with Sec-, too.
func told(name string) bool {
	return strings.HasPrefix(name, "Sec-Fetch-") || strings.HasPrefix(name, "Sec-Ch-") || name == "Sec-Gpc" || name == "Sec-Purpose"
}

// barred says why a request is handed on, by its header; empty if it is not.
func (s *Site) barred(r *http.Request) string {
	for name := range r.Header {
		switch {
		case s.known[name]:
		case personal[name]:
			if s.cfg.Scope == nil {
				return "the request has " + name
			}
		case told(name):
		default:
			return "the request has " + name + ", which is neither in the key nor ignored"
		}
	}
	return ""
}

// knownFields are those that do not bar a request.
func (c *Config) knownFields() map[string]bool {
	m := set(keyed...)
	for _, names := range [][]string{c.Headers, c.IgnoreHeaders} {
		for _, n := range names {
			m[n] = true
		}
	}
	for n := range usual {
		m[n] = true
	}
	for n := range own {
		m[n] = true
	}
	return m
}
