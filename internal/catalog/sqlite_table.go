package catalog

import (
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/cacheops/cacheops/internal/dep"
)

// table fills in t from the pragmas and from its CREATE statement.
func (r *reader) table(ctx context.Context, t *Table, name, kind, sql string) error {
	ts := scan(sql)
	switch {
	case strings.HasPrefix(t.Bare, "sqlite_"):
		t.Opaque = "system table"
		return nil
	case kind == "virtual":
		t.Opaque = "virtual table"
		if at := find(ts, 0, "USING"); at+1 < len(ts) {
			t.Module, _ = ts[at+1].name()
		}
	case kind == "shadow":
		t.Opaque = "shadow table"
	case kind == "view":
		t.IsView, t.View = true, sql
	}
	if err := r.columns(ctx, t, name, ts); err != nil {
		// A view over what is gone, a virtual table whose module is not there: the
		// schema holds them, and nothing can read them.
		if t.IsView {
			t.Opaque = "unreadable view"
		}
		if t.Opaque != "" && ctx.Err() == nil {
			return nil
		}
		return err
	}
	if t.IsView || t.Opaque != "" {
		return nil
	}
	t.PlainInsertReplaces = sequence(ts, "ON", "CONFLICT", "REPLACE")
	t.ConflictFails = sequence(ts, "ON", "CONFLICT", "FAIL")
	t.ConflictRollsBack = sequence(ts, "ON", "CONFLICT", "ROLLBACK")
	if err := r.keys(ctx, t, name); err != nil {
		return err
	}
	return r.foreignKeys(ctx, t, name)
}

// The values of table_xinfo's column hidden.
const (
	hiddenColumn     = 1
	virtualGenerated = 2
	storedGenerated  = 3
)

func (r *reader) columns(ctx context.Context, t *Table, name string, ts []token) error {
	rows, err := r.q(ctx, "PRAGMA "+quote(t.Schema)+".table_xinfo("+quote(name)+")")
	if err != nil {
		return fmt.Errorf("list columns: %w", err)
	}
	var ddl []columnDDL
	if !t.IsView && t.Opaque == "" {
		ddl = columnsDDL(ts)
	}
	seen := make(map[string]bool)
	for _, row := range rows {
		if len(row) < 7 {
			return errShort
		}
		hidden := number(row[6])
		c := Column{
			Name: strings.ToLower(text(row[1])), Type: text(row[2]), NotNull: number(row[3]) != 0,
			Collation: Doubtful, Hidden: hidden == hiddenColumn, utf16: r.utf16,
			Generated: hidden == virtualGenerated || hidden == storedGenerated,
		}
		c.Affinity = affinityOf(c.Type)
		if t.Strict && strings.EqualFold(c.Type, "ANY") {
			c.Affinity = NoAffinity
		}
		if len(ddl) == len(rows) && ddl[len(t.Columns)].name == c.Name {
			d := &ddl[len(t.Columns)]
			c.Collation = d.collation
			if c.Generated && d.generated != nil {
				c.GeneratedPure, c.GeneratedFrom = pureExpression(d.generated, SQLite), mentioned(d.generated)
			}
		}
		c.Default = defaultValue(&c, row[4] == nil, text(row[4]))
		if seen[c.Name] {
			t.Opaque = "ambiguous name"
		}
		seen[c.Name] = true
		t.Columns = append(t.Columns, c)
	}
	return nil
}

// defaultValue returns what an INSERT that leaves the column out gives it.
func defaultValue(c *Column, none bool, expr string) dep.Value {
	switch {
	case c.Generated:
		return dep.Value{}
	case none:
		return dep.NullValue()
	}
	ts := scan(expr)
	sign := ""
	if len(ts) == 2 && (ts[0].punct('-') || ts[0].punct('+')) {
		sign, ts = ts[0].text, ts[1:]
	}
	if len(ts) != 1 {
		return dep.Value{}
	}
	switch t := ts[0]; {
	case t.kind == tokNumber:
		return numberDefault(c, sign+t.text)
	case sign != "":
		return dep.Value{}
	case t.kind == tokString:
		return c.Written(t.text)
	case t.kind == tokBlob:
		b, err := hex.DecodeString(t.text)
		if err != nil {
			return dep.Value{}
		}
		return c.Written(b)
	case t.is("NULL"):
		return dep.NullValue()
	case t.is("TRUE"):
		return c.Written(true)
	case t.is("FALSE"):
		return c.Written(false)
	}
	return dep.Value{}
}

func numberDefault(c *Column, text string) dep.Value {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n != math.MinInt64 {
		return c.Written(n)
	}
	if v, is, sure := numberText(text); is && sure {
		return c.Written(v.Float())
	}
	return dep.Value{}
}
