package catalog

import (
	"context"
	"fmt"
	"strings"
)

// A reference from another database's table is of interest: what it does to that
// table is not followed, but that it does something is known. With the two columns
// of databases set equal MariaDB no longer sees that it knows the second.
const myForeignKeys = `
SELECT k.constraint_schema, k.constraint_name, k.table_schema, k.table_name, k.column_name, k.referenced_table_name, k.referenced_column_name,
	c.delete_rule, c.update_rule, k.ordinal_position
FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints c
	ON concat(c.constraint_schema) = concat(k.constraint_schema) AND c.constraint_name = k.constraint_name AND c.table_name = k.table_name
WHERE k.referenced_table_schema = DATABASE() AND k.table_schema %[1]s AND c.constraint_schema %[1]s`

// myReferrers asks for hexadecimal digits, which mean the same in each session,
// whatever its character set and mode. A directory that is no database's
// (#mysql50#) has the server log an error whenever it is asked for tables there. Of
// sys it would open a hundred views of its own, and nobody makes tables there.
const myReferrers = `
SELECT hex(schema_name) FROM information_schema.schemata
WHERE schema_name NOT IN ('information_schema', 'performance_schema', 'sys') AND schema_name NOT LIKE '#mysql50#%' OR schema_name = DATABASE()`

// maxReferrers bounds the databases that are asked one by one.
const maxReferrers = 64

// referrers are conditions on the database of a table that may refer to one of the
// current database's, one for each database there is. MariaDB finds the tables of a
// database by its name; without it, it opens all tables of all databases, and those
// of information_schema alone take longer than all else that is read of a schema.
type referrers []string

func referring(ctx context.Context, q Query) (referrers, error) {
	rows, err := wide(ctx, q, 1, myReferrers)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read databases: %w", err)
	case len(rows) == 0 || len(rows) > maxReferrers:
		return referrers{"IS NOT NULL"}, nil
	}
	out := make(referrers, len(rows))
	for i, row := range rows {
		out[i] = "= _utf8mb4 x'" + text(row[0]) + "'"
	}
	return out, nil
}

// each returns a query in whose text the verb stands for the condition, over all.
func (r referrers) each(query string) string {
	parts := make([]string, len(r))
	for i, where := range r {
		parts[i] = fmt.Sprintf(query, where)
	}
	return strings.Join(parts, " UNION ALL ")
}

func (r *myReader) foreignKeys(ctx context.Context) error {
	where, err := referring(ctx, r.q)
	if err != nil {
		return err
	}
	rows, err := r.rows(ctx, 10, where.each(myForeignKeys)+" ORDER BY 1, 4, 2, 10")
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
