// Package templcache keeps fragments of templ components: parts of a page that are
// rendered once and again only when what they show has changed.
//
//	@templcache.Cached(templcache.Options{Extra: []any{user.ID}}) {
//		for _, a := range latest(ctx) { … }
//	}
//	@templcache.Cached(templcache.Options{Timeout: 10*time.Minute}) { … }
//	@templcache.CachedAs(articles, templcache.Options{Timeout: time.Hour}) { … }
//
//	err := page(…).Render(templcache.In(ctx, cache), w)
//
// Without a timeout Cached keeps the fragment until what it reads through ctx
// changes, and not at all if it reads nothing through it; with one for that time.
// CachedAs keeps it until what is named changes: a
// table's name, a [cacheops.Target], what [cacheops.Reads] takes.
//
// The key holds the place of the call in the program and a digest of the program, for
// what a fragment looks like is compiled into it. It does not hold the variables that
// the fragment shows: those go into Extra. Where it shows { children... } of the
// component around it, Extra must tell apart whose they are. A fragment brings the
// styles and scripts of its own along, whatever the page has rendered before.
//
// Nothing is kept of a fragment with an error inside, which is the page's; where the
// page has a nonce ([templ.WithNonce]), which a fragment may show; and where code that
// is no template renders a fragment around a template's block, of which one cannot be
// told from another there.
package templcache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"

	"github.com/cacheops/cacheops"
)

// Options say how a fragment is kept; all may be zero.
type Options struct {
	// Timeout is how long. Zero: until what it depends on changes, at most the
	// cache's own TTL.
	Timeout time.Duration
	// Extra is what the fragment shows and does not read.
	Extra []any
	// Name is what [cacheops.Cache.InvalidateFragment] calls it, with Extra. Empty:
	// the file and line of the call, as the compiler knows them.
	Name string
}

type cacheKey struct{}

// In returns a context with which pages are rendered whose fragments are kept.
func In(ctx context.Context, cache *cacheops.Cache) context.Context {
	return context.WithValue(ctx, cacheKey{}, cache)
}

// Cached renders its children, or what they were.
func Cached(o Options) templ.Component { return fragment(nil, o) }

// CachedAs is Cached for children that depend on what is named.
func CachedAs(deps any, o Options) templ.Component {
	if deps == nil {
		return failing(errors.New("templcache: what CachedAs depends on is nil"))
	}
	return fragment(deps, o)
}

func failing(err error) templ.Component {
	return templ.ComponentFunc(func(context.Context, io.Writer) error { return err })
}

func fragment(deps any, o Options) templ.Component {
	_, file, line, ok := runtime.Caller(2)
	if !ok {
		return failing(errors.New("templcache: the place of the call is not known"))
	}
	var timeout any
	if o.Timeout != 0 {
		timeout = o.Timeout
	}
	opts, err := cacheops.FragmentOptions(deps, timeout)
	if err != nil {
		return failing(err)
	}
	fr := cacheops.Fragment{Name: o.Name, Template: file, Place: strconv.Itoa(line), Extra: o.Extra}
	if fr.Name == "" {
		fr.Name = fmt.Sprintf("%s:%d", file, line)
	}
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error { return render(ctx, w, fr, opts) })
}

func render(ctx context.Context, w io.Writer, fr cacheops.Fragment, opts []cacheops.Option) error {
	cache, ok := ctx.Value(cacheKey{}).(*cacheops.Cache)
	if !ok {
		return errors.New("templcache: the page was not rendered with templcache.In")
	}
	children := templ.GetChildren(ctx)
	where, told := block(children)
	switch {
	case templ.GetNonce(ctx) != "":
		cacheops.Untracked(ctx, "a page with a nonce")
		return children.Render(templ.ClearChildren(ctx), w)
	case !told:
		return children.Render(templ.ClearChildren(ctx), w)
	}
	fr.Place += " of " + where
	var err error
	if fr.Source, err = program(); err != nil {
		return err
	}
	out, err := cache.Fragment(ctx, fr, func(ctx context.Context, out *strings.Builder) error {
		return children.Render(templ.InitializeContext(apart{ctx}), out)
	}, opts...)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, out)
	return err
}

// block names the program's part that renders the fragment's children. Generated code
// puts the block in braces beside the call that renders the fragment, so its place is
// the block's. Elsewhere the children themselves must tell.
func block(children templ.Component) (name string, told bool) {
	if at := caller(); strings.HasSuffix(at.File, "_templ.go") {
		return fmt.Sprintf("%s:%d", at.File, at.Line), true
	}
	return code(children)
}

// caller is what renders the fragment, past the functions of templ's, such as Join,
// that hand on a block.
func caller() (at runtime.Frame) {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	for more := true; more; {
		if at, more = frames.Next(); !strings.HasPrefix(at.Function, ownPath+".") && !ofTempl(at.Function) {
			return at
		}
	}
	return runtime.Frame{}
}

// ofTempl reports whether a function is one of templ's packages.
func ofTempl(function string) bool {
	return strings.HasPrefix(function, templPath+".") || strings.HasPrefix(function, templPath+"/")
}

// code names the program's part that renders a component. It is not told where that
// is a function of templ's own, which renders many: what templates have been made
// into is a closure there.
func code(c templ.Component) (name string, told bool) {
	v := reflect.ValueOf(c)
	if v.Kind() != reflect.Func {
		return fmt.Sprintf("%T", c), true
	}
	f := runtime.FuncForPC(v.Pointer())
	if f == nil || ofTempl(f.Name()) {
		return "", false
	}
	return f.Name(), true
}

// apart is a context without templ's own values: which styles and scripts the page
// has rendered already must not decide what the fragment holds.
type apart struct{ context.Context }

var (
	templPath = reflect.TypeFor[templ.Component]().PkgPath()
	ownPath   = reflect.TypeFor[Options]().PkgPath()
)

func (c apart) Value(key any) any {
	if t := reflect.TypeOf(key); t != nil && t.PkgPath() == templPath {
		return nil
	}
	return c.Context.Value(key)
}

// program is a digest of the running program.
var program = sync.OnceValues(func() (string, error) {
	f, err := running()
	if err != nil {
		return "", fmt.Errorf("templcache: find the program for its digest: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("templcache: read the program for its digest: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)[:12]), nil
})

// running opens the program. By its name there may be the next release by now, whose
// fragments must not be those of this one; Linux still has the file that was started.
func running() (*os.File, error) {
	if f, err := os.Open("/proc/self/exe"); err == nil {
		return f, nil
	}
	name, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return os.Open(name)
}
