package catalog

import (
	"context"
	"fmt"
)

// myStamp digests what the catalog is read from. Sums of digests do not depend on
// the order of rows; 15 hexadecimal digits fit a BIGINT.
const myStamp = `
SELECT 'tables', count(*), sum(conv(left(md5(concat_ws('/', table_name, table_type, engine)), 15), 16, 10)) FROM information_schema.tables WHERE table_schema = DATABASE()
UNION ALL SELECT 'columns', count(*), sum(conv(left(md5(concat_ws('/', table_name, column_name, ordinal_position, column_type, is_nullable,
	coalesce(column_default, 'none'), column_default IS NULL, extra, collation_name, generation_expression)), 15), 16, 10)) FROM information_schema.columns WHERE table_schema = DATABASE()
UNION ALL SELECT 'indexes', count(*), sum(conv(left(md5(concat_ws('/', table_name, index_name, non_unique, seq_in_index, coalesce(column_name, '?'), coalesce(sub_part, 0))), 15), 16, 10))
	FROM information_schema.statistics WHERE table_schema = DATABASE()
UNION ALL SELECT 'views', count(*), sum(conv(left(md5(concat_ws('/', table_name, view_definition, security_type, definer)), 15), 16, 10)) FROM information_schema.views WHERE table_schema = DATABASE()
UNION ALL SELECT 'triggers', count(*), sum(conv(left(md5(concat_ws('/', trigger_name, event_object_table, event_manipulation, action_timing, action_order, action_statement, sql_mode)), 15), 16, 10))
	FROM information_schema.triggers WHERE event_object_schema = DATABASE()
UNION ALL SELECT 'routines', count(*), sum(conv(left(md5(concat_ws('/', routine_name, routine_type, routine_definition, is_deterministic)), 15), 16, 10)) FROM information_schema.routines WHERE routine_schema = DATABASE()
UNION ALL SELECT 'database', 1, DATABASE()`

// Both digest what refers to the current database, from wherever.
const (
	myStampReferences = `SELECT conv(left(md5(concat_ws('/', constraint_schema, table_schema, table_name, constraint_name, column_name, referenced_table_name, referenced_column_name,
	ordinal_position)), 15), 16, 10) AS digest FROM information_schema.key_column_usage WHERE referenced_table_schema = DATABASE() AND table_schema %s`
	myStampActions = `SELECT conv(left(md5(concat_ws('/', constraint_schema, table_name, constraint_name, referenced_table_name, update_rule, delete_rule)), 15), 16, 10) AS digest
	FROM information_schema.referential_constraints WHERE unique_constraint_schema = DATABASE() AND constraint_schema %s`
)

// StampMySQL returns the present Stamp of the current database's schema. The
// server keeps no counter of it: this digests information_schema, in one query
// after one for the names of the databases.
func StampMySQL(ctx context.Context, q Query) (string, error) {
	from, err := referring(ctx, q)
	if err != nil {
		return "", fmt.Errorf("read stamp: %w", err)
	}
	return stampRows(ctx, q, myStamp+"\nUNION ALL SELECT 'references', count(*), sum(digest) FROM ("+from.each(myStampReferences)+
		") r\nUNION ALL SELECT 'actions', count(*), sum(digest) FROM ("+from.each(myStampActions)+") a")
}
