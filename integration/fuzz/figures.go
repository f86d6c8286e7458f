package fuzz

import (
	"fmt"
	"slices"
	"strings"
)

// Figures are what a run measured.
type Figures struct {
	Scripts, Steps int
	// Reads were compared, Hits of them came from the cache.
	Reads, Hits int
	Failed      int // statements that failed, with the cache as without
	Abandoned   int // scripts that took too long, or whose server fell
	Accepted    int // differences that are accepted by name
	Classes     map[string]*ClassFigures
}

// ClassFigures are those of one class of reads.
type ClassFigures struct {
	Reads, Hits int
	// Dropped entries were gone at their next read, of a statement that was
	// served from the cache at other times; Changed of them had another result
	// by then.
	Dropped, Changed int
}

func (f *Figures) class(name string) *ClassFigures {
	if f.Classes == nil {
		f.Classes = map[string]*ClassFigures{}
	}
	c := f.Classes[name]
	if c == nil {
		c = &ClassFigures{}
		f.Classes[name] = c
	}
	return c
}

// Add adds o's figures to f's.
func (f *Figures) Add(o *Figures) {
	f.Scripts += o.Scripts
	f.Steps += o.Steps
	f.Reads += o.Reads
	f.Hits += o.Hits
	f.Failed += o.Failed
	f.Accepted += o.Accepted
	f.Abandoned += o.Abandoned
	for name, c := range o.Classes {
		d := f.class(name)
		d.Reads += c.Reads
		d.Hits += c.Hits
		d.Dropped += c.Dropped
		d.Changed += c.Changed
	}
}

// String is a table with one line for each class of reads.
func (f *Figures) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d scripts (%d abandoned), %d steps (%d failed alike, %d differences accepted), %d reads compared, %d hits (%.2f)\n", f.Scripts, f.Abandoned, f.Steps, f.Failed, f.Accepted, f.Reads, f.Hits, ratio(f.Hits, f.Reads))
	fmt.Fprintf(&b, "%-10s %9s %9s %6s %9s %9s %9s\n", "class", "reads", "hits", "ratio", "dropped", "changed", "precision")
	names := make([]string, 0, len(f.Classes))
	for n := range f.Classes {
		names = append(names, n)
	}
	slices.Sort(names)
	var sum ClassFigures
	for _, n := range names {
		c := f.Classes[n]
		sum.Reads, sum.Hits, sum.Dropped, sum.Changed = sum.Reads+c.Reads, sum.Hits+c.Hits, sum.Dropped+c.Dropped, sum.Changed+c.Changed
		b.WriteString(c.line(n))
	}
	b.WriteString(sum.line("all"))
	return b.String()
}

func (c *ClassFigures) line(name string) string {
	return fmt.Sprintf("%-10s %9d %9d %6.2f %9d %9d %9.2f\n", name, c.Reads, c.Hits, ratio(c.Hits, c.Reads), c.Dropped, c.Changed, ratio(c.Changed, c.Dropped))
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// trace follows the reads of one script, to tell drops from misses.
type trace struct {
	sessions map[int]*sessionTrace
	seen     map[string]*keyTrace
}

type sessionTrace struct {
	inTx, pinned bool
	own          bool // it has what others have not
}

// keyTrace is what is known of one statement with its arguments.
type keyTrace struct {
	rows string
	ever bool // it was served from the cache at least once
	// Misses until the first hit say whether entries were dropped only if the
	// statement is cacheable at all, which the first hit shows.
	dropped, changed int
}

func newTrace() trace {
	return trace{sessions: map[int]*sessionTrace{}, seen: map[string]*keyTrace{}}
}

func (t *trace) note(op *Op, hit bool, a *answer, fig *Figures) {
	fig.Steps++
	if a.err != nil {
		fig.Failed++
	}
	s := t.sessions[op.Session]
	if s == nil {
		s = &sessionTrace{}
		t.sessions[op.Session] = s
	}
	if !op.Read {
		s.follow(op)
		return
	}
	if a.err != nil {
		return
	}
	fig.Reads++
	c := fig.class(op.Class)
	c.Reads++
	if hit {
		fig.Hits++
		c.Hits++
	}
	if !s.inTx && !s.pinned {
		t.key(op, hit, a, c)
	}
}

// follow keeps track of whether the session's reads may be cached.
func (s *sessionTrace) follow(op *Op) {
	word := firstWord(op.SQL)
	switch {
	case op.Action == Begin, word == "BEGIN", word == "SAVEPOINT", beginsTransaction(op.SQL):
		s.inTx = true
	case op.Action == Commit, op.Action == Rollback, word == "COMMIT", word == "END":
		s.inTx = false
	case word == "ROLLBACK" && !strings.Contains(strings.ToUpper(op.SQL), " TO "):
		s.inTx = false
	case op.Class == "oddity":
		s.pinned = true
		s.own = s.own || secludes(op.SQL)
	}
}

func (t *trace) key(op *Op, hit bool, a *answer, c *ClassFigures) {
	id := op.SQL + "\x00" + fmt.Sprint(op.Args...)
	rows := strings.Join(a.rows, "\n")
	k := t.seen[id]
	switch {
	case k == nil:
		k = &keyTrace{}
		t.seen[id] = k
	case !hit:
		k.dropped++
		if k.rows != rows {
			k.changed++
		}
	}
	k.ever = k.ever || hit
	k.rows = rows
	if k.ever {
		c.Dropped += k.dropped
		c.Changed += k.changed
		k.dropped, k.changed = 0, 0
	}
}
