// Package gonjacache keeps fragments of gonja templates, which have Jinja2's
// syntax: parts of a page that are rendered once and again only when what they
// show has changed.
//
//	{% cached extra=user.id %}{% for a in latest(ctx) %}…{% endfor %}{% endcached %}
//	{% cached timeout=600 %}…{% endcached %}
//	{% cached_as articles, timeout="1h", extra=[page, lang] %}…{% endcached_as %}
//
//	err := gonjacache.Register(gonja.DefaultEnvironment.ControlStructures)
//	err = template.Execute(w, gonjacache.In(ctx, cache, vars))
//
// Without a timeout cached keeps the fragment until what it reads through ctx
// changes, and not at all if it reads nothing through it; with one for that time.
// cached_as keeps it until what is named changes: a
// table's name, a [cacheops.Target], what [cacheops.Reads] takes; extra is then what
// the fragment shows besides. A timeout is a number of seconds, a time.Duration or the
// text of one. name=… is what [cacheops.Cache.InvalidateFragment] calls it; without
// it that is the template's name. A list is one extra: []any{page, lang} there.
//
// The key holds the template's name, the place of the tag in it, and a digest of its
// text. Of the templates that it includes or extends, or that extend it, it holds
// nothing: give a release of theirs as extra where they change while the store stays. Nor does it
// hold the variables that the fragment shows: those go into extra. Variables that
// are set inside are not set after it. An error inside is the page's, and nothing is
// kept.
//
// A fragment around a block is kept for each template that extends this one. A macro,
// and what super() and self show, has the ctx of the page and not the fragment's: a
// fragment that reads through it is not kept, unless the macro is handed ctx as an
// argument.
package gonjacache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/page"
)

// The variables that a page has of us: the context for its reads, and the cache.
const (
	varContext = "ctx"
	varCache   = "cacheops_cache"
)

// Register adds the tags to a set of control structures. It fails if the set has
// tags of these names.
func Register(set *exec.ControlStructureSet) error {
	return errors.Join(
		set.Register("cached", func(p, args *parser.Parser) (nodes.ControlStructure, error) {
			return parse(p, args, "endcached", false)
		}),
		set.Register("cached_as", func(p, args *parser.Parser) (nodes.ControlStructure, error) {
			return parse(p, args, "endcached_as", true)
		}))
}

// In returns the variables with which a template is executed: vars, ctx, which is
// for the reads made from the template, and the cache.
func In(ctx context.Context, cache *cacheops.Cache, vars map[string]any) *exec.Context {
	out := exec.EmptyContext()
	for name, v := range vars {
		out.Set(name, v)
	}
	out.Set(varContext, page.New(ctx))
	out.Set(varCache, cache)
	return out
}

// tag is a cached or a cached_as.
type tag struct {
	start            *tokens.Token
	body             *nodes.Wrapper
	given            page.Tag[nodes.Expression]
	template, source string
}

var _ exec.ControlStructure = (*tag)(nil)

// Position implements [nodes.ControlStructure].
func (t *tag) Position() *tokens.Token { return t.start }

func (t *tag) String() string {
	return fmt.Sprintf("cached(Line=%d Col=%d)", t.start.Line, t.start.Col)
}

func parse(p, args *parser.Parser, end string, as bool) (nodes.ControlStructure, error) {
	t := &tag{start: p.Current(), template: p.Template.Identifier}
	var err error
	if t.source, err = digest(p); err != nil {
		return nil, err
	}
	if as {
		if t.given.Deps, err = args.ParseExpression(); err != nil {
			return nil, err
		}
	}
	for !args.End() {
		args.Match(tokens.Comma)
		if err := t.parseOption(args); err != nil {
			return nil, err
		}
	}
	body, rest, err := p.WrapUntil(end)
	if err != nil {
		return nil, err
	}
	if !rest.End() {
		return nil, rest.Error("Arguments are not allowed here.", nil)
	}
	t.body = body
	return t, nil
}

