package catalog

import (
	"context"
	"fmt"
	"strings"
)

// pgStamp digests everything that the catalog is read from: for most of it the
// transactions that wrote the rows, and for pg_class, whose rows also change
// with statistics, TRUNCATE and REFRESH, what matters of them. Sums do not depend
// on the order of rows, and need no sorting.
const pgStamp = `
WITH c AS (
	SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND ` + pgNoOwnTemp + `
)
SELECT 'class', count(*), sum(hashtextextended(concat_ws('/', oid, relname, relnamespace, relkind, relpersistence, relowner, relrowsecurity,
	relforcerowsecurity, relispartition, relhasrules, relhastriggers, array_to_string(reloptions, ','), array_to_string(relacl, ',')), 0)) FROM c
UNION ALL SELECT 'member', count(*), sum(hashtextextended(m::text, 0)) FROM pg_auth_members m
UNION ALL SELECT 'role', count(*), sum(hashtextextended(concat_ws('/', r.oid, r.rolsuper, r.rolinherit, r.rolbypassrls), 0)) FROM pg_roles r WHERE r.rolsuper OR r.rolbypassrls OR NOT r.rolinherit
UNION ALL SELECT 'owner', 1, hashtextextended(d.datdba::text, 0) FROM pg_database d WHERE d.datname = current_database()
UNION ALL SELECT 'attribute', count(*), sum(hashtextextended(concat_ws('/', a.attrelid, a.attnum, a.xmin), 0)) FROM pg_attribute a JOIN c ON c.oid = a.attrelid WHERE a.attnum > 0
UNION ALL SELECT 'default', count(*), sum(hashtextextended(concat_ws('/', d.oid, d.xmin), 0)) FROM pg_attrdef d JOIN c ON c.oid = d.adrelid
UNION ALL SELECT 'index', count(*), sum(hashtextextended(concat_ws('/', i.indexrelid, i.indrelid, i.indkey, i.indisunique, i.indisprimary, i.indimmediate, i.indisvalid, i.indisready, i.indislive), 0)) FROM pg_index i JOIN c ON c.oid = i.indrelid
UNION ALL SELECT 'constraint', count(*), sum(hashtextextended(concat_ws('/', k.oid, k.xmin), 0)) FROM pg_constraint k LEFT JOIN c ON c.oid = k.conrelid WHERE k.conrelid = 0 OR c.oid IS NOT NULL
UNION ALL SELECT 'trigger', count(*), sum(hashtextextended(concat_ws('/', t.oid, t.xmin), 0)) FROM pg_trigger t JOIN c ON c.oid = t.tgrelid
UNION ALL SELECT 'rule', count(*), sum(hashtextextended(concat_ws('/', r.oid, r.xmin), 0)) FROM pg_rewrite r JOIN c ON c.oid = r.ev_class
UNION ALL SELECT 'policy', count(*), sum(hashtextextended(concat_ws('/', p.oid, p.xmin), 0)) FROM pg_policy p
UNION ALL SELECT 'inherits', count(*), sum(hashtextextended(concat_ws('/', i.inhrelid, i.inhparent), 0)) FROM pg_inherits i JOIN c ON c.oid = i.inhrelid
UNION ALL SELECT 'function', count(*), sum(hashtextextended(concat_ws('/', p.oid, p.xmin), 0)) FROM pg_proc p
UNION ALL SELECT 'type', count(*), sum(hashtextextended(concat_ws('/', t.oid, t.xmin), 0)) FROM pg_type t WHERE t.typtype IN ('d', 'e') OR t.typtype = 'b' AND t.typcategory <> 'A'
UNION ALL SELECT 'label', count(*), sum(hashtextextended(concat_ws('/', e.oid, e.xmin), 0)) FROM pg_enum e
UNION ALL SELECT 'collation', count(*), sum(hashtextextended(concat_ws('/', o.oid, o.xmin), 0)) FROM pg_collation o WHERE o.oid >= 16384
UNION ALL SELECT 'search', count(*), sum(hashtextextended(concat_ws('/', m.mapcfg, m.maptokentype, m.mapseqno, m.mapdict, m.xmin), 0)) FROM pg_ts_config_map m
UNION ALL SELECT 'dictionary', count(*), sum(hashtextextended(concat_ws('/', d.oid, d.xmin), 0)) FROM pg_ts_dict d
UNION ALL SELECT 'operator', count(*), sum(hashtextextended(concat_ws('/', o.oid, o.xmin), 0)) FROM pg_operator o WHERE o.oid >= 16384
UNION ALL SELECT 'cast', count(*), sum(hashtextextended(concat_ws('/', k.oid, k.xmin), 0)) FROM pg_cast k
UNION ALL SELECT 'schema', count(*), sum(hashtextextended(concat_ws('/', n.oid, n.nspname, n.nspowner, array_to_string(n.nspacl, ',')), 0)) FROM pg_namespace n WHERE ` + pgNoOwnTemp

// pgNoOwnTemp leaves out all temporary tables: they are one session's affair, and
// would move the stamp all day long.
const pgNoOwnTemp = `n.nspname NOT LIKE 'pg\_temp%' AND n.nspname NOT LIKE 'pg\_toast%'`

// StampPostgres returns the present Stamp of the schemas of a database. It is one
// query over the system's tables, whose cost grows with the number of columns
// and functions, and does not move with data, statistics or temporary tables.
func StampPostgres(ctx context.Context, q Query) (string, error) {
	return stampRows(ctx, q, pgStamp)
}

// pgStructure is a stamp without roles and who is a member of which. The catalog has
// nothing of them, and they are the whole server's: where credentials are made for
// hours or less, they may never hold still.
func pgStructure(stamp string) string {
	var b strings.Builder
	for line := range strings.Lines(stamp) {
		if !strings.HasPrefix(line, "member ") && !strings.HasPrefix(line, "role ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// stampRows is the stamp that consists of a query's rows: name, count, digest.
func stampRows(ctx context.Context, q Query, sql string) (string, error) {
	rows, err := wide(ctx, q, 3, sql)
	if err != nil {
		return "", fmt.Errorf("read stamp: %w", err)
	}
	stamp := ""
	for _, row := range rows {
		stamp += fmt.Sprintf("%s %s %s\n", printed(row[0]), printed(row[1]), printed(row[2]))
	}
	return stamp, nil
}

// printed is a value as text, whatever type a driver gave it.
func printed(v any) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}
