package sqldep

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cacheops/cacheops/internal/catalog"
)

// Planner makes plans and keeps the latest of them by text. It may be used from
// many goroutines.
type Planner struct {
	d    catalog.Dialect
	mode Mode
	// texts holds bound plans by the statement's text, shapes holds plans by the
	// text without its literals.
	texts, shapes *planCache
	// latest is the catalog that both caches were last filled under.
	latest atomic.Pointer[catalog.Catalog]
	bench  sync.Pool // of *bench
}

// bench is what planning a text needs besides.
type bench struct {
	toks   []token
	lifter lifter
}

const defaultPlans = 4096

// longestText is the longest text that is looked at, in bytes: offsets have 31
// bits. Databases accept less.
const longestText = 1 << 30

// NewPlanner returns a planner for one dialect that keeps at most size plans
// (zero: 4096), and twice that for texts that differ in literals only.
func NewPlanner(d catalog.Dialect, size int) *Planner { return NewPlannerMode(d, 0, size) }

// NewPlannerMode is NewPlanner for sessions whose settings change what a text
// means. A session in another mode needs a planner of its own.
func NewPlannerMode(d catalog.Dialect, mode Mode, size int) *Planner {
	if size <= 0 {
		size = defaultPlans
	}
	p := &Planner{d: d, mode: mode, texts: newPlanCache(size), shapes: newPlanCache(size)}
	p.bench.New = func() any { return &bench{} }
	return p
}

// Plan returns the plan of a text under a catalog, from memory if it can.
func (p *Planner) Plan(text string, c *catalog.Catalog) Bound {
	h := maphash.String(seed, text)
	if e := p.texts.find(h, text, c); e != nil {
		return e.bound
	}
	return p.miss(text, h, c)
}

var seed = maphash.MakeSeed()

func (p *Planner) miss(text string, h uint64, c *catalog.Catalog) Bound {
	if last := p.latest.Load(); last != c && p.latest.CompareAndSwap(last, c) {
		p.texts.clear()
		p.shapes.clear()
	}
	text = strings.Clone(text) // it may be part of something large
	b := p.bench.Get().(*bench)
	defer p.bench.Put(b)
	bound := p.plan(text, c, b)
	p.texts.put(&cachedPlan{hash: h, cat: c, text: text, bound: bound})
	return bound
}

// plan lexes a text, lifts its literals, and makes or finds the plan of what
// remains.
func (p *Planner) plan(text string, c *catalog.Catalog, b *bench) Bound {
	if len(text) > longestText {
		return Bound{Plan: p.unread(text)}
	}
	l := lexer{src: text, d: p.d, mode: p.mode}
	b.toks = l.lex(b.toks[:0])
	parts := split(b.toks)
	switch {
	case l.murky || bad(b.toks) || strings.IndexByte(text, 0) >= 0:
		return Bound{Plan: p.unread(text)}
	case len(parts) == 0:
		return Bound{Plan: &Plan{Text: text, Class: Empty}}
	case len(parts) > 1 && p.d != catalog.SQLite && slices.ContainsFunc(parts, compound):
		return Bound{Plan: p.unread(text)}
	case len(parts) > 1:
		return Bound{Plan: p.multi(text, parts, c)}
	}
	one := statement{src: text, d: p.d, mode: p.mode, cat: c, toks: signs(text, parts[0]), conditional: l.conditional}
	if !one.liftable() {
		return Bound{Plan: one.plan(text, nil)}
	}
	return p.lifted(&one, &b.lifter)
}

// unread is the plan of a text that not even the lexer understands.
func (p *Planner) unread(text string) *Plan {
	return &Plan{
		Text: text, Everything: true, ImplicitCommit: p.d == catalog.MySQL, SetsSession: p.d != catalog.SQLite,
	}
}

// lifted plans a statement whose literals may be lifted.
func (p *Planner) lifted(s *statement, l *lifter) Bound {
	*l = lifter{src: s.src, d: s.d, cat: s.cat, key: l.key[:0], frames: l.frames, tokens: l.tokens[:0]}
	l.run(s.toks)
	if len(l.values) == 0 {
		return Bound{Plan: s.plan(s.src, nil)}
	}
	h := maphash.Bytes(seed, l.key)
	if e := p.shapes.findBytes(h, l.key, s.cat); e != nil {
		return Bound{Plan: e.bound.Plan, Literals: l.values}
	}
	key := string(l.key)
	plan := s.plan(key, l.slots())
	p.shapes.put(&cachedPlan{hash: h, cat: s.cat, text: key, bound: Bound{Plan: plan}})
	return Bound{Plan: plan, Literals: l.values}
}

// multi plans each of several statements by itself. Which of the arguments go
// to which of them differs between drivers.
func (p *Planner) multi(text string, parts [][]token, c *catalog.Catalog) *Plan {
	m := &Plan{Text: text, Class: Multi}
	for _, toks := range parts {
		src := text[toks[0].pos:toks[len(toks)-1].end]
		l := lexer{src: src, d: p.d, mode: p.mode}
		one := statement{src: src, d: p.d, mode: p.mode, cat: c, conditional: l.conditional}
		one.toks = signs(src, l.lex(nil))
		one.conditional = l.conditional
		part := one.plan(src, nil)
		m.Parts = append(m.Parts, part)
		m.Everything = m.Everything || part.Everything
		m.Tables = append(m.Tables, part.Tables...)
		m.Temp = m.Temp || part.Temp
		m.ImplicitCommit = m.ImplicitCommit || part.ImplicitCommit
		m.SetsSession = m.SetsSession || part.SetsSession
		m.Leaves = m.Leaves || part.Leaves
		m.AsksSession = m.AsksSession || part.AsksSession
	}
	m.Tables = sortedSet(m.Tables)
	if m.Everything {
		m.Tables = nil
	}
	return m
}
