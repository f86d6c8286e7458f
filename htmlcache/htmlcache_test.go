package htmlcache_test

import (
	"context"
	"errors"
	htmltemplate "html/template"
	"strings"
	"testing"
	texttemplate "text/template"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/htmlcache"
	"github.com/cacheops/cacheops/internal/page/pagetest"
)

// site is a set of templates that read a title.
type site struct{ *pagetest.Site }

func newSite(t *testing.T) *site { return &site{pagetest.New(t)} }

func (s *site) html(text string) *htmlcache.Set {
	s.Helper()
	t := htmltemplate.New("").Funcs(htmltemplate.FuncMap{"title": s.Title})
	set, err := htmlcache.New(s.Cache, t, func(t *htmltemplate.Template) error { _, err := t.Parse(text); return err })
	if err != nil {
		s.Fatal(err)
	}
	return set
}

func (s *site) show(set *htmlcache.Set, data any, want string, reads int) {
	s.Helper()
	s.Show(func() (string, error) {
		var out strings.Builder
		err := set.Execute(s.Context(), &out, "page", data)
		return out.String(), err
	}, want, reads)
}

const page = `{{define "page"}}<p>{{cached . "part" .Data}}</p>{{end}}{{define "part"}}<i title="{{.Data}}">{{title .Context}}{{.Data}}</i>{{end}}`

// A fragment is rendered until what it reads changes, and looks as it would
// without the cache.
func TestAFragmentIsKept(t *testing.T) {
	s := newSite(t)
	set := s.html(page)
	s.show(set, `<"x">`, `<p><i title="&lt;&#34;x&#34;&gt;">&lt;b&gt;&amp;1&lt;&#34;x&#34;&gt;</i></p>`, 1)
	s.show(set, `<"x">`, `<p><i title="&lt;&#34;x&#34;&gt;">&lt;b&gt;&amp;1&lt;&#34;x&#34;&gt;</i></p>`, 0)
	s.show(set, "y", `<p><i title="y">&lt;b&gt;&amp;1y</i></p>`, 1)
	s.Drop()
	s.show(set, "y", `<p><i title="y">&lt;b&gt;&amp;3y</i></p>`, 1)
	bare := s.html(strings.ReplaceAll(page, `{{cached . "part" .Data}}`, `{{template "part" .}}`))
	s.show(bare, "y", `<p><i title="y">&lt;b&gt;&amp;3y</i></p>`, 1)
}

// A fragment may be given the dot, as {{template}} mostly is: it has the same data.
func TestAFragmentOfTheDot(t *testing.T) {
	s := newSite(t)
	set := s.html(strings.ReplaceAll(page, `"part" .Data`, `"part" .`))
	s.show(set, "x", `<p><i title="x">&lt;b&gt;&amp;1x</i></p>`, 1)
	s.show(set, "x", `<p><i title="x">&lt;b&gt;&amp;1x</i></p>`, 0)
	s.show(set, "y", `<p><i title="y">&lt;b&gt;&amp;1y</i></p>`, 1)
}

// A template that was changed has other fragments, and so has one in which it is
// another that was.
func TestAChangedTemplateIsAChangedKey(t *testing.T) {
	s := newSite(t)
	s.show(s.html(page), "y", `<p><i title="y">&lt;b&gt;&amp;1y</i></p>`, 1)
	s.show(s.html(strings.ReplaceAll(page, "<i", "<em")), "y", `<p><em title="y">&lt;b&gt;&amp;1y</i></p>`, 1)
	s.show(s.html(page), "y", `<p><i title="y">&lt;b&gt;&amp;1y</i></p>`, 0)
	nested := page + `{{define "more"}}1{{end}}`
	nested = strings.Replace(nested, "</i>", `{{template "more"}}</i>`, 1)
	s.show(s.html(nested), "y", `<p><i title="y">&lt;b&gt;&amp;1y1</i></p>`, 1)
	s.show(s.html(strings.Replace(nested, ">1{{", ">2{{", 1)), "y", `<p><i title="y">&lt;b&gt;&amp;1y1</i></p>`, 0)
	s.show(s.html(strings.Replace(nested, `"}}1{{`, `"}}2{{`, 1)), "y", `<p><i title="y">&lt;b&gt;&amp;1y2</i></p>`, 1)
}

func TestTimeoutExtraAndDependencies(t *testing.T) {
	s := newSite(t)
	timed := s.html(`{{define "page"}}{{cached . "part" nil (timeout "1h") (extra .Data 1)}}{{end}}{{define "part"}}{{title .Context}}{{end}}`)
	s.show(timed, "a", "&lt;b&gt;&amp;1", 1)
	s.show(timed, "b", "&lt;b&gt;&amp;1", 1)
	s.Drop()
	s.show(timed, "a", "&lt;b&gt;&amp;1", 0)
	s.DropFragment("part", "a", 1)
	s.show(timed, "b", "&lt;b&gt;&amp;1", 0)
	s.show(timed, "a", "&lt;b&gt;&amp;3", 1)

	as := s.html(`{{define "page"}}{{cached_as . "part" nil .Data (timeout 60)}}{{end}}{{define "part"}}{{title .Context}}{{end}}`)
	reads := s.Other()
	s.show(as, reads, "&lt;b&gt;&amp;3", 1)
	s.Drop() // which it was not said to depend on
	s.show(as, reads, "&lt;b&gt;&amp;3", 0)
	s.DropOther()
	s.show(as, reads, "&lt;b&gt;&amp;5", 1)
}

