package fuzz

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// answer is all that a program sees of a statement's execution.
type answer struct {
	cols     string
	rows     []string
	err      error
	affected string
}

// readRows drains and closes rows.
func readRows(rows *sql.Rows, err error) answer {
	if err != nil {
		return answer{err: err}
	}
	defer rows.Close()
	var a answer
	cols, err := rows.Columns()
	if err != nil {
		return answer{err: err}
	}
	types, err := rows.ColumnTypes()
	if err != nil {
		return answer{err: err}
	}
	for i, c := range cols {
		a.cols += c + " " + types[i].DatabaseTypeName() + ", "
	}
	vals, ptrs := make([]any, len(cols)), make([]any, len(cols))
	for i := range vals {
		ptrs[i] = &vals[i]
	}
	for rows.Next() {
		if err := rows.Scan(ptrs...); err != nil {
			return answer{err: err}
		}
		a.rows = append(a.rows, row(vals))
	}
	a.err = rows.Err()
	return a
}

// row writes a row so that rows are equal exactly when their texts are.
func row(vals []any) string {
	var b strings.Builder
	for i, v := range vals {
		if i > 0 {
			b.WriteString(", ")
		}
		switch v := v.(type) {
		case nil:
			b.WriteString("NULL")
		case float64:
			fmt.Fprintf(&b, "%g#%x", v, math.Float64bits(v))
		case string:
			fmt.Fprintf(&b, "%q", v)
		case []byte:
			fmt.Fprintf(&b, "x%q", v)
		case time.Time:
			b.WriteString(v.Format(time.RFC3339Nano) + v.Location().String())
		default:
			fmt.Fprintf(&b, "%T(%v)", v, v)
		}
	}
	return b.String()
}

func (a *answer) String() string {
	if a.err != nil {
		return "error: " + a.err.Error()
	}
	return a.cols + a.affected + "\n  " + strings.Join(a.rows, "\n  ")
}

// differs reports whether two answers to one statement are different to a
// program. Without ordered, the order of rows is not promised by SQL.
func (a *answer) differs(b *answer, ordered bool) bool {
	if a.err != nil || b.err != nil {
		return differentErrors(a.err, b.err)
	}
	if a.cols != b.cols || a.affected != b.affected {
		return true
	}
	if slices.Equal(a.rows, b.rows) {
		return false
	}
	return ordered || !slices.Equal(sorted(a.rows), sorted(b.rows))
}

// represents reports whether two answers of a database differ only in which of
// equal values stands for them, in GROUP BY, DISTINCT or UNION under a collation
// for which 'a' = 'Á': that hangs on the order in which rows are met.
func (a *answer) represents(b *answer) bool {
	return a.err == nil && b.err == nil && a.cols == b.cols && len(a.rows) > 0 &&
		slices.Equal(sorted(folded(a.rows)), sorted(folded(b.rows)))
}

var fold = strings.NewReplacer("á", "a", "é", "e", "ß", "ss")

func folded(rows []string) []string {
	out := slices.Clone(rows)
	for i, r := range rows {
		for {
			trimmed := strings.ReplaceAll(r, ` "`, `"`)
			if trimmed == r {
				break
			}
			r = trimmed
		}
		out[i] = fold.Replace(strings.ToLower(r))
	}
	return out
}

func sorted(rows []string) []string {
	s := slices.Clone(rows)
	slices.Sort(s)
	return s
}

// differentErrors compares whether there is an error, and SQLite's code where
// both carry one.
func differentErrors(a, b error) bool {
	if (a == nil) != (b == nil) {
		return true
	}
	var x, y coded
	return errors.As(a, &x) && errors.As(b, &y) && x.Code() != y.Code()
}

// accepted names the differences between a cached database and a bare one that
// are a price which the documentation names. The list should shrink. After one
// that diverges the two databases have parted ways.
func accepted(op *Op, got, want *answer) (why string, diverges bool) {
	const busy, mistake = 5, 1
	const constraint = 19
	switch {
	case code(got.err) == constraint && code(want.err) == constraint && op.Class != "ddl":
		return "OR FAIL in autocommit reports the deferred key that its commit breaks, rather than its own failure", false
	case op.SQL == "PRAGMA optimize" && got.err == nil && code(want.err) == busy:
		return "it analyses, and locks, for what its own connection has planned: a hit plans nothing", false
	case code(got.err) != busy:
	case snapshot(got.err) && !snapshot(want.err):
		return "a write that fails where OR FAIL might have kept rows is committed, and may change nothing but other transactions' snapshots", true
	case code(want.err) == mistake:
		return "an autocommit write takes the write lock before it is compiled", false
	case want.err == nil && (op.Class == "ddl" || op.Class == "oddity"):
		return "DDL takes the write lock even if it turns out to have nothing to do", false
	}
	return "", false
}

// snapshot reports whether a transaction may not write because another one has
// committed since it began to read.
func snapshot(err error) bool {
	var e coded
	return errors.As(err, &e) && e.Code() == 517
}

// code is SQLite's primary result code, -1 for any other error, 0 for none.
func code(err error) int {
	var e coded
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.Code() & 0xff
	}
	return -1
}
