package catalog

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
)

// A reference from another database's table is of interest: what it does to that
// table is not followed, but that it does something is known. Both queries ask for
// the database in each table of information_schema that they read, or MariaDB looks
// into all databases.
const (
	myForeignKeys = `
SELECT constraint_schema, table_name, constraint_name, table_schema, column_name, referenced_table_name, referenced_column_name, ordinal_position
FROM information_schema.key_column_usage WHERE referenced_table_schema = DATABASE() AND table_schema %s`

	// Who may only read a table is shown its keys and not their actions.
	myActions = `
SELECT constraint_schema, table_name, constraint_name, delete_rule, update_rule
FROM information_schema.referential_constraints WHERE unique_constraint_schema = DATABASE() AND constraint_schema %s`
)

// myReferrers asks for hexadecimal digits, which mean the same in each session,
// whatever its character set and mode. A directory that is no database's
// (#mysql50#) has the server log an error whenever it is asked for tables there. Of
// sys it would open a hundred views of its own, and nobody makes tables there. The
// second column says that MariaDB is likely to answer innodbReferrers.
const myReferrers = `
SELECT hex(CONVERT(schema_name USING utf8mb4)), 0 /*M!100500 OR EXISTS (SELECT * FROM information_schema.user_privileges
	WHERE privilege_type = 'PROCESS' AND grantee = concat('''', replace(current_user(), '@', '''@'''), '''')) */
FROM information_schema.schemata
WHERE schema_name NOT IN ('information_schema', 'performance_schema', 'sys') AND schema_name NOT LIKE '#mysql50#%' OR schema_name = DATABASE()`

// innodbReferrers asks InnoDB, which alone has foreign keys there, and which knows
// them without opening a table: one that is locked in another database then hides
// nothing of ours. InnoDB calls databases by the names of their files. It answers who
// has the PROCESS privilege; whom it does not answer it may show nothing at all, also
// of its metrics, of which there always are some.
const innodbReferrers = `
SELECT hex(CONVERT(DATABASE() USING utf8mb4)), 1 FROM DUAL WHERE EXISTS (SELECT * FROM information_schema.innodb_metrics)
UNION SELECT hex(CONVERT(CONVERT(CAST(substring_index(for_name, '/', 1) AS BINARY) USING filename) USING utf8mb4)), 1
FROM information_schema.innodb_sys_foreign
WHERE lower(CONVERT(substring_index(ref_name, '/', 1) USING latin1)) = lower(CONVERT(CAST(CONVERT(DATABASE() USING filename) AS BINARY) USING latin1))
	AND EXISTS (SELECT * FROM information_schema.innodb_metrics)`

// maxReferrers bounds the databases that are asked one by one.
const maxReferrers = 64

// referrers are conditions on the database of a table that may refer to one of the
// current database's, one for each database there is. MariaDB finds the tables of a
// database by its name; without it, it opens all tables of all databases, and those
// of information_schema alone take longer than all else that is read of a schema.
type referrers []string

func referring(ctx context.Context, q Query) (referrers, error) {
	rows, err := wide(ctx, q, 2, myReferrers)
	if err != nil {
		return nil, fmt.Errorf("read databases: %w", err)
	}
	if len(rows) > 1 && printed(rows[0][1]) == "1" {
		if few, err := wide(ctx, q, 2, innodbReferrers); err == nil && len(few) > 0 {
			rows = few
		}
	}
	if len(rows) == 0 || len(rows) > maxReferrers {
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
	actions, err := r.actions(ctx, where)
	if err != nil {
		return err
	}
	rows, err := r.rows(ctx, 8, where.each(myForeignKeys)+" ORDER BY 1, 2, 3, 8")
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
		if id := constraintOf(row); fk == nil || id != last {
			does, known := actions[id]
			if !known {
				does = [2]string{"CASCADE", "CASCADE"}
			}
			fk = &ForeignKey{
				Child: strings.ToLower(text(row[3]) + "." + text(row[1])), Parent: p.Name,
				OnDelete: does[0], OnUpdate: does[1],
			}
			p.Children, last = append(p.Children, fk), id
		}
		fk.Columns = append(fk.Columns, strings.ToLower(text(row[4])))
		fk.ParentColumns = append(fk.ParentColumns, strings.ToLower(text(row[6])))
	}
	return nil
}

// actions reads what foreign keys do on DELETE and on UPDATE.
func (r *myReader) actions(ctx context.Context, where referrers) (map[string][2]string, error) {
	rows, err := r.rows(ctx, 5, where.each(myActions))
	if err != nil {
		return nil, err
	}
	out := make(map[string][2]string, len(rows))
	for _, row := range rows {
		out[constraintOf(row)] = [2]string{text(row[3]), text(row[4])}
	}
	return out, nil
}

// constraintOf is the constraint that a row's first three columns name.
func constraintOf(row []driver.Value) string {
	return text(row[0]) + "\x00" + text(row[1]) + "\x00" + text(row[2])
}
