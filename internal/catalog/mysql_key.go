package catalog

import (
	"context"
	"strings"
)

const myIndexes = `
SELECT table_name, index_name, non_unique, column_name, sub_part, index_type
FROM information_schema.statistics WHERE table_schema = DATABASE()
ORDER BY table_name, index_name = 'PRIMARY' DESC, index_name, seq_in_index`

// myIndex is an index as its rows add up.
type myIndex struct {
	table   *Table
	name    string
	unique  bool
	odd     bool
	columns []string
}

func (r *myReader) indexes(ctx context.Context) error {
	rows, err := r.rows(ctx, 6, myIndexes)
	if err != nil {
		return err
	}
	var all []*myIndex
	for _, row := range rows {
		t := r.table(row[0])
		if t == nil {
			continue
		}
		if n := len(all); n == 0 || all[n-1].table != t || all[n-1].name != text(row[1]) {
			all = append(all, &myIndex{table: t, name: text(row[1]), unique: number(row[2]) == 0})
		}
		ix := all[len(all)-1]
		// An expression has no name, a prefix makes unique what is not the column.
		ix.columns = append(ix.columns, strings.ToLower(text(row[3])))
		ix.odd = ix.odd || row[3] == nil || row[4] != nil || text(row[5]) != "BTREE"
	}
	for _, ix := range all {
		ix.table.Indexes = append(ix.table.Indexes, ix.columns)
		switch {
		case ix.unique && ix.odd:
			ix.table.HasOddKeys = true
		case ix.unique:
			ix.table.addKey(ix.columns, ix.name == "PRIMARY", true)
		}
	}
	return nil
}

// A reference from another database's table is of interest: what it does to that
// table is not followed, but that it does something is known.
const myForeignKeys = `
SELECT k.constraint_schema, k.constraint_name, k.table_schema, k.table_name, k.column_name, k.referenced_table_name, k.referenced_column_name,
	c.delete_rule, c.update_rule
FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints c
	ON c.constraint_schema = k.constraint_schema AND c.constraint_name = k.constraint_name AND c.table_name = k.table_name
WHERE k.referenced_table_schema = DATABASE()
ORDER BY k.constraint_schema, k.table_name, k.constraint_name, k.ordinal_position`

func (r *myReader) foreignKeys(ctx context.Context) error {
	rows, err := r.rows(ctx, 9, myForeignKeys)
	if err != nil {
		return err
	}
	var last string
	var fk *ForeignKey
	for _, row := range rows {
		p := r.table(row[5])
		if p == nil {
			continue
		}
		id := text(row[0]) + "\x00" + text(row[3]) + "\x00" + text(row[1])
		if fk == nil || id != last {
			fk = &ForeignKey{
				Child: strings.ToLower(text(row[2]) + "." + text(row[3])), Parent: p.Name,
				OnDelete: text(row[7]), OnUpdate: text(row[8]),
			}
			p.Children, last = append(p.Children, fk), id
		}
		fk.Columns = append(fk.Columns, strings.ToLower(text(row[4])))
		fk.ParentColumns = append(fk.ParentColumns, strings.ToLower(text(row[6])))
	}
	return nil
}
