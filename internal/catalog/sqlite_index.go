package catalog

import (
	"context"
	"fmt"
)

// indexColumns returns the key columns of an index in order, "" for each that
// is an expression.
func (r *reader) indexColumns(ctx context.Context, t *Table, index string) ([]string, error) {
	rows, err := r.q(ctx, "PRAGMA "+quote(t.Schema)+".index_xinfo("+quote(index)+")")
	if err != nil {
		return nil, fmt.Errorf("list columns of an index: %w", err)
	}
	var cols []string
	for _, row := range rows {
		if len(row) < 6 {
			return nil, errShort
		}
		if number(row[5]) == 0 {
			continue
		}
		c, ok := t.Column(text(row[2]))
		if !ok {
			cols = append(cols, "")
			continue
		}
		cols = append(cols, c.Name)
	}
	return cols, nil
}
