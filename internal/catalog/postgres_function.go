package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A call counts as immutable if all functions of that name which take so many
// arguments are, and run the server's own code: what a user declares so may read
// tables all the same. The others are listed by their numbers of arguments. An
// aggregate is always declared immutable, and is what the functions behind it are:
// those are looked for once, since as a condition on each function they cost the
// planner's fear of them, a compilation of the query to machine code.
const pgImmutable = `
WITH odd AS MATERIALIZED (SELECT g.aggfnoid::oid AS id FROM ` + pgBehind + ` JOIN pg_language l ON l.oid = s.prolang WHERE g.aggfnoid >= 16384
	AND (s.provolatile = 'v' OR s.oid >= 16384 AND NOT (s.provolatile = 'i' AND l.lanname IN ('internal', 'c'))))
SELECT name, coalesce(json_agg(json_build_array(least, most)) FILTER (WHERE NOT immutable), '[]')::text
FROM (SELECT lower(p.proname) AS name, p.provolatile = 'i' AND p.prokind <> 'p' AND (l.lanname IN ('internal', 'c') OR p.oid < 16384)
			AND p.oid NOT IN (SELECT id FROM odd) AS immutable,
		p.pronargs - p.pronargdefaults - (p.provariadic <> 0)::int AS least, CASE WHEN p.provariadic <> 0 THEN 1000 ELSE p.pronargs END AS most
	FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang) f
GROUP BY name HAVING bool_or(immutable)`

// pgBehind joins the aggregates g with the functions s that they call.
const pgBehind = `pg_aggregate g JOIN pg_proc s ON s.oid IN (g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.aggserialfn, g.aggdeserialfn,
	g.aggmtransfn, g.aggminvtransfn, g.aggmfinalfn)`

// pgSyntax are functions to the parser and none to pg_proc. What they compare
// they compare by the operators of built-in types.
var pgSyntax = []string{"coalesce", "nullif", "greatest", "least", "trim", "grouping"}

// pgOdd says whether a function p in language l is neither the server's own
// immutable or stable one nor an extension's immutable one.
const pgOdd = `(p.provolatile = 'v' OR p.oid >= 16384 AND NOT (p.provolatile = 'i' AND l.lanname IN ('internal', 'c')))`

// pgDomainMark stands among the operators for a domain's check.
const pgDomainMark = "a domain"

const pgOddOperators = `
SELECT DISTINCT o.oprname::text FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode JOIN pg_language l ON l.oid = p.prolang WHERE ` + pgOdd + `
UNION ALL
SELECT '' FROM pg_cast k JOIN pg_proc p ON p.oid = k.castfunc JOIN pg_language l ON l.oid = p.prolang WHERE ` + pgOdd + `
UNION ALL
SELECT '` + pgDomainMark + `' FROM pg_constraint k
	JOIN pg_depend d ON d.classid = 'pg_constraint'::regclass AND d.objid = k.oid AND d.refclassid = 'pg_proc'::regclass
	JOIN pg_proc p ON p.oid = d.refobjid JOIN pg_language l ON l.oid = p.prolang WHERE k.contypid <> 0 AND ` + pgOdd

// pgRoutines are the functions and procedures that are not the server's own; of an
// aggregate the source is the names of the functions that it calls.
const pgRoutines = `
SELECT lower(p.proname), l.lanname::text, p.provolatile::text, p.oid::int8,
	p.prosrc || CASE WHEN to_jsonb(p)->>'prosqlbody' IS NULL THEN '' ELSE E'\n' || pg_get_functiondef(p.oid) END,
	EXISTS (SELECT FROM pg_type y WHERE y.oid = p.proargtypes[0] AND y.typtype IN ('c', 'd', 'p'))
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.oid >= 16384 AND p.prokind IN ('f', 'p')
UNION ALL
SELECT lower(p.proname), 'sql', 'i', p.oid::int8, string_agg(DISTINCT s.proname, ' '), true
FROM pg_proc p JOIN ` + pgBehind + ` ON g.aggfnoid = p.oid WHERE p.oid >= 16384 GROUP BY p.oid, p.proname`

func (r *pgReader) functions(ctx context.Context) error {
	rows, err := r.rows(ctx, 2, pgImmutable)
	if err != nil {
		return err
	}
	r.cat.Immutable, r.cat.Mutable = make(map[string]bool, len(rows)), make(map[string][]Arity)
	for _, row := range rows {
		var others []Arity
		if err := json.Unmarshal([]byte(text(row[1])), &others); err != nil {
			return fmt.Errorf("parse arities: %w", err)
		}
		r.cat.Immutable[text(row[0])] = true
		if len(others) > 0 {
			r.cat.Mutable[text(row[0])] = others
		}
	}
	for _, name := range pgSyntax {
		r.cat.Immutable[name] = true
	}
	if rows, err = r.rows(ctx, 1, pgOddOperators); err != nil {
		return err
	}
	r.cat.OddOperators = make(map[string]bool)
	for _, row := range rows {
		name := text(row[0])
		r.cat.OddDomains = r.cat.OddDomains || name == pgDomainMark
		r.cat.OddOperators[name] = name != ""
		r.cat.OddCasts = r.cat.OddCasts || name == ""
	}
	delete(r.cat.OddOperators, "")
	delete(r.cat.OddOperators, pgDomainMark)
	if rows, err = r.rows(ctx, 6, pgRoutines); err != nil {
		return err
	}
	r.cat.RowFunctions = make(map[string]bool)
	r.routines = make(map[int64]*routine, len(rows))
	for _, row := range rows {
		f := &routine{name: text(row[0]), source: text(row[4])}
		r.cat.RowFunctions[f.name] = r.cat.RowFunctions[f.name] || number(row[5]) != 0
		switch lang := text(row[1]); lang {
		case "plpgsql", "sql":
			f.readable = !dynamic(f.source)
		case "c", "internal":
			f.harmless = text(row[2]) != "v" || harmlessC(f.name)
			f.immutable = text(row[2]) == "i"
		}
		r.routines[number(row[3])] = f
	}
	for _, t := range r.cat.Tables {
		for i := range t.Columns {
			c := &t.Columns[i]
			c.GeneratedPure = c.Generated && r.pure(c.GeneratedFrom)
		}
	}
	return nil
}

// pure reports whether none of the words names a routine of a user's: the server
// admits only what is declared immutable.
func (r *pgReader) pure(words []string) bool {
	for _, f := range r.routines {
		if _, ok := slices.BinarySearch(words, f.name); ok && !f.immutable {
			return false
		}
	}
	return true
}

// dynamic reports whether a body may run statements that do not stand in it, or
// spells names in a way that hides them.
func dynamic(source string) bool {
	return newMentions(source).any("execute", "query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "cursor_to_xml", "ts_stat", "ts_rewrite") ||
		strings.Contains(strings.ToLower(source), `u&"`)
}

// harmlessC are volatile functions of common extensions that write no table.
func harmlessC(name string) bool {
	return strings.HasPrefix(name, "uuid_generate_") || strings.HasPrefix(name, "gen_") || strings.HasPrefix(name, "pgp_") || name == "crypt"
}
