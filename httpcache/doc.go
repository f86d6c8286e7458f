// Package httpcache keeps the responses of HTTP handlers until what they were
// made of changes.
//
//	site, err := httpcache.New(cache, "shop", nil)
//	…
//	http.ListenAndServe(addr, site.Handler(mux)) // or chi's r.Use(site.Handler)
//
// What a handler reads under its request's context, from databases and functions
// of the cache, is what the response depends on: a write drops the pages that it
// changes, at its commit. Or the program says what they depend on
// ([Config.DependsOn]). A handler that writes is not kept.
//
// # For whom
//
// A response is kept under the request's host, path, sorted query, scheme and the
// header fields that [Config.Headers] names, or [Vary] in an earlier response to the
// path, besides a few that always count. Whoever asks with the same key gets it.
// Therefore it is kept only if nothing else can have told the handler who asks:
//
//   - a request with Authorization, Cookie or a client's certificate is handed on,
//     unless [Config.Scope] says for whom it is;
//   - so is a request with a field that this package does not know ("X-User"),
//     unless [Config.Headers] puts it into the key or [Config.IgnoreHeaders] says
//     that pages do not depend on it;
//   - a response is not kept if the handler asked its request's context for a value
//     that is put there outside (or was not, this time), but for those of well-known
//     packages, unless Scope or [Config.IgnoreContext] vouches for it;
//   - nor with Set-Cookie (see [Config.SetCookies]).
//
// Not seen: the client's address, the clock, chance, files, other servers, and
// fields like User-Agent and Referer in a handler that does not name them in Vary,
// what a middleware outside has put into the response's header. Nor reads that are not handed the request's
// context. A response that read nothing at all under it is therefore not kept
// ([Config.WithoutReads]); one that read something else that changes says so with
// [cacheops.Untracked] or [cacheops.Depend].
//
// # HTTP
//
// It does what RFC 9110 and 9111 ask of a cache that is part of the origin server:
// GET and HEAD only (a HEAD is answered from a kept GET); Cache-Control of both
// sides; an ETag for responses that have none, conditional requests and ranges
// (answered by [http.ServeContent] from the whole); Age; pages of a path dropped by
// an unsafe request to it that succeeds. no-cache and max-age=0 of a response mean
// that it is not kept; see [Config.Revalidated].
//
// A response is gathered until the handler returns, and then sent. From the moment
// it is known not to be kept (by its header, because it is flushed, hijacked or too
// long) it passes straight through to the client. Requests for a page that is being
// made wait for it; where it turns out not to be kept they are handed on, and so
// are others for that page for some seconds.
//
// A handler runs on its request's goroutine, and sees a request without the
// conditional and range fields. What it panics with goes on up.
//
// [Vary]: https://www.rfc-editor.org/rfc/rfc9110#field.vary
package httpcache
