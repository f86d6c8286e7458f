// Package oracles compares package sqldep with real parsers: of SQLite, of
// PostgreSQL, of MySQL. It has tests only, in a module of its own, so that
// nobody who uses cacheops depends on those parsers.
//
// For every statement: the tables that we say are touched include all that the
// real parser sees; the tables that we say are written are those it sees
// written; and what it rejects gets no narrow dependencies from us.
package oracles
