// Package sqltree asks the real SQLite whether package sqldep reads a statement
// as SQLite does. It has tests only: they write the tree back as text, every
// operator in parentheses, and compare the programs that SQLite makes of both
// texts.
package sqltree