// A key that the map does not have is nil, and would be one fragment for everybody.
func TestNilExtra(t *testing.T) {
	s := newSite(t)
	set := s.html(`{{define "page"}}{{cached . "part" .Data.name (timeout "1h") (extra .Data.nobody)}}{{end}}{{define "part"}}{{title .Context}}{{end}}`)
	page := map[string]any{"name": "a"}
	s.show(set, page, "&lt;b&gt;&amp;1", 1)
	s.show(set, page, "&lt;b&gt;&amp;1", 1)
}

func TestAnErrorInAFragment(t *testing.T) {
	s := newSite(t)
	set := s.html(page)
	s.Fail = true
	err := set.Execute(t.Context(), &strings.Builder{}, "page", "y")
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	s.Fail = false
	s.show(set, "y", `<p><i title="y">&lt;b&gt;&amp;2y</i></p>`, 1)
	for _, text := range []string{
		`{{cached .Data "part" nil}}`, `{{cached . "nowhere" nil}}`, `{{cached . "part" nil 5}}`, `{{cached . "part" nil (timeout "x")}}`,
		`{{cached . "part" nil (timeout -1)}}`, `{{cached_as . "part" nil 5}}`, `{{cached . "part" nil (extra title)}}`,
	} {
		set := s.html(`{{define "page"}}` + text + `{{end}}{{define "part"}}x{{end}}`)
		if err := set.Execute(t.Context(), &strings.Builder{}, "page", "y"); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

// Fragments nest, and the outer one depends on what the inner one reads.
func TestNestedFragments(t *testing.T) {
	s := newSite(t)
	set := s.html(`{{define "page"}}{{cached . "outer" nil}}{{end}}{{define "outer"}}[{{cached . "inner" 1}}{{cached . "inner" 2}}]{{end}}{{define "inner"}}{{title .Context}}{{.Data}}{{end}}`)
	s.show(set, nil, "[&lt;b&gt;&amp;11&lt;b&gt;&amp;12]", 2)
	s.show(set, nil, "[&lt;b&gt;&amp;11&lt;b&gt;&amp;12]", 0)
	s.Drop()
	s.show(set, nil, "[&lt;b&gt;&amp;31&lt;b&gt;&amp;32]", 2)
	s.DropFragment("inner")
	s.show(set, nil, "[&lt;b&gt;&amp;31&lt;b&gt;&amp;32]", 2)
	s.show(set, nil, "[&lt;b&gt;&amp;31&lt;b&gt;&amp;32]", 0)
}

func TestText(t *testing.T) {
	s := newSite(t)
	tt := texttemplate.New("").Funcs(texttemplate.FuncMap{"title": s.Title})
	set, err := htmlcache.NewText(s.Cache, tt, func(t *texttemplate.Template) error { _, err := t.Parse(page); return err })
	if err != nil {
		t.Fatal(err)
	}
	s.show(set, "<", `<p><i title="<"><b>&1<</i></p>`, 1)
	s.show(set, "<", `<p><i title="<"><b>&1<</i></p>`, 0)
}

// Two pages that keep one template differently do not share what is kept.
func TestHowAFragmentIsKeptIsPartOfItsKey(t *testing.T) {
	const part = `{{define "part"}}{{title .Context}}{{end}}`
	for _, calls := range [][2]string{
		{`cached . "part" nil (timeout "1h")`, `cached . "part" nil`},
		{`cached . "part" nil (timeout "1h")`, `cached . "part" nil (timeout "2h")`},
		{`cached_as . "part" nil .Data.Other`, `cached . "part" nil`},
		{`cached_as . "part" nil .Data.Other`, `cached_as . "part" nil .Data.Title`},
		{`cached_as . "part" nil .Data.Other`, `cached_as . "part" nil .Data.Both`},
	} {
		s := newSite(t)
		f := cacheops.NewFunc(s.Cache, "f", func(context.Context, int) (int, error) { return 0, nil })
		data := map[string]any{"Other": f.Result(1), "Title": f.Result(2), "Both": []cacheops.Dependency{f.Result(1), f.Result(2)}}
		both := s.html(`{{define "page"}}{{if .Data.Second}}{{` + calls[1] + `}}{{else}}{{` + calls[0] + `}}{{end}}{{end}}` + part)
		s.show(both, data, `&lt;b&gt;&amp;1`, 1)
		data["Second"] = true
		s.Drop()
		if err := f.Invalidate(s.Context(), 2); err != nil {
			s.Fatal(err)
		}
		s.show(both, data, `&lt;b&gt;&amp;2`, 1)
		s.show(both, data, `&lt;b&gt;&amp;2`, 0)
	}
}
