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
	'cte_max_recursion_depth', 'max_recursive_iterations', 'windowing_use_high_precision', 'lower_case_table_names', 'timestamp_fixed',
	'version', 'read_only', 'super_read_only', 'innodb_read_only', 'sql_if_exists', 'note_verbosity', 'column_compression_threshold'`

// session asks for what decides whose rows a connection sees and how they come
// back. The settings of a server that only reads are among them: it may be behind
// the one that is written to.
func (d *mysql) session(ctx context.Context, l *lease) (session, error) {
	row, err := l.row(ctx, "SELECT CURRENT_USER(), USER(), COALESCE(CURRENT_ROLE(), ''), COALESCE(DATABASE(), ''), "+d.place(), 5)
	if err != nil {
		return session{}, fmt.Errorf("read whose session it is: %w", err)
	}
	set, err := l.settings(ctx, mySettings)
	if err != nil {
		return session{}, fmt.Errorf("read the session's settings: %w", err)
	}
	isolation := set["transaction_isolation"] + set["tx_isolation"]
	user, _, _ := strings.Cut(row[1], "@") // the host differs from client to client
	s := session{
		print:     fmt.Sprintf("%q %q %q %q %q", row[0], user, row[2], row[3], set), // a map is printed in order
		mode:      sqldep.SQLMode(set["sql_mode"]),
		snapshots: !strings.Contains(isolation, "READ-"),
	}
	switch {
	case row[3] != d.database || digest(row[4]) != d.server:
		s.never = "connection to another database"
	case set["read_only"] != "OFF" || set["super_read_only"] == "ON" || set["innodb_read_only"] == "ON":
		s.never = "connection to a server that only reads"
	case strings.Contains(isolation, "READ-UNCOMMITTED"):
		s.never = "connections read uncommitted rows"
	case set["autocommit"] != "ON":
		s.never = "autocommit is off"
	}
	return s, nil
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
