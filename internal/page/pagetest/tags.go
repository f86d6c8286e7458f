package pagetest

import (
	"context"
	"testing"

	"github.com/cacheops/cacheops"
)

// Engine is one with the tags cached and cached_as.
type Engine struct {
	// Render renders a template with variables, among them title, the site's.
	Render func(s *Site, text string, vars map[string]any) (string, error)
	// Bare renders it without what the tags need.
	Bare func(text string) (string, error)
	// Raw begins a part whose variables are not escaped.
	Raw string
	// Escape says whether variables of templates are escaped from now on; they are.
	Escape func(on bool)
}

// Run tests an engine's tags.
func Run(t *testing.T, e Engine) {
	t.Helper()
	for name, test := range map[string]func(*tags){
		"reads":          (*tags).dependsOnWhatItReads,
		"options":        (*tags).timeoutExtraAndName,
		"extra is nil":   (*tags).nilExtra,
		"cached_as":      (*tags).cachedAs,
		"dependency key": (*tags).dependenciesArePartOfTheKey,
		"escaping":       (*tags).escapingIsPartOfTheKey,
		"nested":         (*tags).nestedAndFailing,
		"refused":        (*tags).refused,
		"macros":         (*tags).macrosOfThePage,
		"switched off":   (*tags).switchedOff,
	} {
		t.Run(name, func(t *testing.T) { test(&tags{New(t), e}) })
	}
}

// tags is one test of the tags at work.
type tags struct {
	*Site
	Engine
}

func (s *tags) render(text string, vars map[string]any) (string, error) {
	all := map[string]any{"title": s.Title}
	for name, v := range vars {
		all[name] = v
	}
	return s.Render(s.Site, text, all)
}

func (s *tags) show(text string, vars map[string]any, want string, reads int) {
	s.Helper()
	s.Show(func() (string, error) { return s.render(text, vars) }, want, reads)
}

func (s *tags) dependsOnWhatItReads() {
	const page = `<p>{% cached %}<i>{{ title(ctx) }}</i>{% endcached %}</p>`
	s.show(page, nil, `<p><i>&lt;b&gt;&amp;1</i></p>`, 1)
	s.show(page, nil, `<p><i>&lt;b&gt;&amp;1</i></p>`, 0)
	s.Drop()
	s.show(page, nil, `<p><i>&lt;b&gt;&amp;2</i></p>`, 1)
	s.show(`<p><i>{{ title(ctx) }}</i></p>`, nil, `<p><i>&lt;b&gt;&amp;2</i></p>`, 1) // as without the tag
	s.show(page+` `, nil, `<p><i>&lt;b&gt;&amp;2</i></p> `, 1)                        // another template
}

func (s *tags) timeoutExtraAndName() {
	const page = `{% for x in list %}{% cached timeout=60, extra=x name="part" %}{{ x }}{{ title(ctx) }}{% endcached %}{% endfor %}`
	vars := map[string]any{"list": []string{"a", "b"}}
	s.show(page, vars, `a&lt;b&gt;&amp;1b&lt;b&gt;&amp;1`, 2)
	s.Drop()
	s.show(page, vars, `a&lt;b&gt;&amp;1b&lt;b&gt;&amp;1`, 0)
	s.DropFragment("part", "b")
	s.show(page, vars, `a&lt;b&gt;&amp;1b&lt;b&gt;&amp;3`, 1)
}

// A name that is misspelt is nil, and would be one fragment for everybody.
func (s *tags) nilExtra() {
	for _, page := range []string{
		`{% cached timeout=60 extra=nobody %}{{ x }}{% endcached %}`, `{% cached timeout=60 extra=user.id %}{{ x }}{% endcached %}`,
	} {
		for _, x := range []string{"a", "b"} {
			out, err := s.render(page, map[string]any{"x": x, "user": map[string]any{"ID": 1}})
			if err != nil || out[:1] != x {
				s.Errorf("%s with %s: %q, %v", page, x, out, err)
			}
		}
	}
	const around = `{% cached %}{% cached timeout=60 extra=nobody %}{{ title(ctx) }}{% endcached %}{% endcached %}` // which goes on as without the tag
	s.show(around, nil, `&lt;b&gt;&amp;1`, 1)
	s.show(around, nil, `&lt;b&gt;&amp;1`, 0)
	s.Drop()
	s.show(around, nil, `&lt;b&gt;&amp;2`, 1)
}

func (s *tags) cachedAs() {
	const page = `{% cached_as deps, timeout="1h", extra=1 %}{{ title(ctx) }}{% endcached_as %}`
	vars := map[string]any{"deps": s.Other()}
	s.show(page, vars, "&lt;b&gt;&amp;1", 1)
	s.Drop()
	s.show(page, vars, "&lt;b&gt;&amp;1", 0)
	s.DropOther()
	s.show(page, vars, "&lt;b&gt;&amp;2", 1)
}

