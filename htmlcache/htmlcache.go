// Package htmlcache keeps fragments of html/template and text/template: parts of
// a page that are rendered once and again only when what they show has changed.
//
// A fragment is a template of the set, called with cached instead of template:
//
//	{{define "page"}}<h1>{{.Data.Title}}</h1>{{cached . "sidebar" nil (timeout "1h")}}{{end}}
//	{{define "sidebar"}}{{range latest .Context}}<li>{{.Title}}</li>{{end}}{{end}}
//
//	set, err := htmlcache.New(cache, template.New("").Funcs(…), parse)
//	err = set.Execute(ctx, w, "page", data)
//
// In every template the dot is a [View]: Data is what was given, Context what its
// reads are to be made with, for a fragment knows what it depends on by what is
// read there. The fragment's data is part of its key by value, that of a dot where it is
// given one; what else it shows goes into extra.
//
//   - {{cached . "name" data (extra …)}} keeps it until what it reads changes. What
//     reads nothing through the dot's Context is not kept.
//   - {{cached . "name" data (timeout "10m") (extra …)}} keeps it for a time.
//   - {{cached_as . "name" data deps (timeout …) (extra …)}} keeps it until deps
//     change: a table's name, a [cacheops.Target], what [cacheops.Reads] takes.
//
// The fragment's output stands in the page as {{template}} would put it there. It
// must be whole HTML in itself, and be called where text is: html/template escapes
// a fragment that stands in an attribute or a script as any other value. An error
// in a fragment is the page's, and nothing is kept.
package htmlcache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"slices"
	"strings"
	texttemplate "text/template"

	"github.com/cacheops/cacheops"
)

// Set is a set of templates whose fragments are kept. Its methods may be called
// from many goroutines.
type Set struct {
	cache  *cacheops.Cache
	exec   func(w io.Writer, name string, data any) error
	html   bool
	source string
}

// View is the dot of every template in a set.
type View struct {
	// Context is for all that is read while the template is rendered.
	Context context.Context
	// Data is what the template was given.
	Data any

	set *Set
}

// New returns a set of html/template. parse adds the templates to t, which has the
// functions cached, cached_as, timeout and extra by then; nothing of the set may be
// changed or executed otherwise afterwards.
func New(cache *cacheops.Cache, t *htmltemplate.Template, parse func(*htmltemplate.Template) error) (*Set, error) {
	s := &Set{cache: cache, html: true, exec: t.ExecuteTemplate}
	t.Funcs(s.funcs())
	if err := parse(t); err != nil {
		return nil, fmt.Errorf("htmlcache: parse: %w", err)
	}
	texts := make(map[string]string)
	for _, one := range t.Templates() {
		if one.Tree != nil && one.Tree.Root != nil {
			texts[one.Name()] = one.Tree.Root.String()
		}
	}
	s.source = digest(texts)
	return s, nil
}

// NewText returns a set of text/template, as New does.
func NewText(cache *cacheops.Cache, t *texttemplate.Template, parse func(*texttemplate.Template) error) (*Set, error) {
	s := &Set{cache: cache, exec: t.ExecuteTemplate}
	t.Funcs(s.funcs())
	if err := parse(t); err != nil {
		return nil, fmt.Errorf("htmlcache: parse: %w", err)
	}
	texts := make(map[string]string)
	for _, one := range t.Templates() {
		if one.Tree != nil && one.Root != nil {
			texts[one.Name()] = one.Root.String()
		}
	}
	s.source = digest(texts)
	return s, nil
}

// digest tells sets apart by all their templates: a fragment may call any of them.
func digest(texts map[string]string) string {
	names := make([]string, 0, len(texts))
	for name := range texts {
		names = append(names, name)
	}
	slices.Sort(names)
	h := sha256.New()
	for _, name := range names {
		fmt.Fprintf(h, "%q %q\n", name, texts[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// Execute renders a template of the set with data as its dot's Data. Where it
// fails, part of the output may have been written.
func (s *Set) Execute(ctx context.Context, w io.Writer, name string, data any) error {
	return s.exec(w, name, &View{Context: ctx, Data: data, set: s})
}

func (s *Set) funcs() map[string]any {
	return map[string]any{
		"cached":    s.cached,
		"cached_as": s.cachedAs,
		"timeout":   func(v any) timeout { return timeout{v} },
		"extra":     func(v ...any) extra { return extra(v) },
	}
}

type (
	timeout struct{ given any }
	extra   []any
)

func (s *Set) cached(view any, name string, data any, mods ...any) (any, error) {
	return s.fragment(view, name, data, nil, mods)
}

var errNothing = errors.New("cached_as needs what the fragment depends on, and got nil")

func (s *Set) cachedAs(view any, name string, data, deps any, mods ...any) (any, error) {
	if deps == nil {
		return nil, errNothing
	}
	return s.fragment(view, name, data, deps, mods)
}

var errDot = errors.New("the first argument must be the dot of a template in the set, or $")

// fragment returns a fragment of the set, rendered if need be.
func (s *Set) fragment(view any, name string, data, deps any, mods []any) (any, error) {
	v, ok := view.(*View)
	if !ok || v.set != s {
		return nil, errDot
	}
	if dot, ok := data.(*View); ok && dot.set == s {
		data = dot.Data
	}
	fr := cacheops.Fragment{Template: name, Source: s.source, Data: data}
	var till any
	for _, m := range mods {
		switch m := m.(type) {
		case timeout:
			till = m.given
		case extra:
			fr.Extra = append(fr.Extra, m...)
		default:
			return nil, fmt.Errorf("a %T is neither a timeout nor an extra", m)
		}
	}
	opts, err := cacheops.FragmentOptions(deps, till)
	if err != nil {
		return nil, err
	}
	render := func(ctx context.Context, out *strings.Builder) error {
		return s.exec(out, name, &View{Context: ctx, Data: data, set: s})
	}
	var out string
	if slices.Contains(fr.Extra, nil) { // a map without that key, by which it would be one fragment for all
		var b strings.Builder
		err = render(v.Context, &b)
		out = b.String()
	} else {
		out, err = s.cache.Fragment(v.Context, fr, render, opts...)
	}
	switch {
	case err != nil:
		return nil, err
	case s.html:
		return htmltemplate.HTML(out), nil //nolint:gosec // the template has escaped it
	}
	return out, nil
}
