package oracles

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
	"github.com/cacheops/cacheops/internal/sqldep"
)

// kind is what a real parser says a statement is.
type kind string

const (
	read  kind = "read"
	write kind = "write"
	ddl   kind = "ddl"
	other kind = "other"
)

// seen is what a real parser sees in a text.
type seen struct {
	statements int
	kind       kind
	// several: a write with several targets, of which some may be only read.
	several      bool
	tables       map[string]bool // all that are named, written ones included
	targets      map[string]bool
	ctes         map[string]bool
	otherSchemas bool
	// exact: targets are all tables that are written, and no others.
	exact bool
	// where is the shape of the WHERE, if shaped.
	where  string
	shaped bool
}

func newSeen() seen {
	return seen{tables: map[string]bool{}, targets: map[string]bool{}, ctes: map[string]bool{}}
}

func (s *seen) reads(schema, name string) {
	if schema != "" && !strings.EqualFold(schema, "main") {
		s.otherSchemas = true
		return
	}
	s.tables[strings.ToLower(name)] = true
}

func (s *seen) writes(schema, name string) {
	s.reads(schema, name)
	s.targets[strings.ToLower(name)] = true
}

// settle takes the common table expressions' names out.
func (s *seen) settle() {
	for name := range s.ctes {
		if !s.targets[name] {
			delete(s.tables, name)
		}
	}
}

// catalogOf has every table that the parser saw, with every word of the text
// for a column, so that nothing stays wide for want of a name.
func catalogOf(d catalog.Dialect, text string, s *seen) *catalog.Catalog {
	c := &catalog.Catalog{Dialect: d, Path: []string{"main"}, Tables: map[string]*catalog.Table{}}
	columns := []catalog.Column{}
	known := map[string]bool{}
	for _, w := range strings.FieldsFunc(text, notInName) {
		if w = strings.ToLower(w); !known[w] {
			known[w] = true
			columns = append(columns, catalog.Column{
				Name: w, Type: "integer", Affinity: catalog.IntegerAffinity, Collation: "BINARY", NotNull: w == "id",
			})
		}
	}
	for name := range s.tables {
		t := &catalog.Table{Name: "main." + name, Schema: "main", Bare: name, Columns: columns}
		if known["id"] {
			t.RowID = "id"
			t.Keys = []catalog.Key{{Columns: []string{"id"}, Primary: true, Pins: true}}
		}
		c.Tables[t.Name] = t
	}
	c.Index()
	return c
}

func notInName(r rune) bool {
	return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r < 0x80
}

// tally counts what was compared.
type tally struct {
	texts, accepted, narrow, cacheable, trees int
	// without are the texts that the oracle accepts and of which we have no tree.
	without []string
}

// check compares one text and says what differs.
func check(d catalog.Dialect, text string, oracle func(string) (seen, error), n *tally) error {
	n.texts++
	s, err := oracle(text)
	if err != nil {
		return checkRejected(d, text, err)
	}
	n.accepted++
	s.settle()
	b := sqldep.NewPlanner(d, 1).Plan(text, catalogOf(d, text, &s))
	if s.statements != 1 {
		return nil
	}
	if err := checkClass(b.Plan, &s); err != nil {
		return err
	}
	if s.kind != read && s.kind != write {
		return nil
	}
	if d != catalog.SQLite {
		if err := checkTree(d, text, &s, n); err != nil {
			return err
		}
	}
	if s.otherSchemas {
		return nil
	}
	if !b.Everything {
		if err := contains(b.Tables, s.tables, "touched"); err != nil {
			return err
		}
	}
	switch {
	case b.Class == sqldep.Read && b.Uncacheable == "":
		n.cacheable++
		return checkUses(b, &s, n)
	case b.Class == sqldep.Write:
		return checkChanges(b, &s, n)
	}
	return nil
}

