// Package sqldep is the one place that understands SQL: it turns a statement's
// text, given the dialect and the catalog, into a plan; the plan with the
// statement's arguments gives the regions that a read looks at or the changes
// that a write makes.
//
// It works in two layers, so that precision can never cost soundness. The lexer
// alone finds every identifier of the statement: every table or view of the
// catalog whose name occurs is touched. That is the floor. The parser
// understands the shapes that people write and ORMs emit, and only narrows the
// floor; what it does not recognise leaves it in place.
//
// The parser knows three dialects; the files named elsewhere hold what SQLite
// lacks. For PostgreSQL and MySQL what the syntax alone says against caching, and
// which functions and operators nobody vouches for, is found before any
// analysis (see refusal). The analyses were made for SQLite; which of their rules
// hold elsewhere, docs/dialects.md says. An analyst meets each node that only these
// dialects have as an Opaque until it looks for it by name (see Walk).
package sqldep
