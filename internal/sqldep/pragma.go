package sqldep

import "strings"

// pragmas says of SQLite's pragmas what each does when it is given no value,
// and when it is given one.
var pragmas = func() map[string][2]Class {
	m := map[string][2]Class{}
	set := func(names string, ask, give Class) {
		for _, n := range strings.Fields(names) {
			m[n] = [2]Class{ask, give}
		}
	}
	// Their value is what they ask about.
	set(`table_info table_xinfo table_list index_info index_xinfo index_list foreign_key_list foreign_key_check
		integrity_check quick_check database_list function_list module_list pragma_list compile_options
		collation_list page_count freelist_count data_version stats`, Read, Read)
	// A value changes the session, or what only other pragmas tell.
	set(`analysis_limit application_id auto_vacuum automatic_index busy_timeout cache_size cache_spill
		case_sensitive_like cell_size_check checkpoint_fullfsync count_changes default_cache_size
		defer_foreign_keys empty_result_callbacks encoding foreign_keys full_column_names fullfsync
		hard_heap_limit ignore_check_constraints journal_mode journal_size_limit legacy_alter_table
		legacy_file_format locking_mode max_page_count mmap_size page_size query_only read_uncommitted
		recursive_triggers reverse_unordered_selects secure_delete short_column_names soft_heap_limit
		synchronous temp_store threads trusted_schema user_version wal_autocheckpoint`, Read, Session)
	set(`wal_checkpoint optimize incremental_vacuum shrink_memory`, Maintenance, Maintenance)
	set(`schema_version`, Read, DDL)
	set(`writable_schema`, Read, Unrecognised)
	return m
}()

// pragma classifies PRAGMA [schema.]name [= value | (value)]. One that is not
// known may change anything in the session.
func (c *classifier) pragma() {
	i := 1
	if c.isDot(2) {
		i = 3
	}
	c.plan.Name = c.name(i)
	given := 0
	if i+1 < len(c.toks) {
		given = 1
	}
	c.plan.Class = Session
	if classes, ok := pragmas[c.plan.Name]; ok {
		c.plan.Class = classes[given]
	}
	if c.plan.Class == Read {
		c.plan.Uncacheable = "PRAGMA"
	}
}
