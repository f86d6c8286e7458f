package replay

import (
	"context"
	"strings"

	"github.com/cacheops/cacheops/cmd/cacheops/internal/querylog"
)

// ledger knows which reads have an entry in the cache and what it holds. The
// cache itself cannot tell: an entry dies by its tags, and nobody lists them.
type ledger struct {
	byID   map[string]*entry
	byText map[string]*text
	views  []string // lower-case names of views
	gone   string   // why an entry that was thought live misses
}

// text is all entries of one statement.
type text struct {
	sql     string
	shape   string // for the report
	lower   string
	ordered bool            // it asks for an order
	touches map[string]bool // by table: may a write there drop its entries
	live    map[*entry]struct{}
	took    meanTime // on the database, for estimates
}

// entry is one read, with the arguments it had.
type entry struct {
	text   *text
	args   []any
	live   bool
	digest uint64 // of its last answer
	why    string // it is not live
}

// Reasons for a miss.
const (
	whyFirst   = "first read"
	whyDropped = "dropped by a write"
	whyGone    = "expired or evicted"
	whyNotKept = "not kept before: "
	// whyUnknown stands for the two above it where nobody looked for drops.
	whyUnknown = "dropped, expired or evicted"
)

func newLedger(views []string) *ledger {
	return &ledger{byID: map[string]*entry{}, byText: map[string]*text{}, views: views, gone: whyGone}
}

func (l *ledger) text(sql string) *text {
	t := l.byText[sql]
	if t == nil {
		lower := strings.ToLower(sql)
		t = &text{
			sql: sql, shape: querylog.Shape(sql), lower: lower, ordered: strings.Contains(lower, "order"),
			touches: map[string]bool{}, live: map[*entry]struct{}{},
		}
		l.byText[sql] = t
	}
	return t
}

// entry returns a read's entry, and the reason for which it would miss now.
func (l *ledger) entry(sql string, args []any) (e *entry, why string) {
	id := identity(sql, args)
	e = l.byID[id]
	if e == nil {
		e = &entry{text: l.text(sql), args: args, why: whyFirst}
		l.byID[id] = e
	}
	if e.live {
		return e, l.gone
	}
	return e, e.why
}

func (e *entry) keep(digest uint64) {
	e.live, e.digest = true, digest
	e.text.live[e] = struct{}{}
}

func (e *entry) lose(why string) {
	e.live, e.why = false, why
	delete(e.text.live, e)
}

// mayRead reports whether a statement can depend on a table: when its text has
// the table's name anywhere, or that of a view, under which any table may be. It
// errs to the side of yes; an entry it overlooks is not counted as dropped.
func (l *ledger) mayRead(t *text, table string) bool {
	table = strings.ToLower(table[strings.LastIndexByte(table, '.')+1:])
	if table == "" {
		return true
	}
	yes, known := t.touches[table]
	if !known {
		yes = strings.Contains(t.lower, table)
		for _, v := range l.views {
			yes = yes || strings.Contains(t.lower, v)
		}
		t.touches[table] = yes
	}
	return yes
}

// forgetTables is called when the schema changed: views may have come.
func (l *ledger) forgetTables(views []string) {
	l.views = views
	for _, t := range l.byText {
		clear(t.touches)
	}
}

// affected lists the live entries that a write to the tables may have dropped.
func (l *ledger) affected(ctx context.Context, tables map[string]bool) []*entry {
	var list []*entry
	for _, t := range l.byText {
		if ctx.Err() != nil {
			return nil
		}
		hit := false
		for table := range tables {
			hit = hit || l.mayRead(t, table)
		}
		if !hit {
			continue
		}
		for e := range t.live {
			list = append(list, e)
		}
	}
	return list
}
