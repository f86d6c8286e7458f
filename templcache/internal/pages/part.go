// Package pages holds what the tests of templcache render: templates, of which
// `templ generate` makes pages_templ.go, and what a program writes around them.
package pages

import (
	"context"
	"io"

	"github.com/a-h/templ"

	"github.com/cacheops/cacheops/templcache"
)

// Source is where the pages' title comes from.
type Source interface {
	Title(ctx context.Context) (string, error)
}

// part is one call of Cached for all its blocks.
func part() templ.Component { return templcache.Cached(templcache.Options{}) }

// handed renders the fragment itself, around whatever block it is given.
func handed() templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error { return part().Render(ctx, w) })
}
