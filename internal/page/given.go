package page

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cacheops/cacheops"
)

// Tag is what a tag is given in its template, as an engine's expressions; nil for what
// it is not.
type Tag[E comparable] struct {
	Deps, Timeout, Extra, Name E
}

// Option returns where the expression of an option is kept, nil if there is none of
// that name.
func (t *Tag[E]) Option(name string) *E {
	switch name {
	case "timeout":
		return &t.Timeout
	case "extra":
		return &t.Extra
	case "name":
		return &t.Name
	}
	return nil
}

// Given evaluates what the tag is given.
func (t *Tag[E]) Given(eval func(E) (any, error)) (g Given, err error) {
	to := [...]**any{&g.Deps, &g.Timeout, &g.Extra, &g.Name}
	var none E
	for i, e := range [...]E{t.Deps, t.Timeout, t.Extra, t.Name} {
		if e == none {
			continue
		}
		v, err := eval(e)
		if err != nil {
			return g, err
		}
		*to[i] = &v
	}
	return g, nil
}

// Given is what a tag was given in its template; nil for what it was not.
type Given struct {
	Deps, Timeout, Extra, Name *any
}

// ErrNilExtra says that a fragment is not to be kept: what it is told apart by is not
// known. Mostly that is a name which is not there, by which it would be one for all.
var ErrNilExtra = errors.New("cached: extra is nil, or not known")

// hasNil looks into the lists and dictionaries of a template too.
func hasNil(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return slices.ContainsFunc(v, hasNil)
	case map[string]any:
		for _, e := range v {
			if hasNil(e) {
				return true
			}
		}
	}
	return false
}

// Fragment says what the tag's fragment is, and how it is kept. It fails with
// [ErrNilExtra] for one that is to be rendered as if the tag were not there. place is where the tag
// stands, and all else that decides what is rendered there.
func (g *Given) Fragment(template, place, source string) (fr cacheops.Fragment, opts []cacheops.Option, err error) {
	fr = cacheops.Fragment{Template: template, Place: place, Source: source}
	if g.Extra != nil {
		if hasNil(*g.Extra) {
			return fr, nil, ErrNilExtra
		}
		fr.Extra = []any{*g.Extra}
	}
	if g.Name != nil {
		fr.Name = fmt.Sprint(*g.Name)
	}
	var deps, timeout any
	if g.Timeout != nil {
		timeout = *g.Timeout
	}
	if g.Deps != nil {
		if deps = *g.Deps; deps == nil {
			return fr, nil, errors.New("cached_as: what it depends on is nil, or not known")
		}
	}
	opts, err = cacheops.FragmentOptions(deps, timeout)
	return fr, opts, err
}