func checkClass(p *sqldep.Plan, s *seen) error {
	ok := true
	switch s.kind {
	case read: // DDL is wider: an INTO where PostgreSQL's parser alone does not mind it
		ok = p.Class == sqldep.Read || p.Class == sqldep.Write || p.Class == sqldep.DDL || p.Class == sqldep.Unrecognised
	case write:
		ok = p.Class == sqldep.Write || p.Class == sqldep.DDL || p.Class == sqldep.Unrecognised
	case ddl:
		ok = p.Class == sqldep.DDL || p.Class == sqldep.Session || p.Class == sqldep.Unrecognised
	case other:
		ok = p.Class != sqldep.Read || p.Uncacheable != ""
	}
	if !ok {
		return fmt.Errorf("class %d for what is %s", p.Class, s.kind)
	}
	if len(s.targets) > 0 && p.Class == sqldep.Read && s.kind != other {
		return fmt.Errorf("a read that writes %v", s.targets)
	}
	return nil
}

func checkUses(b sqldep.Bound, s *seen, n *tally) error {
	var tables []string
	for _, u := range b.Uses(nil) {
		if u.Table == "" {
			return nil
		}
		tables = append(tables, u.Table)
		if narrowUse(u) {
			n.narrow++
		}
	}
	return contains(tables, s.tables, "used")
}

func checkChanges(b sqldep.Bound, s *seen, n *tally) error {
	var tables []string
	narrow := false
	for _, c := range b.Changes(nil, sqldep.Facts{}) {
		if c.Table == "" {
			return nil
		}
		tables = append(tables, c.Table)
		narrow = narrow || c.Op != dep.AnyOp
	}
	if err := contains(tables, s.targets, "changed"); err != nil || !narrow || s.several {
		return err
	}
	n.narrow++
	for _, name := range tables {
		if !s.targets[strings.TrimPrefix(name, "main.")] {
			return fmt.Errorf("%s is changed, which is no target", name)
		}
	}
	return nil
}

// checkRejected: a text that the real parser rejects fails on the database,
// unless we err about which is right. It must not be narrowed.
//
// On PostgreSQL and MySQL that goes for reads. Our parser takes chains of
// operators there that do not associate, and a write that fails changes nothing
// however narrow its plan; those that the real parsers accept have their trees
// compared, and the judge runs them on live servers.
func checkRejected(d catalog.Dialect, text string, cause error) error {
	s := newSeen()
	for _, w := range strings.FieldsFunc(text, notInName) {
		s.tables[strings.ToLower(w)] = true
	}
	b := sqldep.NewPlanner(d, 1).Plan(text, catalogOf(d, text, &s))
	switch {
	case b.Class == sqldep.Read && b.Uncacheable == "":
		for _, u := range b.Uses(nil) {
			if narrowUse(u) {
				return rejectedError{"narrow uses of " + u.Table, cause}
			}
		}
	case b.Class == sqldep.Write && d == catalog.SQLite:
		for _, c := range b.Changes(nil, sqldep.Facts{}) {
			if c.Op != dep.AnyOp {
				return rejectedError{"narrow changes of " + c.Table, cause}
			}
		}
	}
	return nil
}

func narrowUse(u dep.Use) bool {
	for _, r := range u.Regions {
		if len(r.Atoms) == 0 {
			return false
		}
	}
	return true
}

func contains(have []string, want map[string]bool, what string) error {
	in := map[string]bool{}
	for _, name := range have {
		in[name] = true
	}
	for name := range want {
		if !in["main."+name] {
			return fmt.Errorf("main.%s is not %s: %v", name, what, have)
		}
	}
	return nil
}

