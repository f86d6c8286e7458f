// Package page keeps a template's fragments from losing what is read for them
// with the context of the page around them. Engines whose macros, super blocks and
// the like see the variables of where they are defined hand these the page's
// context, also where a fragment calls them.
package page

import (
	"context"
	"reflect"
	"sync"

	"github.com/cacheops/cacheops"
)

// Page is the context of a page, or of a fragment, for whose parts in turn it is
// the page. It may be used from many goroutines.
type Page struct {
	context.Context
	outer *Page // nil if none
	// function is the context of a fragment's function, which leads past no page: a
	// fragment that is rendered as if there were no cache has none of its own, and
	// who asks its context asks the page's.
	function context.Context

	mu    sync.Mutex
	inner map[*Page]struct{} // the fragments that are being rendered
}

type pageKey struct{}

// New returns the context of a page.
func New(ctx context.Context) *Page {
	outer, _ := ctx.Value(pageKey{}).(*Page)
	return &Page{Context: ctx, outer: outer}
}

// Fragment returns the context of a fragment that is about to be rendered under
// ctx, the context of its function. leave says that it has been.
func Fragment(ctx context.Context) (p *Page, leave func()) {
	p = New(ctx)
	p.function = cacheops.With(ctx, cacheops.Call{})
	for o := p.outer; o != nil; o = o.outer {
		o.enter(p)
	}
	return p, func() {
		for o := p.outer; o != nil; o = o.outer {
			o.leave(p)
		}
	}
}

func (p *Page) enter(fragment *Page) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inner == nil {
		p.inner = make(map[*Page]struct{})
	}
	p.inner[fragment] = struct{}{}
}

func (p *Page) leave(fragment *Page) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.inner, fragment)
}

var corePath = reflect.TypeFor[cacheops.Call]().PkgPath()

// Value implements [context.Context]. The cache asks each context that is read
// with for a value of its own; a fragment's answers that itself. So who asks here
// while a fragment is being rendered reads past it.
func (p *Page) Value(key any) any {
	if key == (pageKey{}) {
		return p
	}
	if t := reflect.TypeOf(key); t != nil && t.PkgPath() == corePath {
		for _, f := range p.rendering() {
			cacheops.Untracked(f.function, "reads with the context of the page around it")
		}
	}
	return p.Context.Value(key)
}

func (p *Page) rendering() []*Page {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.inner) == 0 {
		return nil
	}
	all := make([]*Page, 0, len(p.inner))
	for f := range p.inner {
		all = append(all, f)
	}
	return all
}
