package pongocache_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/flosch/pongo2/v6"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/pongocache"
)

// site has a title that templates read, and counts how often they do.
type site struct {
	*testing.T
	cache *cacheops.Cache
	reads int
	fail  bool
}

func newSite(t *testing.T) *site {
	if err := pongocache.Register(); err != nil {
		t.Fatal(err)
	}
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

func (s *site) render(text string, vars pongo2.Context) (string, error) {
	t, err := pongo2.FromString(text)
	if err != nil {
		return "", err
	}
	if vars == nil {
		vars = pongo2.Context{}
	}
	vars["title"] = s.title
	return t.Execute(pongocache.In(s.Context(), s.cache, vars))
}

func (s *site) show(text string, vars pongo2.Context, want string, reads int) {
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
	vars := pongo2.Context{"list": []string{"a", "b"}}
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
	vars := pongo2.Context{"deps": cacheops.Reads(func(ctx context.Context) error {
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

// Two pages for which one tag depends on different things do not share what is kept.
func TestWhatAFragmentDependsOnIsPartOfItsKey(t *testing.T) {
	s := newSite(t)
	f := cacheops.NewFunc(s.cache, "f", func(context.Context, string) (int, error) { return 0, nil })
	const page = `{% cached_as deps %}{{ title(ctx) }}{% endcached_as %}`
	of := func(arg string) pongo2.Context { return pongo2.Context{"deps": f.Result(arg)} }
	s.show(page, of("a"), "&lt;b&gt;&amp;1", 1)
	s.drop()
	if err := f.Invalidate(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	s.show(page, of("b"), "&lt;b&gt;&amp;2", 1)
	s.show(page, of("b"), "&lt;b&gt;&amp;2", 0)
}

// Who includes a template decides whether it is escaped.
func TestEscapingIsPartOfTheKey(t *testing.T) {
	s := newSite(t)
	const part = `{% cached timeout=60 extra=1 name="p" %}{{ x }}{% endcached %}`
	vars := pongo2.Context{"x": "<"}
	s.show(`{% macro m() %}`+part+`{% endmacro %}`+part+part, vars, "&lt;&lt;", 0)
	s.show(`{% autoescape off %}`+part+`{% endautoescape %}`, vars, "<", 0)
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
	bare, err := pongo2.FromString(page)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bare.Execute(nil); err == nil {
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
func TestABlockCannotBeInAFragment(t *testing.T) {
	s := newSite(t)
	for _, tag := range []string{"{% block", "{%- block"} {
		if _, err := s.render(`{% cached %}`+tag+` x %}{% endblock %}{% endcached %}`, nil); err == nil {
			t.Error("a block was taken")
		}
	}
	s.show(`{% block x %}{% cached %}{{ title(ctx)|safe }}{% endcached %}{% endblock %}{% block y %}{% endblock %}`, nil, `<b>&1`, 1)
	s.show(`{% cached name="block" %}{{ block }}{% endcached %}`, nil, ``, 0)
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
