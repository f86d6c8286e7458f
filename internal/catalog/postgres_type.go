package catalog

import (
	"context"
	"encoding/json"
	"fmt"
)

// pgType is a row of pg_type, as far as columns need it.
type pgType struct {
	name       string // "pg_catalog.int4"; citext is "citext" in whatever schema
	base       int64  // of a domain
	mod        int64  // of a domain
	domain     bool
	hasDefault bool
	labels     []string // of an enumeration
}

const pgTypes = `
SELECT t.oid::int8, CASE WHEN t.typinput::regproc::text LIKE '%citextin' THEN 'citext' ELSE n.nspname || '.' || t.typname END,
	t.typtype::text, t.typbasetype::int8, t.typtypmod::int8, t.typdefault IS NOT NULL OR t.typdefaultbin IS NOT NULL,
	coalesce((SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder)::text FROM pg_enum e WHERE e.enumtypid = t.oid), '')
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype IN ('d', 'e') OR t.typtype = 'b' AND t.typcategory <> 'A'`

func (r *pgReader) readTypes(ctx context.Context) error {
	rows, err := r.rows(ctx, 7, pgTypes)
	if err != nil {
		return err
	}
	r.types = make(map[int64]*pgType, len(rows))
	for _, row := range rows {
		t := &pgType{
			name: text(row[1]), domain: text(row[2]) == "d", base: number(row[3]), mod: number(row[4]), hasDefault: number(row[5]) != 0,
		}
		if labels := text(row[6]); labels != "" {
			if err := json.Unmarshal([]byte(labels), &t.labels); err != nil {
				return fmt.Errorf("parse labels: %w", err)
			}
		}
		r.types[number(row[0])] = t
	}
	return nil
}

// hasDefault reports whether a type brings a default of its own, as domains may.
func (r *pgReader) hasDefault(oid int64) bool {
	for t := r.types[oid]; t != nil; t = r.types[t.base] {
		if t.hasDefault {
			return true
		}
	}
	return false
}

// is reports whether that is a type of a name, or a domain over it.
func (r *pgReader) is(oid int64, name string) bool {
	for t := r.types[oid]; t != nil; t = r.types[t.base] {
		if t.name == name {
			return true
		}
	}
	return false
}

// form returns the form of a column of that type, through domains.
func (r *pgReader) form(oid, mod int64, tf TextForm) Form {
	t := r.types[oid]
	for depth := 0; t != nil && t.domain && depth < 100; depth++ {
		oid, mod = t.base, t.mod
		t = r.types[oid]
	}
	f := Form{Dialect: PostgreSQL, Session: r.session}
	switch {
	case t == nil || t.domain:
		return f
	case t.labels != nil:
		f.Kind, f.Labels, f.Text = Enum, t.labels, TextForm{Fold: FoldNone, ASCII: tf.ASCII}
		return f
	}
	if b, ok := pgBasic[t.name]; ok {
		f.Kind, f.Bits = b.kind, b.bits
	}
	switch f.Kind {
	case Decimal:
		if mod >= 0 {
			m := mod - 4
			f.Precision, f.Scale = int(m>>16&0xffff), int((m&0x7ff)^1024)-1024
		}
	case Float:
		if !r.shortFloat {
			f.Kind = Other
		}
	case VarText, PadText:
		f.Text = tf
		f.Text.Trim = f.Kind == PadText
		if t.name == "citext" && tf.Fold != FoldUnknown {
			f.Text.Fold, f.Text.Ordered = FoldASCII, false
		}
		f.Length = int(max(0, mod-4))
	case Clock, Timestamp, Instant:
		if f.Scale = 6; mod >= 0 {
			f.Scale = int(mod)
		}
	}
	return f
}

// pgBasic is the list of types whose equality is known. Not on it, and why:
// real is rounded differently by every driver; interval calls '1 day' and
// '24 hours' equal, timetz compares moments, inet and cidr have several spellings
// of one address, money follows the locale; json has no equality, that of jsonb,
// arrays, ranges, hstore and geometry would have to be computed; name is cut at 63
// bytes.
var pgBasic = map[string]struct {
	kind Kind
	bits int
}{
	"pg_catalog.bool":        {Bool, 1},
	"pg_catalog.int2":        {Integer, 16},
	"pg_catalog.int4":        {Integer, 32},
	"pg_catalog.int8":        {Integer, 64},
	"pg_catalog.numeric":     {Decimal, 0},
	"pg_catalog.float8":      {Float, 64},
	"pg_catalog.text":        {VarText, 0},
	"pg_catalog.varchar":     {VarText, 0},
	"pg_catalog.bpchar":      {PadText, 0},
	"citext":                 {VarText, 0},
	"pg_catalog.bytea":       {VarBytes, 0},
	"pg_catalog.uuid":        {UUID, 0},
	"pg_catalog.date":        {Date, 0},
	"pg_catalog.time":        {Clock, 0},
	"pg_catalog.timestamp":   {Timestamp, 0},
	"pg_catalog.timestamptz": {Instant, 0},
}
