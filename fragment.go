package cacheops

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"
)

// Fragment is a part of a template's output, as the packages for template engines
// keep it: htmlcache, pongocache, gonjacache, templcache.
type Fragment struct {
	// Name is what [Cache.InvalidateFragment] drops it by, with Extra. Empty: that
	// of the template.
	Name string
	// Template is the template's name, Place where in it the fragment begins, and
	// Source a digest of its text: a template that was changed has other fragments.
	Template, Place, Source string
	// Extra is what the fragment depends on besides; see [Extra].
	Extra []any
	// Data is in the key as Extra is, but nothing is dropped by it.
	Data any
}

const fragmentName = "\x00fragment" // which no NewFunc should take

// Fragment returns a fragment's output, as render would write it, from the cache
// if it can. It is kept as a function's result is ([NewFunc]), by what render reads
// through its context or as the options say; where it reads nothing and they say
// nothing it is not kept. An error of render is returned, and
// nothing is kept, nor is the function or page around it. Errors of the options or of
// Extra are returned, too.
func (c *Cache) Fragment(ctx context.Context, fr Fragment, render func(context.Context, *strings.Builder) error, opts ...Option) (string, error) {
	out, err := c.fragment(ctx, &fr, render, opts)
	if err != nil {
		if f := frameFrom(ctx); f != nil { // whoever has begun to write a page cannot take it back
			f.spoil(unordered, "a fragment in it failed")
		}
	}
	return out, err
}

func (c *Cache) fragment(ctx context.Context, fr *Fragment, render func(context.Context, *strings.Builder) error, opts []Option) (string, error) {
	core := c.functions.named(c, fragmentName, reflect.TypeFor[string](), opts)
	p := asks.Get().(*ask)
	defer asks.Put(p)
	var r *result
	if core.prepare(ctx, p) {
		b, err := fr.appendLabel(p.key.Rest)
		if err != nil {
			return "", err
		}
		p.label = len(b)
		if b, err = appendArg(fr.appendTypes(b), fr.Data); err != nil {
			return "", fmt.Errorf("cacheops: fragment of %q: its data: %w", fr.Template, err)
		}
		p.key.Rest = appendPart(appendPart(appendPart(b, fr.Template), fr.Place), fr.Source)
		r = core.lookup(ctx, p)
	}
	return answer(ctx, core, p, r, func(ctx context.Context) (string, error) {
		var out strings.Builder
		if err := render(ctx, &out); err != nil {
			return "", err
		}
		return out.String(), nil
	})
}

// appendLabel appends what the fragment is dropped by.
func (fr *Fragment) appendLabel(b []byte) ([]byte, error) {
	name := fr.Name
	if name == "" {
		name = fr.Template
	}
	b = appendPart(b, name)
	var err error
	for i, v := range fr.Extra {
		if b, err = appendArg(append(b, markList), loose(v)); err != nil {
			return nil, fmt.Errorf("cacheops: fragment %q: extra %d: %w", name, i, err)
		}
	}
	return append(b, markStruct), nil
}

// appendTypes appends what the label leaves out of Extra: fragments with numbers of two
// types are two fragments, though they are dropped together.
func (fr *Fragment) appendTypes(b []byte) []byte {
	for _, v := range fr.Extra {
		name := ""
		if t := reflect.TypeOf(v); t != reflect.TypeOf(loose(v)) {
			name = typeName(t)
		}
		b = appendPart(b, name)
	}
	return b
}

// loose returns a number or a text without its type. Who drops a fragment seldom
// knows that the template was given a uint, and would drop nothing.
func loose(v any) any {
	switch v.(type) {
	case nil, int, int64, string, Keyer:
		return v
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return r.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if n := r.Uint(); n <= math.MaxInt64 {
			return int64(n)
		}
	case reflect.String:
		return r.String()
	}
	return v
}

// InvalidateFragment drops the fragments of that name with those extra values,
// wherever they are, as [Func.Invalidate] does. Of numbers and texts the value counts
// and not the type: 5 drops what a template calls uint(5).
func (c *Cache) InvalidateFragment(ctx context.Context, name string, extra ...any) error {
	core := c.functions.named(c, fragmentName, reflect.TypeFor[string](), nil)
	fr := Fragment{Name: name, Extra: extra}
	b, err := fr.appendLabel(nil)
	if err != nil {
		return err
	}
	return core.drop(ctx, core.tag(b))
}

// Dependencies makes dependencies of what a template can name: one or several
// [Dependency]s or tables' names, a func(context.Context) error as [Reads] takes it.
func Dependencies(v any) ([]Dependency, error) {
	switch v := v.(type) {
	case Dependency:
		return []Dependency{v}, nil
	case []Dependency:
		return v, nil
	case []Target:
		out := make([]Dependency, len(v))
		for i := range v {
			out[i] = v[i]
		}
		return out, nil
	case string:
		return []Dependency{Table(v)}, nil
	case []string:
		out := make([]Dependency, len(v))
		for i := range v {
			out[i] = Table(v[i])
		}
		return out, nil
	case func(context.Context) error:
		return []Dependency{Reads(v)}, nil
	case []any:
		var out []Dependency
		for _, e := range v {
			deps, err := Dependencies(e)
			if err != nil {
				return nil, err
			}
			out = append(out, deps...)
		}
		return out, nil
	}
	return nil, fmt.Errorf("cacheops: nothing can depend on a %T: it must be a table's name, a Target, or what Reads takes", v)
}

// FragmentOptions says how a fragment is kept, in the words of a template's tag.
// deps, if not nil, is what [Dependencies] takes; timeout, if not nil, is a
// duration, the text of one, or a number of seconds. With neither, the fragment
// depends on what it reads; with a timeout alone, on its time.
func FragmentOptions(deps, timeout any) ([]Option, error) {
	var opts []Option
	if deps != nil {
		list, err := Dependencies(deps)
		if err != nil {
			return nil, err
		}
		opts = append(opts, DependsOn(list...))
	}
	if timeout == nil {
		return opts, nil
	}
	d, err := duration(timeout)
	switch {
	case err != nil:
		return nil, err
	case deps != nil:
		return append(opts, TTL(d)), nil
	}
	return append(opts, TimeOnly(d)), nil
}

func duration(v any) (d time.Duration, err error) {
	switch v := v.(type) {
	case time.Duration:
		d = v
	case int:
		return duration(float64(v))
	case int64:
		return duration(float64(v))
	case float64:
		if v *= float64(time.Second); v >= math.MaxInt64 {
			return 0, errors.New("cacheops: a timeout is longer than 292 years")
		}
		d = time.Duration(v)
	case string:
		if d, err = time.ParseDuration(v); err != nil {
			return 0, fmt.Errorf("cacheops: a timeout: %w", err)
		}
	default:
		return 0, fmt.Errorf("cacheops: a timeout is a duration, its text or a number of seconds, and not a %T", v)
	}
	if d <= 0 {
		return 0, fmt.Errorf("cacheops: a timeout of %v is not more than zero", d)
	}
	return d, nil
}
