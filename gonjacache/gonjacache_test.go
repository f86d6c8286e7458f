package gonjacache_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/nikolalohinski/gonja/v2"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"

	"github.com/cacheops/cacheops/gonjacache"
	"github.com/cacheops/cacheops/internal/page/pagetest"
)

var register = sync.OnceValue(func() error {
	gonja.DefaultConfig.AutoEscape = true
	return gonjacache.Register(gonja.DefaultEnvironment.ControlStructures)
})

func newSite(t *testing.T) *pagetest.Site {
	t.Helper()
	if err := register(); err != nil {
		t.Fatal(err)
	}
	return pagetest.New(t)
}

func render(s *pagetest.Site, text string, vars map[string]any) (string, error) {
	t, err := gonja.FromString(text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = t.Execute(&out, gonjacache.In(s.Context(), s.Cache, vars))
	return out.String(), err
}

func bare(text string) (string, error) {
	t, err := gonja.FromString(text)
	if err != nil {
		return "", err
	}
	return t.ExecuteToString(nil)
}

func TestTags(t *testing.T) {
	newSite(t)
	pagetest.Run(t, pagetest.Engine{
		Render: render, Bare: bare, Raw: "{% autoescape false %}",
		Escape: func(on bool) { gonja.DefaultConfig.AutoEscape = on },
	})
}

// A block is another in each template that extends the one around it.
func TestAFragmentAroundABlockIsNotSharedByTemplates(t *testing.T) {
	s := newSite(t)
	files, err := loaders.NewMemoryLoader(map[string]string{
		"/base": `{% cached timeout=60 %}{% block x %}base{% endblock %} {{ self.y() }}{% endcached %}{% block y %}{% endblock %}`,
		"/one":  `{% extends "/base" %}{% block x %}one{% endblock %}{% block y %}1{% endblock %}`,
		"/two":  `{% extends "/base" %}{% block x %}two{% endblock %}{% block y %}2{% endblock %}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"/base": "base ", "/one": "one 11", "/two": "two 22"} {
		page, err := exec.NewTemplate(name, gonja.DefaultConfig, files, gonja.DefaultEnvironment)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			got, err := page.ExecuteToString(gonjacache.In(t.Context(), s.Cache, nil))
			if got != want || err != nil {
				t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
			}
		}
	}
	if n := s.Cache.Stats().Functions["fragment"].Hits; n != 3 {
		t.Errorf("%d hits, want 3", n)
	}
}

// Lists and dictionaries that are written in a template hold gonja's own values.
func TestListsInTags(t *testing.T) {
	s := newSite(t)
	show := func(text string, page int, want string, reads int) {
		t.Helper()
		vars := map[string]any{"title": s.Title, "page": page, "lang": "de", "other": s.Other()}
		s.Show(func() (string, error) { return render(s, text, vars) }, want, reads)
	}
	const list = `{% cached timeout=60, extra=[page, lang], name="list" %}{{ title(ctx)|safe }}{% endcached %}`
	show(list, 1, "<b>&1", 1)
	show(list, 2, "<b>&1", 1)
	s.Drop()
	show(list, 1, "<b>&1", 0)
	s.DropFragment("list", []any{2, "de"})
	show(list, 1, "<b>&1", 0)
	show(list, 2, "<b>&3", 1)
	const dict = `{% cached timeout=60, extra={"page": [page], "lang": lang}, name="dict" %}{{ title(ctx)|safe }}{% endcached %}`
	show(dict, 1, "<b>&3", 1)
	show(dict, 1, "<b>&3", 0)
	show(dict, 2, "<b>&3", 1)
	s.Drop()
	s.DropFragment("dict", map[string]any{"page": []any{1}, "lang": "de"})
	show(dict, 2, "<b>&3", 0)
	show(dict, 1, "<b>&6", 1)
	const deps = `{% cached_as [other, (other, other)] %}{{ title(ctx)|safe }}{% endcached_as %}`
	show(deps, 1, "<b>&6", 1)
	s.Drop()
	show(deps, 1, "<b>&6", 0)
	s.DropOther()
	show(deps, 1, "<b>&8", 1)
	for _, bad := range []string{`{% cached extra={1: 2} %}{% endcached %}`, `{% cached extra=[page.nothing.at.all] %}{% endcached %}`, `{% cached extra=[title] %}{% endcached %}`} {
		if out, err := render(s, bad, map[string]any{"title": s.Title, "page": 1}); err == nil {
			t.Errorf("%s: %q and no error", bad, out)
		}
	}
}
