package templcache_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	templruntime "github.com/a-h/templ/runtime"

	"github.com/cacheops/cacheops/internal/page/pagetest"
	"github.com/cacheops/cacheops/templcache"
	"github.com/cacheops/cacheops/templcache/internal/pages"
)

// site has a title that components read.
type site struct{ *pagetest.Site }

func newSite(t *testing.T) *site { return &site{pagetest.New(t)} }

func (s *site) title(ctx context.Context, w io.Writer) error {
	title, err := s.Title(ctx)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, templ.EscapeString(title))
	return err
}

// show renders the component around the title, as generated code would.
func (s *site) show(c templ.Component, want string, reads int) {
	s.Helper()
	s.Show(func() (string, error) {
		var out strings.Builder
		ctx := templ.WithChildren(templcache.In(s.Context(), s.Cache), templ.ComponentFunc(s.title))
		err := c.Render(ctx, &out)
		return out.String(), err
	}, want, reads)
}

func part(o templcache.Options) templ.Component { return templcache.Cached(o) }

func TestCachedDependsOnWhatItReads(t *testing.T) {
	s := newSite(t)
	s.show(part(templcache.Options{}), "&lt;b&gt;&amp;1", 1)
	s.show(part(templcache.Options{}), "&lt;b&gt;&amp;1", 0)
	s.show(templcache.Cached(templcache.Options{}), "&lt;b&gt;&amp;1", 1) // another place
	s.Drop()
	s.show(part(templcache.Options{}), "&lt;b&gt;&amp;3", 1)
}

func TestTimeoutExtraAndName(t *testing.T) {
	s := newSite(t)
	o := templcache.Options{Timeout: time.Hour, Extra: []any{1, "x"}, Name: "part"}
	s.show(part(o), "&lt;b&gt;&amp;1", 1)
	s.Drop()
	s.show(part(o), "&lt;b&gt;&amp;1", 0)
	other := o
	other.Extra = []any{2, "x"}
	s.show(part(other), "&lt;b&gt;&amp;2", 1)
	s.DropFragment("part", 1, "x")
	s.show(part(other), "&lt;b&gt;&amp;2", 0)
	s.show(part(o), "&lt;b&gt;&amp;2", 1)
}

func TestCachedAs(t *testing.T) {
	s := newSite(t)
	deps := s.Other()
	as := func() templ.Component { return templcache.CachedAs(deps, templcache.Options{}) }
	s.show(as(), "&lt;b&gt;&amp;1", 1)
	s.Drop()
	s.show(as(), "&lt;b&gt;&amp;1", 0)
	s.DropOther()
	s.show(as(), "&lt;b&gt;&amp;2", 1)
}

// Which scripts the page has rendered before does not decide what is kept.
func TestAFragmentBringsItsScripts(t *testing.T) {
	s := newSite(t)
	script := templ.ComponentScript{Name: "f", Function: "function f(){}", Call: "f()", CallInline: "f()"}
	show := func(ctx context.Context, before bool) string {
		var out strings.Builder
		ctx = templ.InitializeContext(templcache.In(ctx, s.Cache))
		if before {
			if err := templ.RenderScriptItems(ctx, io.Discard, script); err != nil {
				t.Fatal(err)
			}
		}
		ctx = templ.WithChildren(ctx, templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
			return templ.RenderScriptItems(ctx, w, script)
		}))
		if err := templcache.Cached(templcache.Options{}).Render(ctx, &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	with := show(t.Context(), true)
	if !strings.Contains(with, "function f") || show(t.Context(), false) != with {
		t.Errorf("got %q", with)
	}
	if out := show(templ.WithNonce(t.Context(), "secret"), false); !strings.Contains(out, "secret") {
		t.Errorf("with a nonce: %q", out)
	}
	if out := show(templ.WithNonce(t.Context(), "other"), false); !strings.Contains(out, "other") {
		t.Errorf("with another nonce: %q", out)
	}
}

