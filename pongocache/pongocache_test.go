package pongocache_test

import (
	"testing"

	"github.com/flosch/pongo2/v6"

	"github.com/cacheops/cacheops/internal/page/pagetest"
	"github.com/cacheops/cacheops/pongocache"
)

func newSite(t *testing.T) *pagetest.Site {
	t.Helper()
	if err := pongocache.Register(); err != nil {
		t.Fatal(err)
	}
	return pagetest.New(t)
}

func render(s *pagetest.Site, text string, vars map[string]any) (string, error) {
	t, err := pongo2.FromString(text)
	if err != nil {
		return "", err
	}
	return t.Execute(pongocache.In(s.Context(), s.Cache, vars))
}

func bare(text string) (string, error) {
	t, err := pongo2.FromString(text)
	if err != nil {
		return "", err
	}
	return t.Execute(nil)
}

func TestTags(t *testing.T) {
	newSite(t)
	pagetest.Run(t, pagetest.Engine{Render: render, Bare: bare, Raw: "{% autoescape off %}", Escape: pongo2.SetAutoescape})
}

// Templates that extend one would share the fragment around its block.
func TestABlockCannotBeInAFragment(t *testing.T) {
	s := newSite(t)
	for _, tag := range []string{"{% block", "{%- block"} {
		if _, err := render(s, `{% cached %}`+tag+` x %}{% endblock %}{% endcached %}`, nil); err == nil {
			t.Error("a block was taken")
		}
	}
	show := func(text, want string, reads int) {
		t.Helper()
		s.Show(func() (string, error) { return render(s, text, map[string]any{"title": s.Title}) }, want, reads)
	}
	show(`{% block x %}{% cached %}{{ title(ctx)|safe }}{% endcached %}{% endblock %}{% block y %}{% endblock %}`, `<b>&1`, 1)
	show(`{% cached name="block" %}{{ block }}{% endcached %}`, ``, 0)
}
