package httpcache

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cacheops/cacheops"
)

// verdict says why a response is not kept; the zero one that nothing is against it.
type verdict struct {
	why string
	// err is for those who wait for the response. Nil: it is kept.
	err error
	// lasting says that the next one will hardly be kept either.
	lasting bool
}

func lasting(why string) verdict { return verdict{why: why, err: errPassed, lasting: true} }

// judge decides whether a response is kept.
type judge struct {
	site  *Site
	visit *visit
	at    place
	ctx   *values         // the handler's
	own   context.Context // the function's
	reads int             // tags that it depended on before the handler ran
	begun time.Time
}

// header looks at a response's status and header.
func (j *judge) header(status int, h http.Header) verdict {
	cfg := &j.site.cfg
	if !slices.Contains(cfg.Statuses, status) {
		v := lasting(fmt.Sprintf("the status is %d", status))
		v.lasting = status < http.StatusInternalServerError
		return v
	}
	// What Connection names is for this client alone.
	for _, name := range []string{"Trailer", "Transfer-Encoding", "Content-Range", "Upgrade", "Connection"} {
		if len(h[name]) > 0 {
			return lasting("the response has " + name)
		}
	}
	for name := range h {
		if http.CanonicalHeaderKey(name) != name { // to a client that is one with the field looked for here
			return lasting("the response has " + name + ", which http.Header does not find")
		}
	}
	if len(h["Set-Cookie"]) > 0 && !cfg.SetCookies {
		return lasting("the response has Set-Cookie")
	}
	d := control(h)
	life, limited := lifetime(h, d, j.begun)
	switch {
	case d.has(unreadable):
		return lasting("the response has a Cache-Control that cannot be read")
	case d.has("no-store"):
		return lasting("the response has no-store")
	case d.has("private"):
		return lasting("the response has private")
	case d.has("no-cache") && !cfg.Revalidated:
		return lasting("the response has no-cache")
	case limited && life <= aged(h) && !cfg.Revalidated:
		return lasting("the response ends at once")
	}
	return j.vary(h["Vary"])
}

// vary looks at what else a response depends on.
func (j *judge) vary(fields []string) verdict {
	var more []string
	for _, f := range fields {
		for name := range strings.SplitSeq(f, ",") {
			switch name = http.CanonicalHeaderKey(strings.TrimSpace(name)); {
			case name == "" || slices.Contains(j.site.keyed, name) || slices.Contains(j.visit.names, name):
			case name == "*":
				return lasting("the response varies on everything")
			case !isToken(name):
				return lasting("the response has a Vary that cannot be read")
			default:
				more = append(more, name)
			}
		}
	}
	switch {
	case len(more) == 0:
		return verdict{}
	case !j.site.lore.learn(j.at, more):
		return lasting("the response varies on too much")
	}
	return verdict{why: "what the response varies on was not known", err: errAgain}
}

// whole looks at what the handler has done once it has returned.
func (j *judge) whole() verdict {
	cfg := &j.site.cfg
	if j.ctx.Err() != nil {
		return verdict{why: "the request was cancelled", err: errAgain}
	}
	if read := j.ctx.strange(); read != "" {
		return lasting("the handler asks its context for the value of a " + read)
	}
	tags, why := cacheops.Captured(j.own)
	switch {
	case !cacheops.InFunction(j.own): // for want of a tenant, or because the store is away
		return verdict{why: "the cache was not asked"}
	case why != "": // the function's own affair, and whom it lets share the result
		return verdict{why: why}
	case cfg.DependsOn == nil && !cfg.WithoutReads && tags <= j.reads:
		return lasting("the handler reads nothing under its request's context")
	}
	return verdict{}
}

// end bounds the page by its own header.
func (j *judge) end(p *page, h http.Header) {
	made := j.begun.Add(-aged(h))
	p.Made = made.UnixNano()
	if life, ok := lifetime(h, control(h), j.begun); ok && life > aged(h) {
		p.Fresh = int64(life)
		cacheops.Ends(j.own, made.Add(life))
	}
}

// passes tells everybody that the response is not kept.
func (j *judge) passes(v verdict) {
	if v.lasting {
		j.site.lore.pass(j.visit)
	}
	cacheops.Untracked(j.own, v.why)
	j.ctx.leave()
	j.visit.settle(page{}, v.err)
}