// Two pages for which one tag depends on different things do not share what is kept.
func (s *tags) dependenciesArePartOfTheKey() {
	f := cacheops.NewFunc(s.Cache, "f", func(context.Context, string) (int, error) { return 0, nil })
	const page = `{% cached_as deps %}{{ title(ctx) }}{% endcached_as %}`
	of := func(arg string) map[string]any { return map[string]any{"deps": f.Result(arg)} }
	s.show(page, of("a"), "&lt;b&gt;&amp;1", 1)
	s.Drop()
	if err := f.Invalidate(s.Context(), "b"); err != nil {
		s.Fatal(err)
	}
	s.show(page, of("b"), "&lt;b&gt;&amp;2", 1)
	s.show(page, of("b"), "&lt;b&gt;&amp;2", 0)
}

// The same text may be rendered in either way.
func (s *tags) escapingIsPartOfTheKey() {
	const part = `{% cached timeout=60 extra=1 name="p" %}{{ x }}{% endcached %}`
	vars := map[string]any{"x": "<"}
	s.show(`{% macro m() %}`+part+`{% endmacro %}`+part+part, vars, "&lt;&lt;", 0)
	s.show(s.Raw+part+`{% endautoescape %}`, vars, "<", 0)
	s.show(part, vars, "&lt;", 0)
	defer s.Escape(true)
	s.Escape(false)
	s.show(part, vars, "<", 0)
}

const nested = `{% cached %}[{% cached extra=1 %}{{ title(ctx) }}{% endcached %}{% cached extra=2 %}{{ title(ctx) }}{% endcached %}]{% endcached %}`

func (s *tags) nestedAndFailing() {
	s.Site.Fail = true
	if _, err := s.render(nested, nil); err == nil {
		s.Error("no error")
	}
	s.Site.Fail = false
	s.show(nested, nil, "[&lt;b&gt;&amp;2&lt;b&gt;&amp;2]", 2)
	s.show(nested, nil, "[&lt;b&gt;&amp;2&lt;b&gt;&amp;2]", 0)
	s.Drop()
	s.show(nested, nil, "[&lt;b&gt;&amp;4&lt;b&gt;&amp;4]", 2)
}

func (s *tags) refused() {
	for _, bad := range []string{
		`{% cached timeout %}{% endcached %}`, `{% cached foo=1 %}{% endcached %}`, `{% cached_as %}{% endcached_as %}`,
		`{% cached timeout=1 timeout=2 %}{% endcached %}`, `{% cached %}{% endcached_as %}`, `{% cached timeout=-1 %}{% endcached %}`,
		`{% cached_as nothing %}{% endcached_as %}`, `{% cached extra=title %}{% endcached %}`, `{% cached %}{% endcached 1 %}`,
	} {
		if out, err := s.render(bad, nil); err == nil {
			s.Errorf("%s: %q and no error", bad, out)
		}
	}
	if _, err := s.Bare(nested); err == nil {
		s.Error("a page without In: no error")
	}
}

// What a macro reads is read with the context of where it is defined, which is not
// the fragment's.
func (s *tags) macrosOfThePage() {
	const page = `{% macro show() %}{{ title(ctx)|safe }}{% endmacro %}{% cached %}{{ show() }}{% endcached %}`
	s.show(page, nil, `<b>&1`, 1)
	s.Drop()
	s.show(page, nil, `<b>&2`, 1)
	const nested = `{% macro show() %}{{ title(ctx)|safe }}{% endmacro %}{% cached %}{% cached %}{{ show() }}{% endcached %}{% endcached %}`
	s.show(nested, nil, `<b>&2`, 1)
	s.Drop()
	s.show(nested, nil, `<b>&4`, 1)
	const between = `{% cached %}{% macro show() %}{{ title(ctx)|safe }}{% endmacro %}{% cached %}{{ show() }}{% endcached %}{% endcached %}`
	s.show(between, nil, `<b>&4`, 1)
	s.Drop()
	s.show(between, nil, `<b>&6`, 1)
	const handed = `{% macro show(ctx) %}{{ title(ctx)|safe }}{% endmacro %}{% cached %}{{ show(ctx) }}{% endcached %}`
	s.show(handed, nil, `<b>&6`, 1)
	s.show(handed, nil, `<b>&6`, 0)
	s.Drop()
	s.show(handed, nil, `<b>&8`, 1)
}

// Without the cache, be it switched off or unreachable, a page is what it would be
// without the tags.
func (s *tags) switchedOff() {
	s.Cache.Disable()
	const page = `{% cached %}{{ title(ctx) }}{% cached timeout=60 %}{{ title(ctx) }}{% endcached %}{% endcached %}`
	s.show(page, nil, "&lt;b&gt;&amp;1&lt;b&gt;&amp;2", 2)
	s.show(page, nil, "&lt;b&gt;&amp;3&lt;b&gt;&amp;4", 2)
}
