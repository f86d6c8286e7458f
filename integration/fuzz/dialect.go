package fuzz

import (
	"math/rand/v2"
	"strings"
)

// dialect is what the generator knows of one database's SQL. The functions make
// what is different in kind; the lists are the words that differ. In the forms
// of outputs, indexes and grouped windows, %s stands for a column.
type dialect struct {
	name string
	// strict: what a statement returns may depend on no order that SQL does not
	// promise, because there is no twin in which the rows lie in the same order.
	strict bool
	// typed: values of different kinds are not compared.
	typed bool

	odd     []any // values of any kind
	oddity  int   // percent of them
	plain   func(r *rand.Rand, k kind) any
	literal func(v any) string
	quoted  func(name string) []string
	upper   func(name string) string
	styles  []style
	main    string // qualifies a table in FROM

	names   []string // of tables
	table   func(s *schema, name string) (t *table, ddl []string)
	rows    func(into, values string) string // an INSERT that leaves out what is refused
	views   []string
	trigger func(s *schema) []string
	alter   func(s *schema) (text string, done func())
	columns []column // name is the definition that ALTER TABLE ADD COLUMN takes
	indexes []string
	partial []string

	simple, tricky, ranges func(g *exprs) string
	strange                func(g *exprs)
	outputs, orders        []string
	aggregates             []string
	filter, full           bool
	groups, blocks         []string
	cuts                   []string // leave out rows by their number, some of the first ones
	materialized           []string
	windows                func(g *exprs, c, d string) string

	verb      func(g *exprs) string // of an INSERT
	defaults  string                // an INSERT of nothing
	rowExprs  []string
	upsert    func(g *exprs, t *table)
	update    func(g *exprs, t *table) bool // a form of its own, if it says so
	remove    func(g *exprs, t *table) bool
	others    func(g *exprs, t *table) bool // other writes
	returning []string                      // none: only of columns

	begins, rollbacks, releases, ends, oddities []string

	props *props // of scenes; nil: none are played
}

func (d *dialect) style(r *rand.Rand, mixed int) style {
	if chance(r, mixed) {
		return pick(r, d.styles)
	}
	return d.styles[0]
}

func (s *schema) statement(class string, mixed int) *statement {
	return &statement{d: s.d, class: class, style: s.d.style(s.r, mixed)}
}

// form writes a column into one of a list of forms.
func (s *schema) form(forms []string, col string) string {
	return strings.ReplaceAll(pick(s.r, forms), "%s", col)
}

var lite = &dialect{
	name: "sqlite",
	odd:  odd, oddity: 6, plain: litePlain, literal: liteLiteral,
	quoted: func(name string) []string { return []string{`"` + name + `"`, "`" + name + "`", "[" + name + "]"} },
	upper:  strings.ToUpper,
	styles: []style{question, numbered, colon, at, dollar},
	main:   "main.",

	names:   []string{"items", "people", "tags", "Log Book", "order"},
	table:   liteTable,
	rows:    func(into, values string) string { return "INSERT OR IGNORE INTO " + into + " VALUES " + values },
	trigger: func(s *schema) []string { return []string{s.trigger()} },
	alter:   (*schema).alterLite,
	views:   []string{"VIEW"},
	indexes: []string{"lower(%s)", "%s COLLATE NOCASE", "%s DESC", "%s", "%s", "%s", "%s", "%s"},
	partial: []string{" IS NOT NULL", " = 1", " > 2"},

	simple: (*exprs).simpleLite, tricky: (*exprs).trickyLite, ranges: (*exprs).rangeLite, strange: strangeLite,
	outputs:    []string{"lower(%s)", "coalesce(%s, 'none')", "length(%s)", "%s IS NULL", "typeof(%s)", "%s + 1"},
	orders:     []string{"", " DESC", " ASC NULLS LAST", " COLLATE NOCASE"},
	aggregates: []string{"sum", "min", "max", "avg", "total", "count"},
	filter:     true, full: true,
	groups:       []string{"count(*)", "count(%s)", "max(%s)", "sum(%s)", "group_concat(%s)"},
	blocks:       []string{"abs(%s)", "%s ->> '$.a'"},
	cuts:         []string{" LIMIT -1 OFFSET 1", " LIMIT 3 OFFSET 1"},
	materialized: []string{"", "MATERIALIZED ", "NOT MATERIALIZED "},
	windows:      windowLite,

	verb:     (*exprs).verbLite,
	defaults: " DEFAULT VALUES",
	rowExprs: []string{"1 + 1", "NULL", "lower('A')", "-1", "TRUE"},
	upsert:   (*exprs).upsertConflict,
	update:   (*exprs).updateFrom,
	// SQLite's rowid is what RETURNING can tell beside the columns.
	returning: []string{"*", "1, rowid"},

	begins:    []string{"BEGIN", "BEGIN IMMEDIATE", "BEGIN DEFERRED TRANSACTION", "begin", "SAVEPOINT outer1"},
	rollbacks: []string{"ROLLBACK TO ", "ROLLBACK TRANSACTION TO SAVEPOINT ", "rollback to "},
	releases:  []string{"RELEASE ", "RELEASE SAVEPOINT "},
	ends:      []string{"COMMIT", "END TRANSACTION", "commit;"},
	oddities: []string{
		"ANALYZE", "PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys = 1", "PRAGMA optimize", "REINDEX", "PRAGMA defer_foreign_keys = ON",
		"CREATE TEMP TABLE IF NOT EXISTS scratchpad (x)", "", "/* nothing */", ";", "PRAGMA recursive_triggers = 1", "PRAGMA user_version = 7", "VACUUM",
		"EXPLAIN DELETE FROM items", "CREATE TABLE IF NOT EXISTS items (x)", "DROP TABLE IF EXISTS nowhere", "SELECT 1", "PRAGMA reverse_unordered_selects = 0",
	},
}
