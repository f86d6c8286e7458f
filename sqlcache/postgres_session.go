package sqlcache

import (
	"context"
	"fmt"
	"strings"

	"github.com/cacheops/cacheops/internal/sqldep"
)

// pgSession asks for what decides whose rows a connection sees and how they come
// back. Temporary tables hide others of their names.
var pgSession = pgSessionOf("current_user, session_user")

// pgScoped leaves out whose rows are seen, which the scope says: but by whose right a
// schema is searched.
var pgScoped = pgSessionOf("current_schemas(true)")

func pgSessionOf(user string) string {
	return `
SELECT pg_is_in_recovery()::text, current_setting('standard_conforming_strings'), current_setting('default_transaction_isolation'),
	current_setting('transform_null_equals'),
	(SELECT oid::text FROM pg_database WHERE datname = current_database()),
	json_build_array(` + user + `,
		(SELECT array_agg(relname::text ORDER BY relname) FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND pg_my_temp_schema() <> 0),
		(SELECT array_agg(current_setting(s, true) ORDER BY s) FROM unnest(ARRAY[` + pgSettings + `]) s))::text`
}

// pgSystem is apart, because not every role may ask.
const pgSystem = "SELECT system_identifier::text FROM pg_control_system()"

// pgSettings are the settings that change answers.
const pgSettings = `'search_path', 'TimeZone', 'DateStyle', 'IntervalStyle', 'extra_float_digits', 'bytea_output',
	'lc_messages', 'lc_monetary', 'lc_numeric', 'lc_time', 'client_encoding', 'row_security', 'standard_conforming_strings',
	'backslash_quote', 'array_nulls', 'xmloption', 'xmlbinary', 'transform_null_equals', 'default_text_search_config',
	'timezone_abbreviations', 'gin_fuzzy_search_limit', 'session_replication_role', 'lo_compat_privileges', 'server_version',
	'icu_validation_level', 'quote_all_identifiers', 'default_transaction_isolation'`

func (d *postgres) session(ctx context.Context, l *lease) (session, error) {
	query := pgSession
	if d.engine.scoped {
		query = pgScoped
	}
	row, err := l.row(ctx, query, 6)
	if err != nil {
		return session{}, fmt.Errorf("read the session's settings: %w", err)
	}
	place := row[4]
	if d.system {
		system, err := l.row(ctx, pgSystem, 1)
		if err != nil {
			return session{}, fmt.Errorf("read the system identifier: %w", err)
		}
		place = system[0] + "." + place
	}
	s := session{print: row[5], snapshots: row[2] != "read committed" && row[2] != "read uncommitted"}
	switch {
	case place != d.place:
		s.never = "connection to another database"
	case row[3] != "off":
		s.never = "transform_null_equals is on" // a comparison with NULL finds rows then
	case row[0] != "false" && d.engine.replica == nil:
		s.never = "connection in recovery"
	}
	if row[1] != "on" {
		s.mode = sqldep.BackslashStrings
	}
	return s, nil
}

// demoted: a primary becomes a standby by a restart, which ends its connections.
func (d *postgres) demoted(context.Context, *lease) (why string, err error) { return "", nil }

// changesSession: what a SET LOCAL leaves ends with the transaction. Numbers drawn
// from a sequence leave nothing but what currval() tells of, for which a
// connection keeps that of its latest write.
func (d *postgres) changesSession(p *sqldep.Plan, text string) (why string, local bool) {
	switch {
	case anyPart(p, func(p *sqldep.Plan) bool { return p.Temp }):
		return "temporary objects", false
	case anyPart(p, func(p *sqldep.Plan) bool { return p.Class == sqldep.Unrecognised }):
		return "unrecognised statement", false
	case anyPart(p, func(p *sqldep.Plan) bool { return p.Class == sqldep.Session && !p.Local }):
		return "session state", false
	case anyPart(p, func(p *sqldep.Plan) bool { return p.Leaves }):
		return "session state", false
	case anyPart(p, func(p *sqldep.Plan) bool { return p.SetsSession && !p.Local }) && !drawsOnly(text):
		return "session state", false
	case anyPart(p, func(p *sqldep.Plan) bool { return p.Class == sqldep.Session || p.SetsSession && p.Local }):
		return "settings of the transaction", true
	}
	return "", false
}

// drawsOnly reports whether all that a text can leave in the session are the
// latest numbers of sequences.
func drawsOnly(text string) bool {
	text = strings.ToLower(text)
	for _, other := range []string{"advisory", "set_config", "setseed", "dblink", "set_limit"} {
		if strings.Contains(text, other) {
			return false
		}
	}
	return strings.Contains(text, "nextval") || strings.Contains(text, "setval")
}

// onlySession: no row is changed by what sets and resets, not even by a FETCH of
// what a DECLARE that was understood declared.
func (d *postgres) onlySession(p *sqldep.Plan) bool {
	return p.Class == sqldep.Session && !p.Everything
}
