// Package pongocache keeps fragments of pongo2 templates, which have Django's
// syntax: parts of a page that are rendered once and again only when what they
// show has changed.
//
//	{% cached extra=user.ID %}{% for a in latest(ctx) %}…{% endfor %}{% endcached %}
//	{% cached timeout=600 %}…{% endcached %}
//	{% cached_as articles, timeout="1h", extra=page %}…{% endcached_as %}
//
//	err := pongocache.Register()
//	err = template.ExecuteWriter(pongocache.In(ctx, cache, vars), w)
//
// Without a timeout cached keeps the fragment until what it reads through ctx
// changes, and not at all if it reads nothing through it; with one for that time.
// cached_as keeps it until what is named changes: a
// table's name, a [cacheops.Target], what [cacheops.Reads] takes; extra is then what
// the fragment shows besides. A timeout is a number of seconds, a time.Duration or the
// text of one. name=… is what [cacheops.Cache.InvalidateFragment] calls it; without
// it that is the template's name. Several extras are a list among the page's
// variables, pongo2 having no lists of its own.
//
// The key holds the template's name, the place of the tag in it, and a digest of its
// text. Of the templates that it includes or extends it holds nothing: give a
// release of theirs as extra where they change while the store stays. Nor does it
// hold the variables that the fragment shows: those go into extra. Variables that
// are set inside are not set after it. An error inside is the page's, and nothing is
// kept.
//
// A block cannot be in a fragment, which all templates that extend this one share; a
// fragment can be in a block. A macro, and what block.Super shows, has the ctx of the
// page and not the fragment's: a fragment that reads through it is not kept, unless
// the macro is handed ctx as an argument.
package pongocache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/flosch/pongo2/v6"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/page"
)

// The variables that a page has of us: the context for its reads, and the cache.
const (
	varContext = "ctx"
	varCache   = "cacheops_cache"
)

var register = sync.OnceValue(func() error {
	return errors.Join(
		pongo2.RegisterTag("cached", func(doc *pongo2.Parser, start *pongo2.Token, args *pongo2.Parser) (pongo2.INodeTag, *pongo2.Error) {
			return parse(doc, start, args, "endcached", false)
		}),
		pongo2.RegisterTag("cached_as", func(doc *pongo2.Parser, start *pongo2.Token, args *pongo2.Parser) (pongo2.INodeTag, *pongo2.Error) {
			return parse(doc, start, args, "endcached_as", true)
		}))
})

// Register makes the tags known to pongo2, whose tags are those of all its
// templates. It fails if somebody else has tags of these names.
func Register() error { return register() }

// In returns the variables with which a template is executed: vars, ctx, which is
// for the reads made from the template, and the cache.
func In(ctx context.Context, cache *cacheops.Cache, vars pongo2.Context) pongo2.Context {
	out := make(pongo2.Context, len(vars)+2)
	maps.Copy(out, vars)
	out[varContext], out[varCache] = page.New(ctx), cache
	return out
}

// tag is a cached or a cached_as.
type tag struct {
	start  *pongo2.Token
	body   *pongo2.NodeWrapper
	given  page.Tag[pongo2.IEvaluator]
	source string
}

func parse(doc *pongo2.Parser, start *pongo2.Token, args *pongo2.Parser, end string, as bool) (pongo2.INodeTag, *pongo2.Error) {
	t := &tag{start: start, source: digest(doc)}
	if as {
		deps, err := args.ParseExpression()
		if err != nil {
			return nil, err
		}
		t.given.Deps = deps
	}
	for args.Remaining() > 0 {
		args.Match(pongo2.TokenSymbol, ",")
		if err := t.parseOption(args); err != nil {
			return nil, err
		}
	}
	body, rest, err := doc.WrapUntilTag(end)
	if err != nil {
		return nil, err
	}
	if rest.Remaining() > 0 {
		return nil, rest.Error("Arguments are not allowed here.", nil)
	}
	if block := blockIn(doc, start); block != nil {
		// Which template's block is shown is not known when the key is made.
		return nil, doc.Error("A block cannot be in "+start.Val+": templates that extend this one would share it. Put the one into the other.", block)
	}
	t.body = body
	return t, nil
}

