package gonjacache_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/nikolalohinski/gonja/v2"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/gonjacache"
	"github.com/cacheops/cacheops/memstore"
)

var registered sync.Once

// site has a title that templates read, and counts how often they do.
type site struct {
	*testing.T
	cache *cacheops.Cache
	reads int
	fail  bool
}

func newSite(t *testing.T) *site {
	registered.Do(func() {
		if err := gonjacache.Register(gonja.DefaultEnvironment.ControlStructures); err != nil {
			t.Fatal(err)
		}
		gonja.DefaultConfig.AutoEscape = true
	})
	store := memstore.New(1 << 20)
	cache, err := cacheops.New(store, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(cache.Close(), store.Close()); err != nil {
			t.Error(err)
		}
	})
	return &site{T: t, cache: cache}
}

func (s *site) title(ctx context.Context) (string, error) {
	s.reads++
	if s.fail {
		return "", errors.ErrUnsupported
	}
	return cacheops.Memo(ctx, s.cache, "title", func(context.Context) (string, error) {
		return fmt.Sprintf("<b>&%d", s.reads), nil
	}, cacheops.WithoutReads())
}

// drop is a write of the title.
func (s *site) drop() {
	s.Helper()
	if err := cacheops.Forget(s.Context(), s.cache, "title"); err != nil {
		s.Fatal(err)
	}
}

func (s *site) render(text string, vars map[string]any) (string, error) {
	t, err := gonja.FromString(text)
	if err != nil {
		return "", err
	}
	if vars == nil {
		vars = map[string]any{}
	}
	vars["title"] = s.title
	var out strings.Builder
	err = t.Execute(&out, gonjacache.In(s.Context(), s.cache, vars))
	return out.String(), err
}

func (s *site) show(text string, vars map[string]any, want string, reads int) {
	s.Helper()
	before := s.reads
	got, err := s.render(text, vars)
	if got != want || err != nil || s.reads-before != reads {
		s.Errorf("%s: got %q, %v after %d reads, want %q after %d", text, got, err, s.reads-before, want, reads)
	}
}

func TestCachedWithoutATimeoutDependsOnWhatItReads(t *testing.T) {
	s := newSite(t)
	const page = `<p>{% cached %}<i>{{ title(ctx) }}</i>{% endcached %}</p>`
	s.show(page, nil, `<p><i>&lt;b&gt;&amp;1</i></p>`, 1)
	s.show(page, nil, `<p><i>&lt;b&gt;&amp;1</i></p>`, 0)
	s.drop()
	s.show(page, nil, `<p><i>&lt;b&gt;&amp;2</i></p>`, 1)
	s.show(`<p><i>{{ title(ctx) }}</i></p>`, nil, `<p><i>&lt;b&gt;&amp;2</i></p>`, 1) // as without the tag
	s.show(page+` `, nil, `<p><i>&lt;b&gt;&amp;2</i></p> `, 1)                        // another template
}

func TestTimeoutExtraAndName(t *testing.T) {
	s := newSite(t)
	const page = `{% for x in list %}{% cached timeout=60, extra=x name="part" %}{{ x }}{{ title(ctx) }}{% endcached %}{% endfor %}`
	vars := map[string]any{"list": []string{"a", "b"}}
	s.show(page, vars, `a&lt;b&gt;&amp;1b&lt;b&gt;&amp;1`, 2)
	s.drop()
	s.show(page, vars, `a&lt;b&gt;&amp;1b&lt;b&gt;&amp;1`, 0)
	if err := s.cache.InvalidateFragment(t.Context(), "part", "b"); err != nil {
		t.Fatal(err)
	}
	s.show(page, vars, `a&lt;b&gt;&amp;1b&lt;b&gt;&amp;3`, 1)
}

func TestCachedAs(t *testing.T) {
	s := newSite(t)
	const page = `{% cached_as deps, timeout="1h", extra=1 %}{{ title(ctx) }}{% endcached_as %}`
	vars := map[string]any{"deps": cacheops.Reads(func(ctx context.Context) error {
		_, err := cacheops.Memo(ctx, s.cache, "other", func(context.Context) (int, error) { return 1, nil }, cacheops.WithoutReads())
		return err
	})}
	s.show(page, vars, "&lt;b&gt;&amp;1", 1)
	s.drop()
	s.show(page, vars, "&lt;b&gt;&amp;1", 0)
	if err := cacheops.Forget(t.Context(), s.cache, "other"); err != nil {
		t.Fatal(err)
	}
	s.show(page, vars, "&lt;b&gt;&amp;2", 1)
}