// compare checks every statement of the corpus, and mixtures of them.
func compare(t *testing.T, d catalog.Dialect, oracle func(string) (seen, error)) {
	texts := corpus(t, d)
	var n tally
	for _, text := range texts {
		if err := guard(d, text, oracle, &n); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	}
	t.Logf("%d statements, %d accepted, %d reads cacheable, %d narrowed", n.texts, n.accepted, n.cacheable, n.narrow)
	if d != catalog.SQLite {
		t.Logf("%d trees; without: %s", n.trees, strings.Join(n.without, "\n"))
		if len(n.without) > n.trees/20 {
			t.Errorf("%d queries and writes have no tree", len(n.without))
		}
	}
	if n.accepted < len(texts)/2 {
		t.Errorf("the oracle accepts only %d of %d statements", n.accepted, len(texts))
	}
	mixtures(t, d, texts, oracle)
	if d != catalog.SQLite {
		precedence(t, d, oracle)
	}
}

// guard turns a panic of the oracle into silence: they are not ours.
func guard(d catalog.Dialect, text string, oracle func(string) (seen, error), n *tally) error {
	return check(d, text, func(text string) (s seen, err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("the oracle panicked: %v", r)
			}
		}()
		return oracle(text)
	}, n)
}

var (
	seed  = flag.Uint64("seed", 0, "of the mixtures; 0 for a fixed one and a fresh one")
	mixes = flag.Int("mixes", 4000, "how many mixtures a seed makes for each dialect")
)

// mixtures checks texts that nobody wrote. With the fixed seed it holds us to
// the real parser's rejections too; with a fresh one only to what matters: the
// database rejects a text that we find too much sense in, and nothing is cached
// or written.
func mixtures(t *testing.T, d catalog.Dialect, texts []string, oracle func(string) (seen, error)) {
	if *seed != 0 {
		mixSeed(t, d, texts, oracle, *seed, true)
		return
	}
	mixSeed(t, d, texts, oracle, 1, true)
	mixSeed(t, d, texts, oracle, uint64(time.Now().UnixNano()), false)
}

func mixSeed(t *testing.T, d catalog.Dialect, texts []string, oracle func(string) (seen, error), seed uint64, exact bool) {
	rnd := rand.New(rand.NewPCG(seed, uint64(d)))
	var n tally
	for range *mixes {
		text := mix(rnd, texts)
		err := guard(d, text, oracle, &n)
		if err != nil && (exact || !errors.As(err, new(rejectedError))) {
			t.Errorf("-seed=%d: %s\n%v", seed, text, err)
		}
	}
	t.Logf("-seed=%d: %d mixtures, %d accepted, %d reads cacheable, %d narrowed", seed, n.texts, n.accepted, n.cacheable, n.narrow)
}

// rejectedError says that we narrow what the real parser rejects.
type rejectedError struct {
	what  string
	cause error
}

func (e rejectedError) Error() string { return e.what + " for what is rejected: " + e.cause.Error() }

// mix puts words of one statement in the place of words of another.
func mix(rnd *rand.Rand, texts []string) string {
	a, b := words(texts[rnd.IntN(len(texts))]), words(texts[rnd.IntN(len(texts))])
	for range 1 + rnd.IntN(2) {
		i, j := rnd.IntN(len(a)), rnd.IntN(len(b))
		cut, take := rnd.IntN(min(4, len(a)-i)), b[j:j+1+rnd.IntN(min(4, len(b)-j))]
		a = append(append(append([]string{}, a[:i]...), take...), a[i+cut:]...)
	}
	return strings.Join(a, " ")
}

// words cuts a text roughly: at spaces, and around punctuation outside quotes.
func words(text string) []string {
	var list []string
	start, quote := 0, byte(0)
	flush := func(end int) {
		if w := strings.TrimSpace(text[start:end]); w != "" {
			list = append(list, w)
		}
		start = end
	}
	for i := range len(text) {
		c := text[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"' || c == '`':
			quote = c
		case c == ' ' || c == '\n':
			flush(i)
		case strings.IndexByte("(),;=<>", c) >= 0:
			flush(i)
			flush(i + 1)
		}
	}
	flush(len(text))
	if len(list) == 0 {
		return []string{";"}
	}
	return list
}
