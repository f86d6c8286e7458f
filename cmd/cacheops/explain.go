package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
)

type explainCommand struct {
	databaseFlags
	SQL   string   `arg:"" name:"statement" help:"The statement, as the program sends it. It is not run."`
	Arg   []string `placeholder:"VALUE" sep:"none" help:"The value of the next parameter: a number, true, false, null, or text (\"'5'\" for text that looks like a number). May be repeated."`
	Rules string   `placeholder:"FILE" help:"Rules as for replay. Without, every read is cached for an hour."`
	JSON  bool     `name:"json" help:"Print the explanation as one JSON object."`
}

// Run is called by the parser.
func (c *explainCommand) Run(ctx context.Context, e *env) (err error) {
	rules := []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Hour}}
	if c.Rules != "" {
		if rules, err = readRules(c.Rules); err != nil {
			return err
		}
	}
	store := memstore.New(0)
	defer func() { err = errors.Join(err, store.Close()) }()
	cache, err := cacheops.New(store, &cacheops.Config{Rules: rules})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cache.Close()) }()
	db, err := c.open(cache)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	args := make([]any, len(c.Arg))
	for i, text := range c.Arg {
		args[i] = parseValue(text)
	}
	x, err := sqlcache.Explain(ctx, db, c.SQL, args...)
	if err != nil {
		return err
	}
	out := newExplained(x, rules)
	if c.JSON {
		return json.NewEncoder(e.stdout).Encode(out)
	}
	return out.print(e.stdout)
}

// parseValue reads a value from a command line: numbers in their usual form, null,
// true, false, and text, in single quotes where it could be taken for another.
func parseValue(text string) any {
	switch strings.ToLower(text) {
	case "null":
		return nil
	case "true":
		return true
	case "false":
		return false
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(n, 10) == text {
		return n
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && strconv.FormatFloat(f, 'f', -1, 64) == text {
		return f
	}
	return unquoted(text)
}

func unquoted(text string) string {
	if len(text) >= 2 && text[0] == '\'' && text[len(text)-1] == '\'' {
		return strings.ReplaceAll(text[1:len(text)-1], "''", "'")
	}
	return text
}

// explained is an explanation as --json prints it.
type explained struct {
	Kind       string           `json:"kind"`
	Op         string           `json:"op,omitempty"`
	Main       string           `json:"main,omitempty"`
	Rule       string           `json:"rule,omitempty"`
	Cached     bool             `json:"cached"`
	TTL        string           `json:"ttl,omitempty"`
	Why        string           `json:"why,omitempty"`
	Everything bool             `json:"everything,omitempty"`
	Tables     []explainedTable `json:"tables"`
	Notes      []explainedNote  `json:"widened"`
}

type explainedTable struct {
	Name         string   `json:"name"`
	Columns      []string `json:"columns,omitempty"`
	Regions      []string `json:"regions"`
	Tags         []string `json:"tags,omitempty"`
	InsertsSpare bool     `json:"inserts_spare,omitempty"`
}

type explainedNote struct {
	Condition string `json:"condition,omitempty"`
	Why       string `json:"why"`
}

func newExplained(x *sqlcache.Explanation, rules []cacheops.Rule) *explained {
	out := &explained{
		Kind: x.Kind, Op: x.Op.String(), Main: x.Main, Cached: x.Why == "", Why: x.Why, Everything: x.Everything,
		Tables: []explainedTable{}, Notes: []explainedNote{},
	}
	if out.Cached {
		out.TTL = x.TTL.String()
	}
	switch {
	case x.Hint:
		out.Rule = "a hint in the text"
	case x.Rule >= 0:
		out.Rule = fmt.Sprintf("%d: %s", x.Rule+1, ruleText(&rules[x.Rule]))
	}
	for _, t := range x.Tables {
		table := explainedTable{Name: t.Name, Columns: t.Columns, Regions: t.Regions, InsertsSpare: t.InsertsSpare}
		for _, tag := range t.Tags {
			table.Tags = append(table.Tags, fmt.Sprintf("%016x", uint64(tag)))
		}
		out.Tables = append(out.Tables, table)
	}
	for _, n := range x.Notes {
		out.Notes = append(out.Notes, explainedNote(n))
	}
	return out
}

func ruleText(r *cacheops.Rule) string {
	switch {
	case r.Never:
		return r.Tables + " never"
	case r.Ops == 0:
		return r.Tables + " where asked for"
	}
	return r.Tables + " " + r.Ops.String()
}

// print writes the explanation for people.
func (x *explained) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(key, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", key, fmt.Sprintf(format, args...)) }
	line("statement", "%s", x.Kind)
	switch {
	case x.Op == "":
	case x.Main == "": // SELECT 1
		line("op", "%s", x.Op)
	default:
		line("op", "%s of %s", x.Op, x.Main)
	}
	if x.Rule != "" {
		line("rule", "%s", x.Rule)
	}
	switch {
	case x.Cached:
		line("cached", "yes, for %s", x.TTL)
	default:
		line("cached", "no: %s", x.Why)
	}
	if x.Everything {
		line("touches", "everything in the database")
	}
	for i := range x.Tables {
		x.Tables[i].print(line, x.Kind == "read")
	}
	for _, n := range x.Notes {
		if n.Condition == "" {
			line("widened", "%s", n.Why)
			continue
		}
		line("widened", "%s: %s", n.Condition, n.Why)
	}
	return w.Flush()
}

func (t *explainedTable) print(line func(key, format string, args ...any), reads bool) {
	line("table", "%s", t.Name)
	switch {
	case len(t.Columns) == 0:
	case reads:
		line("  uses", "%s", strings.Join(t.Columns, ", "))
	default:
		line("  sets", "%s", strings.Join(t.Columns, ", "))
	}
	for _, r := range t.Regions {
		line("  region", "%s", r)
	}
	if len(t.Tags) > 0 {
		line("  tags", "%s", strings.Join(t.Tags, " "))
	}
	if t.InsertsSpare {
		line("  inserts", "drop nothing, once its row is found")
	}
}
