package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

const pgIndexes = `
SELECT i.indrelid::int8, i.indisunique, i.indisprimary, i.indimmediate, i.indisvalid AND i.indisready AND i.indislive, i.indpred IS NOT NULL,
	(SELECT json_agg(json_build_array(k.attnum, k.coll::int8, o.opcdefault, o.opcintype::int8) ORDER BY k.n)::text
		FROM unnest(i.indkey::int2[], i.indcollation::oid[], i.indclass::oid[]) WITH ORDINALITY AS k (attnum, coll, class, n)
		LEFT JOIN pg_opclass o ON o.oid = k.class WHERE k.n <= i.indnkeyatts),
	coalesce((to_jsonb(i)->>'indnullsnotdistinct')::boolean, false)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND ` + pgNoTemp + `
ORDER BY i.indrelid, i.indisprimary DESC, i.indexrelid`

// pgIndexColumn is a key column of an index: attribute number, 0 for an
// expression, collation, and whether the operator class is the own one of the type
// that it is for.
type pgIndexColumn struct {
	attribute, collation, typ int64
	plain                     bool
}

func (c *pgIndexColumn) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&c.attribute, &c.collation, &c.plain, &c.typ})
}

func (r *pgReader) indexes(ctx context.Context) error {
	rows, err := r.rows(ctx, 8, pgIndexes)
	if err != nil {
		return err
	}
	for _, row := range rows {
		oid := number(row[0])
		t := r.byOID[oid]
		if t == nil {
			continue
		}
		var cols []pgIndexColumn
		if err := json.Unmarshal([]byte(text(row[6])), &cols); err != nil {
			return fmt.Errorf("parse columns of an index: %w", err)
		}
		names, plain := r.indexColumns(oid, cols)
		partial := number(row[5]) != 0
		if partial {
			t.PartialIndexes = append(t.PartialIndexes, names)
		} else {
			t.Indexes = append(t.Indexes, names)
		}
		if number(row[1]) == 0 {
			continue
		}
		// Of NULLS NOT DISTINCT a NULL may be in another's way, which is so of no other
		// key.
		if partial || !plain || number(row[4]) == 0 || number(row[7]) != 0 {
			t.HasOddKeys = true
			continue
		}
		// A deferrable key is not checked until the commit.
		t.addKey(names, number(row[2]) != 0, number(row[3]) != 0)
	}
	return nil
}

func (r *pgReader) indexColumns(oid int64, cols []pgIndexColumn) (names []string, plain bool) {
	plain = true
	for _, c := range cols {
		a, ok := r.attributes[oid][c.attribute]
		names = append(names, a.name)
		// Citext may be indexed as the text that it is, too, in which 'a' is not 'A'.
		plain = plain && ok && c.plain && c.collation == a.collation && a.citext == r.is(c.typ, "citext")
	}
	return names, plain
}

// addKey adds a unique key; immediate says that it is checked with each
// statement at the latest.
func (t *Table) addKey(cols []string, primary, immediate bool) {
	k := Key{Columns: cols, Primary: primary, Pins: immediate}
	for _, name := range cols {
		c, ok := t.Column(name)
		k.Pins = k.Pins && ok && c.NotNull
	}
	t.Keys = append(t.Keys, k)
}

const pgInherits = `
SELECT i.inhrelid::int8, i.inhparent::int8, c.relispartition
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE c.relkind IN ('r', 'p', 'f')`

// inheritance gives every tree of tables its root. One that inherits from two
// joins their trees.
func (r *pgReader) inheritance(ctx context.Context) error {
	rows, err := r.rows(ctx, 3, pgInherits)
	if err != nil {
		return err
	}
	trees := make(map[*Table][]*Table)
	child, odd := make(map[*Table]bool), make(map[*Table]bool)
	for _, row := range rows {
		c, p := r.byOID[number(row[0])], r.byOID[number(row[1])]
		if c == nil || p == nil {
			continue
		}
		child[c] = true
		trees[c], trees[p] = append(trees[c], p), append(trees[p], c)
		if number(row[2]) == 0 {
			odd[c], odd[p] = true, true
			p.Inherited = true
			for i := range p.Keys {
				p.Keys[i].Pins = false
			}
		}
	}
	for t := range trees {
		if t.Root == "" {
			nameRoot(t, trees, child)
		}
	}
	whole := make(map[string]bool)
	for t := range trees {
		whole[t.Root] = whole[t.Root] || odd[t] || t.Opaque != "" || slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Generated })
	}
	for t := range trees {
		t.Partitioned = t.Name == t.Root && !whole[t.Root]
	}
	return nil
}

// nameRoot sets the Root of every table connected with t: the first by name of
// those that inherit from none.
func nameRoot(t *Table, trees map[*Table][]*Table, child map[*Table]bool) {
	members := []*Table{t}
	seen := map[*Table]bool{t: true}
	for i := 0; i < len(members); i++ {
		for _, m := range trees[members[i]] {
			if !seen[m] {
				seen[m] = true
				members = append(members, m)
			}
		}
	}
	root := ""
	for _, m := range members {
		if !child[m] && (root == "" || m.Name < root) {
			root = m.Name
		}
	}
	for _, m := range members {
		m.Root = root
	}
}

const pgForeignKeys = `
SELECT k.conrelid::int8, k.confrelid::int8, k.confdeltype::text, k.confupdtype::text,
	array_to_json(k.conkey)::text, array_to_json(k.confkey)::text
FROM pg_constraint k WHERE k.contype = 'f' ORDER BY k.oid`

var pgActions = map[string]string{"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}

func (r *pgReader) foreignKeys(ctx context.Context) error {
	rows, err := r.rows(ctx, 6, pgForeignKeys)
	if err != nil {
		return err
	}
	for _, row := range rows {
		c, p := r.byOID[number(row[0])], r.byOID[number(row[1])]
		if c == nil || p == nil {
			continue // of another session's temporary tables
		}
		fk := &ForeignKey{Child: c.Name, Parent: p.Name, OnDelete: pgActions[text(row[2])], OnUpdate: pgActions[text(row[3])]}
		if fk.Columns, err = r.attributeNames(number(row[0]), text(row[4])); err != nil {
			return err
		}
		if fk.ParentColumns, err = r.attributeNames(number(row[1]), text(row[5])); err != nil {
			return err
		}
		p.Children = append(p.Children, fk)
	}
	for _, t := range r.byOID {
		slices.SortStableFunc(t.Children, func(a, b *ForeignKey) int { return strings.Compare(a.Child, b.Child) })
	}
	return nil
}

func (r *pgReader) attributeNames(oid int64, list string) (names []string, err error) {
	var numbers []int64
	if err := json.Unmarshal([]byte(list), &numbers); err != nil {
		return nil, fmt.Errorf("parse columns of a foreign key: %w", err)
	}
	for _, n := range numbers {
		names = append(names, r.attributes[oid][n].name)
	}
	return names, nil
}