func (t *tag) parseOption(args *parser.Parser) error {
	key := args.Match(tokens.Name)
	if key == nil || args.Match(tokens.Assign) == nil {
		return args.Error("Expected timeout=…, extra=… or name=….", args.Current())
	}
	to := t.given.Option(key.Val)
	switch {
	case to == nil:
		return args.Error("Expected timeout, extra or name.", key)
	case *to != nil:
		return args.Error(key.Val+" is given twice.", key)
	}
	v, err := args.ParseExpression()
	*to = v
	return err
}

// digest is of the template's text.
func digest(p *parser.Parser) (string, error) {
	in, err := p.Loader.Read(p.Template.Identifier)
	if err != nil {
		return "", fmt.Errorf("read the template for its digest: %w", err)
	}
	h := sha256.New()
	if _, err := io.Copy(h, in); err != nil {
		return "", fmt.Errorf("read the template for its digest: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)[:12]), nil
}

// Execute implements [exec.ControlStructure].
func (t *tag) Execute(in *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	ctx, ok := variable[context.Context](in, varContext)
	if !ok {
		return errors.New("cached: the page was not executed with gonjacache.In, or has a ctx of its own")
	}
	cache, ok := variable[*cacheops.Cache](in, varCache)
	if !ok {
		return errors.New("cached: the page was not executed with gonjacache.In")
	}
	fr, opts, err := t.fragment(in)
	switch {
	case errors.Is(err, page.ErrNilExtra):
		return in.Inherit().ExecuteWrapper(t.body)
	case err != nil:
		return err
	}
	out, err := cache.Fragment(ctx, fr, func(ctx context.Context, out *strings.Builder) error {
		inside, leave := page.Fragment(ctx)
		defer leave()
		inner := in.Inherit()
		inner.Output = out
		inner.Environment.Context.Set(varContext, inside)
		return inner.ExecuteWrapper(t.body)
	}, opts...)
	if err != nil {
		return err
	}
	_, err = io.WriteString(in.Output, out)
	return err
}

func variable[T any](in *exec.Renderer, name string) (T, bool) {
	v, _ := in.Environment.Context.Get(name)
	if value, ok := v.(*exec.Value); ok {
		v = value.Interface()
	}
	t, ok := v.(T)
	return t, ok
}

// fragment says what the tag is with the page's variables.
func (t *tag) fragment(in *exec.Renderer) (fr cacheops.Fragment, opts []cacheops.Option, err error) {
	g, err := t.given.Given(func(e nodes.Expression) (any, error) {
		v, err := plain(in.Eval(e))
		if err != nil {
			return nil, fmt.Errorf("cached: %w", err)
		}
		return v, nil
	})
	if err != nil {
		return fr, nil, err
	}
	// Who includes the template decides whether it is escaped.
	place := fmt.Sprintf("%d:%d escape %v", t.start.Line, t.start.Col, in.Config.AutoEscape)
	if root := in.RootNode.Identifier; root != t.template {
		place += " in " + root // whose blocks are shown
	}
	return g.Fragment(t.template, place, t.source)
}

// plain returns a value as Go has it. A list or dictionary that is written in the
// template holds gonja's own values, of which no key can be made.
func plain(v *exec.Value) (any, error) {
	if v.IsError() {
		return nil, v
	}
	switch in := v.Interface().(type) {
	case exec.ValuesList:
		list := make([]any, len(in))
		for i := range in {
			var err error
			if list[i], err = plain(in[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	case *exec.Dict:
		dict := make(map[string]any, len(in.Pairs))
		for _, pair := range in.Pairs {
			v, err := plain(pair.Value)
			if err != nil {
				return nil, err
			}
			if !pair.Key.IsString() {
				return nil, errors.New("a dictionary with a key that is no string")
			}
			dict[pair.Key.String()] = v
		}
		return dict, nil
	default:
		return in, nil
	}
}
