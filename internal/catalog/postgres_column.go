package catalog

import (
	"context"
	"strings"

	"github.com/cacheops/cacheops/internal/dep"
)

const pgColumns = `
SELECT a.attrelid::int8, a.attname::text, format_type(a.atttypid, a.atttypmod), a.atttypid::int8, a.atttypmod::int8,
	a.attnotnull, a.attidentity::text, a.attgenerated::text, coalesce(pg_get_expr(d.adbin, d.adrelid), ''),
	coalesce(CASE WHEN co.collnamespace <> 'pg_catalog'::regnamespace THEN co.collnamespace::regnamespace::text || '.' ELSE '' END || co.collname::text, ''),
	coalesce(co.collisdeterministic, true), coalesce(co.collprovider::text, ''),
	coalesce(to_jsonb(co)->>'collcollate', ''), a.attnum::int8, a.attcollation::int8
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
	LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
	LEFT JOIN pg_collation co ON co.oid = a.attcollation
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
	AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND ` + pgNoTemp + `
ORDER BY a.attrelid, a.attnum`

// pgAttribute is a column as PostgreSQL's other catalogs refer to it.
type pgAttribute struct {
	name      string
	collation int64
	citext    bool
}

func (r *pgReader) columns(ctx context.Context) error {
	rows, err := r.rows(ctx, 15, pgColumns)
	if err != nil {
		return err
	}
	for _, row := range rows {
		oid := number(row[0])
		t := r.byOID[oid]
		if t == nil {
			continue
		}
		c := Column{
			Name: strings.ToLower(text(row[1])), Real: text(row[1]), Type: text(row[2]),
			NotNull: number(row[5]) != 0, Generated: text(row[7]) != "", Collation: text(row[9]),
			Nondeterministic: number(row[10]) == 0,
			Identity:         map[string]string{"a": "ALWAYS", "d": "BY DEFAULT"}[text(row[6])],
		}
		tf := TextForm{ASCII: !r.utf8}
		if number(row[10]) != 0 {
			tf.Fold = FoldNone
			tf.Ordered = r.ordered && text(row[11]) == "d" || bytewise(text(row[11]), text(row[12]))
		}
		typ := number(row[3])
		c.Form, c.Zoned = r.form(typ, number(row[4]), tf), r.is(typ, "pg_catalog.timetz")
		switch expr := text(row[8]); {
		case c.Generated:
			c.GeneratedFrom = words(expr)
			r.defaults = append(r.defaults, pgExpression{t, c.Name, expr, false})
		case c.Identity != "":
		case expr != "":
			c.Default = pgDefault(&c, expr)
			r.defaults = append(r.defaults, pgExpression{t, c.Name, expr, false})
		case !r.hasDefault(typ):
			c.Default = dep.NullValue()
		}
		t.addColumn(c)
		if r.attributes[oid] == nil {
			r.attributes[oid] = make(map[int64]pgAttribute)
		}
		r.attributes[oid][number(row[13])] = pgAttribute{name: c.Name, collation: number(row[14]), citext: r.is(typ, "citext")}
	}
	r.cat.Index()
	return nil
}

// addColumn appends c. Two columns whose names differ in case alone leave the
// table in doubt.
func (t *Table) addColumn(c Column) {
	for i := range t.Columns {
		if t.Columns[i].Name == c.Name {
			t.Opaque = "ambiguous name"
		}
	}
	t.Columns = append(t.Columns, c)
}

// pgDefault returns the value of a default that is a constant: a literal,
// perhaps with a cast to the column's own type behind it. A cast to another type
// may change it.
func pgDefault(c *Column, expr string) dep.Value {
	literal, cast := expr, ""
	if strings.HasPrefix(expr, "'") {
		end := 1
		for end < len(expr) && (expr[end] != '\'' || end+1 < len(expr) && expr[end+1] == '\'') {
			if expr[end] == '\'' {
				end++
			}
			end++
		}
		if end >= len(expr) {
			return dep.Value{}
		}
		literal, cast = expr[:end+1], strings.TrimPrefix(expr[end+1:], "::")
	} else if i := strings.Index(expr, "::"); i >= 0 {
		literal, cast = expr[:i], expr[i+2:]
	}
	base, _, _ := strings.Cut(c.Type, "(")
	if base == "character" {
		base = "bpchar"
	}
	if cast != "" && cast != c.Type && cast != base {
		return dep.Value{}
	}
	switch {
	case literal == "NULL":
		return dep.NullValue()
	case literal == "true", literal == "false":
		return c.Written(literal == "true")
	case literal[0] == '\'':
		return c.Written(strings.ReplaceAll(literal[1:len(literal)-1], "''", "'"))
	}
	return c.Written(Literal{Type: Numeral, Text: strings.Trim(literal, "()")})
}
