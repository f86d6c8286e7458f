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

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/templcache"
)

// site has a title that components read, and counts how often they do.
type site struct {
	*testing.T
	cache *cacheops.Cache
	reads int
	fail  bool
}

func newSite(t *testing.T) *site {
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

func (s *site) title(ctx context.Context, w io.Writer) error {
	s.reads++
	if s.fail {
		return errors.ErrUnsupported
	}
	title, err := cacheops.Memo(ctx, s.cache, "title", func(context.Context) (string, error) {
		return fmt.Sprintf("<b>%d", s.reads), nil
	}, cacheops.WithoutReads())
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, templ.EscapeString(title))
	return err
}

// drop is a write of the title.
func (s *site) drop() {
	s.Helper()
	if err := cacheops.Forget(s.Context(), s.cache, "title"); err != nil {
		s.Fatal(err)
	}
}

// show renders the component around the title, as generated code would.
func (s *site) show(c templ.Component, want string, reads int) {
	s.Helper()
	before := s.reads
	var out strings.Builder
	ctx := templ.WithChildren(templcache.In(s.Context(), s.cache), templ.ComponentFunc(s.title))
	if err := c.Render(ctx, &out); err != nil || out.String() != want || s.reads-before != reads {
		s.Errorf("got %q, %v after %d reads, want %q after %d", out.String(), err, s.reads-before, want, reads)
	}
}

func part(o templcache.Options) templ.Component { return templcache.Cached(o) }

func TestCachedDependsOnWhatItReads(t *testing.T) {
	s := newSite(t)
	s.show(part(templcache.Options{}), "&lt;b&gt;1", 1)
	s.show(part(templcache.Options{}), "&lt;b&gt;1", 0)
	s.show(templcache.Cached(templcache.Options{}), "&lt;b&gt;1", 1) // another place
	s.drop()
	s.show(part(templcache.Options{}), "&lt;b&gt;3", 1)
}

func TestTimeoutExtraAndName(t *testing.T) {
	s := newSite(t)
	o := templcache.Options{Timeout: time.Hour, Extra: []any{1, "x"}, Name: "part"}
	s.show(part(o), "&lt;b&gt;1", 1)
	s.drop()
	s.show(part(o), "&lt;b&gt;1", 0)
	other := o
	other.Extra = []any{2, "x"}
	s.show(part(other), "&lt;b&gt;2", 1)
	if err := s.cache.InvalidateFragment(t.Context(), "part", 1, "x"); err != nil {
		t.Fatal(err)
	}
	s.show(part(other), "&lt;b&gt;2", 0)
	s.show(part(o), "&lt;b&gt;2", 1)
}

func TestCachedAs(t *testing.T) {
	s := newSite(t)
	deps := cacheops.Reads(func(ctx context.Context) error {
		_, err := cacheops.Memo(ctx, s.cache, "other", func(context.Context) (int, error) { return 1, nil }, cacheops.WithoutReads())
		return err
	})
	as := func() templ.Component { return templcache.CachedAs(deps, templcache.Options{}) }
	s.show(as(), "&lt;b&gt;1", 1)
	s.drop()
	s.show(as(), "&lt;b&gt;1", 0)
	if err := cacheops.Forget(t.Context(), s.cache, "other"); err != nil {
		t.Fatal(err)
	}
	s.show(as(), "&lt;b&gt;2", 1)
}

// Which scripts the page has rendered before does not decide what is kept.
func TestAFragmentBringsItsScripts(t *testing.T) {
	s := newSite(t)
	script := templ.ComponentScript{Name: "f", Function: "function f(){}", Call: "f()", CallInline: "f()"}
	show := func(ctx context.Context, before bool) string {
		var out strings.Builder
		ctx = templ.InitializeContext(templcache.In(ctx, s.cache))
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
	s.fail = true
	ctx := templ.WithChildren(templcache.In(t.Context(), s.cache), templ.ComponentFunc(s.title))
	if err := part(templcache.Options{}).Render(ctx, io.Discard); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	s.fail = false
	s.show(part(templcache.Options{}), "&lt;b&gt;2", 1)
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

// A helper around Cached is one place for all its calls, whose children are not.
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
		ctx := templ.WithChildren(templcache.In(t.Context(), s.cache), c)
		if err := part(templcache.Options{Timeout: time.Hour}).Render(ctx, &out); err != nil || out.String() != want {
			t.Errorf("got %q, %v, want %q", out.String(), err, want)
		}
	}
}

func TestChildrenOfAHelperAreTheirOwn(t *testing.T) {
	s := newSite(t)
	show := func(children templ.ComponentFunc, o templcache.Options, want string) {
		t.Helper()
		for range 2 {
			var out strings.Builder
			if err := part(o).Render(templ.WithChildren(templcache.In(t.Context(), s.cache), children), &out); err != nil || out.String() != want {
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
