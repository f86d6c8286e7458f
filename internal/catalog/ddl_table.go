package catalog

import (
	"slices"
	"strings"
)

// columnDDL is what a CREATE TABLE says of a column and no pragma does.
type columnDDL struct {
	name      string
	collation string // upper case; Doubtful where the text leaves a doubt
	// generated holds the tokens of a generated column's expression, its
	// parentheses included.
	generated []token
}

// columnsDDL returns the columns of a CREATE TABLE in their order, nil where it
// cannot make out a list of them.
func columnsDDL(ts []token) []columnDDL {
	open := 0
	for open < len(ts) && !ts[open].punct('(') {
		open++
	}
	if open == len(ts) {
		return nil
	}
	var cols []columnDDL
	for _, def := range split(ts[open+1 : closing(ts, open)]) {
		if len(def) == 0 || tableConstraint(def[0]) {
			break
		}
		c, ok := columnOf(def)
		if !ok {
			return nil
		}
		cols = append(cols, c)
	}
	return cols
}

// split parts ts at the commas that are in no parentheses.
func split(ts []token) (parts [][]token) {
	from := 0
	for i := 0; i < len(ts); i++ {
		switch {
		case ts[i].punct('('):
			i = closing(ts, i)
		case ts[i].punct(','):
			parts = append(parts, ts[from:i])
			from = i + 1
		}
	}
	return append(parts, ts[from:])
}

func tableConstraint(t token) bool {
	return t.is("CONSTRAINT") || t.is("PRIMARY") || t.is("UNIQUE") || t.is("CHECK") || t.is("FOREIGN")
}

func columnOf(def []token) (c columnDDL, ok bool) {
	if c.name, ok = def[0].name(); !ok {
		return c, false
	}
	c.collation = "BINARY"
	collations := 0
	for i := 1; i < len(def); i++ {
		switch {
		case def[i].is("COLLATE") && i+1 < len(def):
			collations++
			name, _ := def[i+1].name()
			c.collation = strings.ToUpper(name)
		case def[i].punct('('):
			end := closing(def, i)
			if def[i-1].is("AS") {
				c.generated = def[i:min(end+1, len(def))]
			}
			i = end
		}
	}
	if collations > 1 || sequence(c.generated, "COLLATE") {
		c.collation = Doubtful
	}
	return c, true
}

// affinityOf is SQLite's rule from declared type to affinity.
func affinityOf(declared string) Affinity {
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(strings.ToUpper(declared), p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("INT"):
		return IntegerAffinity
	case has("CHAR", "CLOB", "TEXT"):
		return TextAffinity
	case has("BLOB") || declared == "":
		return NoAffinity
	case has("REAL", "FLOA", "DOUB"):
		return RealAffinity
	}
	return NumericAffinity
}

// pureExpression reports whether every function that ts calls is pure, and none
// asks for the time by a keyword.
func pureExpression(ts []token, d Dialect) bool {
	for i, t := range ts {
		if t.kind != tokWord && t.kind != tokQuoted {
			continue
		}
		switch {
		case t.is("CURRENT_TIMESTAMP"), t.is("CURRENT_DATE"), t.is("CURRENT_TIME"):
			return false
		case i+1 < len(ts) && ts[i+1].punct('(') && !operatorWord(t):
			args := split(ts[i+2 : closing(ts, i+1)])
			nargs := len(args)
			if nargs == 1 && len(args[0]) == 0 {
				nargs = 0
			}
			if !PureFunction(d, t.text, nargs) {
				return false
			}
		}
	}
	return true
}

// mentioned returns every name in ts, keywords and functions' among them.
func mentioned(ts []token) []string {
	names := []string{}
	for _, t := range ts {
		if n, ok := t.name(); ok {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// operatorWord reports a keyword that may stand before a parenthesis without
// being a function.
func operatorWord(t token) bool {
	switch strings.ToUpper(t.text) {
	case "AND", "OR", "NOT", "IN", "AS", "CAST", "CASE", "WHEN", "THEN", "ELSE", "BETWEEN", "IS", "EXISTS",
		"SELECT", "FROM", "WHERE", "VALUES", "ON", "USING", "BY", "HAVING", "LIMIT", "OFFSET", "OVER", "FILTER",
		"SET", "INTO", "KEY", "CONFLICT", "RAISE", "ALL", "UNION", "EXCEPT", "INTERSECT", "DISTINCT", "JOIN", "RETURNING",
		"COLLATE", "ESCAPE", "MATCH", "REGEXP", "PARTITION", "ROWS", "RANGE", "GROUPS", "MATERIALIZED":
		return t.kind == tokWord
	case "LIKE", "GLOB", "REPLACE", "IF", "CHECK":
		return t.kind == tokWord
	}
	return false
}