// blockIn returns the first block between a tag and where its end has been read.
func blockIn(doc *pongo2.Parser, start *pongo2.Token) *pongo2.Token {
	end, inside := doc.Current(), false
	for i := 1; doc.Get(i) != nil && doc.Get(i) != end; i++ {
		tok, before := doc.Get(i), doc.Get(i-1)
		inside = inside || before == start
		if inside && tok.Typ == pongo2.TokenIdentifier && tok.Val == "block" && before.Typ == pongo2.TokenSymbol && strings.HasPrefix(before.Val, "{%") {
			return tok
		}
	}
	return nil
}

func (t *tag) parseOption(args *pongo2.Parser) *pongo2.Error {
	key := args.MatchType(pongo2.TokenIdentifier)
	if key == nil || args.Match(pongo2.TokenSymbol, "=") == nil {
		return args.Error("Expected timeout=…, extra=… or name=….", nil)
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

// digest is of all that the template consists of.
func digest(doc *pongo2.Parser) string {
	h := sha256.New()
	for i := 0; ; i++ {
		tok := doc.Get(i)
		if tok == nil {
			return hex.EncodeToString(h.Sum(nil)[:12])
		}
		_, _ = fmt.Fprintf(h, "%d %v %q\n", tok.Typ, tok.TrimWhitespaces, tok.Val) // never fails
	}
}

// Execute implements [pongo2.INodeTag].
func (t *tag) Execute(in *pongo2.ExecutionContext, w pongo2.TemplateWriter) *pongo2.Error {
	ctx, ok := variable[context.Context](in, varContext)
	if !ok {
		return in.Error("the page was not executed with pongocache.In, or has a ctx of its own", t.start)
	}
	cache, ok := variable[*cacheops.Cache](in, varCache)
	if !ok {
		return in.Error("the page was not executed with pongocache.In", t.start)
	}
	fr, opts, err := t.fragment(in)
	switch {
	case errors.Is(err, page.ErrNilExtra):
		return t.body.Execute(pongo2.NewChildExecutionContext(in), w)
	case err != nil:
		return in.OrigError(err, t.start)
	}
	out, err := cache.Fragment(ctx, fr, func(ctx context.Context, out *strings.Builder) error {
		inside, leave := page.Fragment(ctx)
		defer leave()
		inner := pongo2.NewChildExecutionContext(in)
		inner.Private[varContext] = inside
		if err := t.body.Execute(inner, out); err != nil {
			return err
		}
		return nil
	}, opts...)
	if err != nil {
		var perr *pongo2.Error
		if errors.As(err, &perr) {
			return perr
		}
		return in.OrigError(err, t.start)
	}
	if _, err := w.WriteString(out); err != nil {
		return in.OrigError(err, t.start)
	}
	return nil
}

func variable[T any](in *pongo2.ExecutionContext, name string) (T, bool) {
	v, ok := in.Private[name]
	if !ok {
		v = in.Public[name]
	}
	t, ok := v.(T)
	return t, ok
}

// fragment says what the tag is with the page's variables.
func (t *tag) fragment(in *pongo2.ExecutionContext) (fr cacheops.Fragment, opts []cacheops.Option, err error) {
	g, err := t.given.Given(func(e pongo2.IEvaluator) (any, error) {
		v, err := e.Evaluate(in)
		if err != nil {
			return nil, err
		}
		return v.Interface(), nil
	})
	if err != nil {
		return fr, nil, err
	}
	// Who includes the template decides whether it is escaped.
	place := fmt.Sprintf("%d:%d escape %v", t.start.Line, t.start.Col, in.Autoescape)
	return g.Fragment(t.start.Filename, place, t.source)
}