// Who includes a template decides whether it is escaped.
func TestEscapingIsPartOfTheKey(t *testing.T) {
	s := newSite(t)
	const part = `{% cached timeout=60 extra=1 name="p" %}{{ x }}{% endcached %}`
	vars := map[string]any{"x": "<"}
	s.show(`{% macro m() %}`+part+`{% endmacro %}`+part+part, vars, "&lt;&lt;", 0)
	s.show(`{% autoescape false %}`+part+`{% endautoescape %}`, vars, "<", 0)
}

func TestNestedAndFailing(t *testing.T) {
	s := newSite(t)
	const page = `{% cached %}[{% cached extra=1 %}{{ title(ctx) }}{% endcached %}{% cached extra=2 %}{{ title(ctx) }}{% endcached %}]{% endcached %}`
	s.fail = true
	if _, err := s.render(page, nil); err == nil {
		t.Error("no error")
	}
	s.fail = false
	s.show(page, nil, "[&lt;b&gt;&amp;2&lt;b&gt;&amp;2]", 2)
	s.show(page, nil, "[&lt;b&gt;&amp;2&lt;b&gt;&amp;2]", 0)
	s.drop()
	s.show(page, nil, "[&lt;b&gt;&amp;4&lt;b&gt;&amp;4]", 2)
	for _, bad := range []string{
		`{% cached timeout %}{% endcached %}`, `{% cached foo=1 %}{% endcached %}`, `{% cached_as %}{% endcached_as %}`,
		`{% cached timeout=1 timeout=2 %}{% endcached %}`, `{% cached %}{% endcached_as %}`, `{% cached timeout=-1 %}{% endcached %}`,
		`{% cached_as nothing %}{% endcached_as %}`, `{% cached extra=title %}{% endcached %}`, `{% cached %}{% endcached 1 %}`,
	} {
		if out, err := s.render(bad, nil); err == nil {
			t.Errorf("%s: %q and no error", bad, out)
		}
	}
	bare, err := gonja.FromString(page)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bare.ExecuteToString(nil); err == nil {
		t.Error("a page without In: no error")
	}
}

// What a macro reads is read with the context of where it is defined, which is not
// the fragment's.
func TestAMacroOfThePageIsNotLostOnAFragment(t *testing.T) {
	s := newSite(t)
	const page = `{% macro show() %}{{ title(ctx)|safe }}{% endmacro %}{% cached %}{{ show() }}{% endcached %}`
	s.show(page, nil, `<b>&1`, 1)
	s.drop()
	s.show(page, nil, `<b>&2`, 1)
	const nested = `{% macro show() %}{{ title(ctx)|safe }}{% endmacro %}{% cached %}{% cached %}{{ show() }}{% endcached %}{% endcached %}`
	s.show(nested, nil, `<b>&2`, 1)
	s.drop()
	s.show(nested, nil, `<b>&4`, 1)
	const between = `{% cached %}{% macro show() %}{{ title(ctx)|safe }}{% endmacro %}{% cached %}{{ show() }}{% endcached %}{% endcached %}`
	s.show(between, nil, `<b>&4`, 1)
	s.drop()
	s.show(between, nil, `<b>&6`, 1)
	const handed = `{% macro show(ctx) %}{{ title(ctx)|safe }}{% endmacro %}{% cached %}{{ show(ctx) }}{% endcached %}`
	s.show(handed, nil, `<b>&6`, 1)
	s.show(handed, nil, `<b>&6`, 0)
	s.drop()
	s.show(handed, nil, `<b>&8`, 1)
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
			got, err := page.ExecuteToString(gonjacache.In(t.Context(), s.cache, nil))
			if got != want || err != nil {
				t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
			}
		}
	}
	if n := s.cache.Stats().Functions["fragment"].Hits; n != 3 {
		t.Errorf("%d hits, want 3", n)
	}
}

// Without the cache, be it switched off or unreachable, a page is what it would be
// without the tags.
func TestSwitchedOff(t *testing.T) {
	s := newSite(t)
	s.cache.Disable()
	const page = `{% cached %}{{ title(ctx) }}{% cached timeout=60 %}{{ title(ctx) }}{% endcached %}{% endcached %}`
	s.show(page, nil, "&lt;b&gt;&amp;1&lt;b&gt;&amp;2", 2)
	s.show(page, nil, "&lt;b&gt;&amp;3&lt;b&gt;&amp;4", 2)
}
