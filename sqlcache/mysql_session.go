package sqlcache

import (
	"context"
	"fmt"
	"strings"

	"github.com/cacheops/cacheops/internal/sqldep"
)

// mySettings are the settings that change answers, of both servers and in any
// version: a server tells of those that it has.
const mySettings = `'autocommit', 'time_zone', 'system_time_zone', 'sql_mode', 'character_set_client', 'character_set_connection',
	'character_set_results', 'character_set_database', 'character_set_filesystem', 'collation_connection', 'collation_database',
	'character_set_collations', 'tx_isolation', 'transaction_isolation', 'group_concat_max_len', 'lc_time_names', 'lc_messages',
	'div_precision_increment', 'default_week_format', 'sql_auto_is_null', 'sql_select_limit', 'sql_big_selects', 'max_join_size',
	'sql_safe_updates', 'old_mode', 'old', 'max_sort_length', 'max_length_for_sort_data', 'max_allowed_packet', 'block_encryption_mode',
	'ft_boolean_syntax', 'innodb_ft_user_stopword_table', 'innodb_ft_enable_stopword', 'default_collation_for_utf8mb4',
	'show_gipk_in_create_table_and_information_schema', 'explicit_defaults_for_timestamp', 'system_versioning_asof',
	'cte_max_recursion_depth', 'max_recursive_iterations', 'standard_compliant_cte',
	'windowing_use_high_precision', 'lower_case_table_names', 'timestamp_fixed',
	'version', 'read_only', 'super_read_only', 'innodb_read_only', 'sql_if_exists', 'note_verbosity', 'column_compression_threshold',
	'default_regex_flags', 'completion_type'`

const notWritten = "connection to a server that only reads"

// session asks for what decides whose rows a connection sees and how they come
// back. A server that only reads may be behind the one that is written to.
func (d *mysql) session(ctx context.Context, l *lease) (session, error) {
	row, err := l.row(ctx, "SELECT CURRENT_USER(), USER(), COALESCE(CURRENT_ROLE(), ''), COALESCE(DATABASE(), ''), "+d.place(), 5)
	if err != nil {
		return session{}, fmt.Errorf("read whose session it is: %w", err)
	}
	set, err := l.settings(ctx, mySettings)
	if err != nil {
		return session{}, fmt.Errorf("read the session's settings: %w", err)
	}
	reads := set["read_only"] != "OFF" || set["super_read_only"] == "ON" || set["innodb_read_only"] == "ON"
	for _, s := range []string{"read_only", "super_read_only", "innodb_read_only"} {
		delete(set, s) // a replica's entries are its primary's
	}
	isolation := set["transaction_isolation"] + set["tx_isolation"]
	user, _, _ := strings.Cut(row[1], "@") // the host differs from client to client
	if d.engine.scoped {                   // whose rows are seen, the scope says
		row[0], user, row[2] = "", "", ""
	}
	s := session{
		print:     fmt.Sprintf("%q %q %q %q %q", row[0], user, row[2], row[3], set), // a map is printed in order
		mode:      sqldep.SQLMode(set["sql_mode"]),
		snapshots: !strings.Contains(isolation, "READ-"),
		chains:    set["completion_type"] != "NO_CHAIN",
	}
	if set["sql_auto_is_null"] == "ON" {
		s.tells = "sql_auto_is_null is on" // IS NULL finds the row inserted last, once
	}
	switch {
	case row[3] != d.database || digest(row[4]) != d.server:
		s.never = "connection to another database"
	case reads && d.engine.replica == nil:
		s.never = notWritten
	case strings.Contains(isolation, "READ-UNCOMMITTED"):
		s.never = "connections read uncommitted rows"
	case set["autocommit"] != "ON":
		s.never = "autocommit is off"
	case s.chains:
		s.never = "a commit begins a transaction, in which later reads are of its time"
	}
	return s, nil
}

// demoted asks whether the server only reads by now. Where the program names
// the database, another server may have taken over while connections to the old
// one stay. Whoever writes to the new one does so after this, and so drops what the
// read acquired before it.
func (d *mysql) demoted(ctx context.Context, l *lease) (why string, err error) {
	if d.engine.opts.Name == "" || d.engine.replica != nil {
		return "", nil // writers on another server have another name, or refused fills
	}
	row, err := l.row(ctx, "SELECT @@GLOBAL.read_only", 1)
	if err != nil {
		return "", fmt.Errorf("ask whether the server only reads: %w", err)
	}
	if row[0] != "0" && row[0] != "OFF" {
		return notWritten, nil
	}
	return "", nil
}

// changesSession: nothing that is set ends with a transaction.
func (d *mysql) changesSession(p *sqldep.Plan, _ string) (why string, local bool) {
	switch {
	case anyPart(p, func(p *sqldep.Plan) bool { return p.Temp }):
		return "temporary objects", false
	case anyPart(p, func(p *sqldep.Plan) bool { return p.Class == sqldep.Unrecognised }):
		return "unrecognised statement", false
	case anyPart(p, func(p *sqldep.Plan) bool { return p.Class == sqldep.Session || p.SetsSession }):
		return "session state", false
	}
	return "", false
}

// followsSession: temporary tables hide others of their names, and MySQL does not
// tell of them.
func (d *mysql) followsSession() bool { return false }

// onlySession: SET autocommit and LOCK TABLES commit as well.
func (d *mysql) onlySession(p *sqldep.Plan) bool {
	return p.Class == sqldep.Session && !p.Everything && !p.ImplicitCommit
}
