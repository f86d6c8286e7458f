package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// keys reads t's unique keys, and which column aliases the rowid.
func (r *reader) keys(ctx context.Context, t *Table, name string) error {
	rows, err := r.q(ctx, "PRAGMA "+quote(t.Schema)+".index_list("+quote(name)+")")
	if err != nil {
		return fmt.Errorf("list indexes: %w", err)
	}
	t.cols = columnIndex(t)
	primaryIndex := false
	for _, row := range rows {
		if len(row) < 5 {
			return errShort
		}
		unique, primary, partial := number(row[2]) != 0, text(row[3]) == "pk", number(row[4]) != 0
		primaryIndex = primaryIndex || primary
		index, err := r.indexColumns(ctx, t, text(row[1]))
		if err != nil {
			return err
		}
		if partial {
			t.PartialIndexes = append(t.PartialIndexes, index)
		} else {
			t.Indexes = append(t.Indexes, index)
		}
		if !unique {
			continue
		}
		key, plain, err := r.key(ctx, t, text(row[1]))
		switch {
		case err != nil:
			return err
		case !plain || partial:
			t.HasOddKeys = true
			continue
		}
		key.Primary = primary
		t.Keys = append(t.Keys, key)
	}
	if err := r.rowID(ctx, t, name, primaryIndex); err != nil {
		return err
	}
	slices.SortStableFunc(t.Keys, func(a, b Key) int { return rank(a) - rank(b) })
	for i := range t.Keys {
		t.Keys[i].Pins = t.pins(&t.Keys[i])
	}
	return nil
}

func rank(k Key) int {
	if k.Primary {
		return 0
	}
	return 1
}

// key reads the columns of a unique index. plain is false where one is an
// expression or is compared otherwise than the column itself is.
func (r *reader) key(ctx context.Context, t *Table, index string) (k Key, plain bool, err error) {
	rows, err := r.q(ctx, "PRAGMA "+quote(t.Schema)+".index_xinfo("+quote(index)+")")
	if err != nil {
		return k, false, fmt.Errorf("list columns of an index: %w", err)
	}
	for _, row := range rows {
		if len(row) < 6 {
			return k, false, errShort
		}
		if number(row[5]) == 0 {
			continue // not a key column: the rowid, or the rest of a WITHOUT ROWID row
		}
		if number(row[1]) < 0 {
			return k, false, nil
		}
		c, ok := t.Column(text(row[2]))
		if !ok || !strings.EqualFold(c.Collation, text(row[4])) {
			return k, false, nil
		}
		k.Columns = append(k.Columns, c.Name)
	}
	return k, len(k.Columns) > 0, nil
}

// rowID finds the alias of the rowid: the only column of a primary key that no
// index serves. `INT PRIMARY KEY` and `INTEGER PRIMARY KEY DESC` have an index
// and are none.
func (r *reader) rowID(ctx context.Context, t *Table, name string, primaryIndex bool) error {
	if primaryIndex || t.WithoutRowID {
		return nil
	}
	rows, err := r.q(ctx, "PRAGMA "+quote(t.Schema)+".table_xinfo("+quote(name)+")")
	if err != nil {
		return fmt.Errorf("list columns: %w", err)
	}
	for _, row := range rows {
		if len(row) < 7 {
			return errShort
		}
		if number(row[5]) == 0 {
			continue
		}
		c, ok := t.Column(text(row[1]))
		if !ok || t.RowID != "" {
			return errShort
		}
		t.RowID, c.NotNull = c.Name, true
		t.Keys = append(t.Keys, Key{Columns: []string{c.Name}, Primary: true})
	}
	return nil
}

func (t *Table) pins(k *Key) bool {
	if t.PlainInsertReplaces {
		return false
	}
	for _, name := range k.Columns {
		if c, ok := t.Column(name); !ok || !c.NotNull || c.Collation == Doubtful {
			return false
		}
	}
	return true
}

func columnIndex(t *Table) map[string]int {
	m := make(map[string]int, len(t.Columns))
	for i := range t.Columns {
		m[t.Columns[i].Name] = i
	}
	return m
}

// foreignKeys reads the references that t makes.
func (r *reader) foreignKeys(ctx context.Context, t *Table, name string) error {
	rows, err := r.q(ctx, "PRAGMA "+quote(t.Schema)+".foreign_key_list("+quote(name)+")")
	if err != nil {
		return fmt.Errorf("list foreign keys: %w", err)
	}
	byID := make(map[int64]*ForeignKey)
	for _, row := range rows {
		if len(row) < 7 {
			return errShort
		}
		fk := byID[number(row[0])]
		if fk == nil {
			fk = &ForeignKey{
				Child: t.Name, Parent: t.Schema + "." + strings.ToLower(text(row[2])),
				OnUpdate: strings.ToUpper(text(row[5])), OnDelete: strings.ToUpper(text(row[6])),
			}
			byID[number(row[0])] = fk
			r.foreign = append(r.foreign, fk)
		}
		fk.Columns = append(fk.Columns, strings.ToLower(text(row[3])))
		if to := text(row[4]); to != "" {
			fk.ParentColumns = append(fk.ParentColumns, strings.ToLower(to))
		}
	}
	return nil
}

// resolveForeignKeys hangs each reference below its parent. One without named
// columns means the parent's primary key; where that does not fit, its columns
// stay unknown.
func (r *reader) resolveForeignKeys() {
	for _, fk := range r.foreign {
		p := r.cat.Tables[fk.Parent]
		if p == nil {
			continue
		}
		if len(fk.ParentColumns) == 0 && len(p.Keys) > 0 && p.Keys[0].Primary {
			fk.ParentColumns = p.Keys[0].Columns
		}
		if len(fk.ParentColumns) != len(fk.Columns) {
			fk.ParentColumns = nil
		}
		p.Children = append(p.Children, fk)
	}
}
