package page

import (
	"errors"
	"fmt"

	"github.com/cacheops/cacheops"
)

// Given is what a tag was given in its template; nil for what it was not.
type Given struct {
	Deps, Timeout, Extra, Name *any
}

// Fragment says what the tag's fragment is, and how it is kept. place is where the tag
// stands, and all else that decides what is rendered there.
func (g *Given) Fragment(template, place, source string) (fr cacheops.Fragment, opts []cacheops.Option, err error) {
	fr = cacheops.Fragment{Template: template, Place: place, Source: source}
	if g.Extra != nil {
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
