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