func TestErrors(t *testing.T) {
	s := newSite(t)
	s.Fail = true
	ctx := templ.WithChildren(templcache.In(t.Context(), s.Cache), templ.ComponentFunc(s.title))
	if err := part(templcache.Options{}).Render(ctx, io.Discard); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	s.Fail = false
	s.show(part(templcache.Options{}), "&lt;b&gt;&amp;2", 1)
	for name, c := range map[string]templ.Component{
		"a negative timeout":   part(templcache.Options{Timeout: -1}),
		"an extra of no key":   part(templcache.Options{Extra: []any{func() {}}}),
		"nothing to depend on": templcache.CachedAs(nil, templcache.Options{}),
		"no dependency":        templcache.CachedAs(5, templcache.Options{}),
	} {
		if err := c.Render(ctx, io.Discard); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := part(templcache.Options{}).Render(t.Context(), io.Discard); err == nil {
		t.Error("without In: no error")
	}
}

// generated is what generated code makes its components with. The compiler does not
// inline what is called through a variable, nor anything in a program for a debugger.
var generated = templruntime.GeneratedTemplate

func TestChildrenOfAHelperWithoutInlining(t *testing.T) {
	s := newSite(t)
	say := func(text string) func(templruntime.GeneratedComponentInput) error {
		return func(in templruntime.GeneratedComponentInput) error {
			_, err := io.WriteString(in.Writer, text)
			return err
		}
	}
	one, two := generated(say("one")), generated(say("two"))
	for i := range 4 {
		c, want := one, "one"
		if i%2 == 1 {
			c, want = two, "two"
		}
		var out strings.Builder
		ctx := templ.WithChildren(templcache.In(t.Context(), s.Cache), c)
		if err := part(templcache.Options{Timeout: time.Hour}).Render(ctx, &out); err != nil || out.String() != want {
			t.Errorf("got %q, %v, want %q", out.String(), err, want)
		}
	}
}

// page renders what templ has generated.
func (s *site) page(c templ.Component, want string, reads int) {
	s.Helper()
	s.Show(func() (string, error) {
		var out strings.Builder
		err := c.Render(templcache.In(s.Context(), s.Cache), &out)
		return out.String(), err
	}, want, reads)
}

// TestTemplates is about the code that templ makes, whose blocks all are closures of
// templ's own.
func TestTemplates(t *testing.T) {
	const bold, italic = "<b>&lt;b&gt;&amp;%[1]d</b>", "<i>&lt;b&gt;&amp;%[1]d</i>"
	for _, c := range []struct {
		name  string
		page  func(pages.Source) templ.Component
		want  string
		reads int
	}{
		{"a block", pages.Page, bold, 1},
		{"blocks in one helper", pages.Parts, bold + italic, 2},
		{"blocks in one component", pages.Boxes, "<p>" + bold + "</p><p>" + italic + "</p>", 2},
		{"a block in two components", pages.Joined, bold + bold, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			for range 2 {
				title := s.Reads + 1
				s.page(c.page(s), fmt.Sprintf(c.want, title), c.reads)
				s.page(c.page(s), fmt.Sprintf(c.want, title), 0)
				s.Drop()
			}
		})
	}
}

// What other code hands on is a closure of templ's own, or not, as the compiler likes.
// It is kept where it is told apart, and never taken for another.
func TestBlocksThatOtherCodeHandsOn(t *testing.T) {
	s := newSite(t)
	for range 3 {
		var out strings.Builder
		err := pages.Handed(s).Render(templcache.In(t.Context(), s.Cache), &out)
		if want := "<b>&lt;b&gt;&amp;1</b><i>&lt;b&gt;&amp;1</i>"; err != nil || out.String() != want {
			t.Errorf("got %q, %v, want %q", out.String(), err, want)
		}
	}
}

// A helper around Cached is one place for all its calls, whose children are not.
func TestChildrenOfAHelperAreTheirOwn(t *testing.T) {
	s := newSite(t)
	show := func(children templ.ComponentFunc, o templcache.Options, want string) {
		t.Helper()
		for range 2 {
			var out strings.Builder
			if err := part(o).Render(templ.WithChildren(templcache.In(t.Context(), s.Cache), children), &out); err != nil || out.String() != want {
				t.Errorf("got %q, %v, want %q", out.String(), err, want)
			}
		}
	}
	show(func(_ context.Context, w io.Writer) error { _, err := io.WriteString(w, "one"); return err }, templcache.Options{}, "one")
	show(func(_ context.Context, w io.Writer) error { _, err := io.WriteString(w, "two"); return err }, templcache.Options{}, "two")
	turn := "three"
	turns := func(_ context.Context, w io.Writer) error { _, err := io.WriteString(w, turn); return err }
	show(turns, templcache.Options{Timeout: time.Hour}, "three")
	turn = "four"
	show(turns, templcache.Options{}, "four")
}
