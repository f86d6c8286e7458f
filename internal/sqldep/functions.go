package sqldep

import (
	"strings"

	"github.com/cacheops/cacheops/internal/catalog"
)

// harmlessFunction reports whether a function of PostgreSQL or MySQL, called by
// a name without a schema, writes no table and runs no statement, whatever it
// returns. Functions that run a text they are given (query_to_xml, ts_stat) are
// none, nor is what a user may have declared.
func harmlessFunction(d catalog.Dialect, name string) bool {
	if d == catalog.MySQL {
		return harmlessMySQL[name] || catalog.PureFunction(d, name, 1)
	}
	return harmlessPostgres[name]
}

func nameSet(names string) map[string]bool {
	set := make(map[string]bool)
	for n := range strings.FieldsSeq(names) {
		set[n] = true
	}
	return set
}

var harmlessPostgres = nameSet(`
	abs cbrt ceil ceiling degrees div erf erfc exp factorial floor gcd lcm ln log log10 min_scale mod pi power radians random
	random_normal round scale sign sqrt trim_scale trunc width_bucket acos acosd asin asind atan atand atan2 atan2d cos cosd
	cot cotd sin sind tan tand sinh cosh tanh asinh acosh atanh setseed
	ascii bit_length btrim casefold char_length character_length chr concat concat_ws format initcap left length lower lpad ltrim
	md5 normalize octet_length overlay parse_ident position quote_ident quote_literal quote_nullable regexp_count
	regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table
	regexp_substr repeat replace reverse right rpad rtrim split_part starts_with string_to_array string_to_table strpos
	substr substring to_ascii to_bin to_hex to_oct translate trim unistr upper like_escape similar_escape similar_to_escape
	convert convert_from convert_to decode encode get_bit get_byte set_bit set_byte sha224 sha256 sha384 sha512 bit_count crc32
	crc32c
	to_char to_date to_number to_timestamp
	age clock_timestamp date_add date_bin date_part date_subtract date_trunc extract isfinite justify_days justify_hours
	justify_interval make_date make_interval make_time make_timestamp make_timestamptz now statement_timestamp timeofday
	transaction_timestamp timezone overlaps date time timestamp timestamptz timetz interval
	enum_first enum_last enum_range
	area center diagonal diameter height isclosed isopen npoints pclose popen radius slope width box circle line lseg path
	point polygon
	abbrev broadcast family host hostmask inet_merge inet_same_family masklen netmask network set_masklen text trunc
	macaddr8_set7bit
	array_to_tsvector get_current_ts_config numnode plainto_tsquery phraseto_tsquery querytree setweight strip to_tsquery
	to_tsvector ts_delete ts_filter ts_headline ts_rank ts_rank_cd tsquery_phrase tsvector_to_array websearch_to_tsquery
	json_to_tsvector jsonb_to_tsvector ts_debug ts_lexize ts_parse ts_token_type
	gen_random_uuid uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7 uuid_generate_v1 uuid_generate_v1mc
	uuid_generate_v3 uuid_generate_v4 uuid_generate_v5 uuid_nil uuid_ns_dns uuid_ns_url
	xmlcomment xmlconcat xmlelement xmlforest xmlpi xmlroot xmlagg xmlexists xmlparse xmlserialize xml_is_well_formed xpath
	xpath_exists xmlattributes
	array_to_json row_to_json to_json to_jsonb json_build_array json_build_object json_object jsonb_build_array
	jsonb_build_object jsonb_object json_array json_scalar json_serialize json json_value json_query json_exists
	json_array_elements json_array_elements_text json_array_length json_each json_each_text json_extract_path
	json_extract_path_text json_object_keys json_populate_record json_populate_recordset json_strip_nulls json_to_record
	json_to_recordset json_typeof jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_each
	jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object_keys jsonb_path_exists
	jsonb_path_exists_tz jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first
	jsonb_path_query_tz jsonb_populate_record jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax
	jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof json_table xmltable
	coalesce nullif greatest least num_nonnulls num_nulls grouping row
	array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position array_positions
	array_prepend array_remove array_replace array_reverse array_sample array_shuffle array_sort array_to_string
	array_upper cardinality trim_array unnest generate_series generate_subscripts
	isempty lower lower_inc lower_inf multirange range_merge upper upper_inc upper_inf int4range int8range numrange tsrange
	tstzrange daterange int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange
	any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp cume_dist dense_rank every
	first_value json_agg json_agg_strict json_arrayagg json_object_agg json_objectagg jsonb_agg jsonb_object_agg lag
	last_value lead max min mode nth_value ntile percent_rank percentile_cont percentile_disc range_agg
	range_intersect_agg rank regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy
	row_number stddev stddev_pop stddev_samp string_agg sum var_pop var_samp variance
	nextval currval lastval setval
	set_config current_setting pg_advisory_lock pg_advisory_lock_shared pg_try_advisory_lock pg_try_advisory_lock_shared
	pg_advisory_unlock pg_advisory_unlock_shared pg_advisory_unlock_all pg_advisory_xact_lock pg_advisory_xact_lock_shared
	pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared pg_notify pg_sleep pg_sleep_for pg_sleep_until
	current_database current_catalog current_query current_schema current_schemas current_user session_user
	inet_client_addr inet_client_port inet_server_addr inet_server_port pg_backend_pid pg_blocking_pids
	pg_conf_load_time pg_is_in_recovery pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_current_wal_lsn
	pg_postmaster_start_time version pg_cancel_backend pg_terminate_backend pg_listening_channels
	has_column_privilege has_database_privilege has_function_privilege has_schema_privilege has_sequence_privilege
	has_table_privilege pg_has_role row_security_active pg_function_is_visible pg_table_is_visible pg_type_is_visible
	format_type pg_get_constraintdef pg_get_expr pg_get_functiondef pg_get_indexdef pg_get_keywords pg_get_ruledef
	pg_get_serial_sequence pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_get_partkeydef to_regclass to_regproc
	to_regtype to_regnamespace to_regrole col_description obj_description shobj_description pg_typeof pg_encoding_to_char
	pg_current_xact_id pg_current_xact_id_if_assigned pg_current_snapshot pg_snapshot_xmin pg_snapshot_xmax
	pg_visible_in_snapshot pg_xact_status txid_current txid_current_if_assigned txid_current_snapshot txid_status
	pg_column_size pg_database_size pg_indexes_size pg_relation_size pg_size_pretty pg_table_size pg_tablespace_size
	pg_total_relation_size pg_column_compression pg_stat_get_activity pg_lock_status pg_my_temp_schema pg_collation_for
	crypt gen_salt hmac digest encrypt decrypt gen_random_bytes armor dearmor pgp_sym_encrypt pgp_sym_decrypt pgp_pub_encrypt
	pgp_pub_decrypt similarity word_similarity strict_word_similarity show_trgm set_limit show_limit unaccent
	levenshtein levenshtein_less_equal metaphone soundex difference dmetaphone merge_action pg_input_is_valid pg_input_error_info
`)

var harmlessMySQL = nameSet(`
	addtime curdate current_date current_time current_timestamp current_user current_role curtime database schema user session_user system_user
	localtime localtimestamp now sysdate unix_timestamp utc_date utc_time utc_timestamp version connection_id
	adddate convert_tz date date_add date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear extract
	from_days from_unixtime get_format hour last_day makedate maketime microsecond minute month monthname period_add
	period_diff quarter sec_to_time second str_to_date subdate subtime time time_format time_to_sec timediff timestamp
	timestampadd timestampdiff to_days to_seconds week weekday weekofyear year yearweek add_months months_between to_char
	rand uuid uuid_short uuid_v4 uuid_v7 sys_guid random_bytes sleep benchmark get_lock release_lock release_all_locks is_free_lock is_used_lock
	last_insert_id found_rows row_count charset coercibility collation icu_version ps_current_thread_id
	aes_decrypt aes_encrypt compress decode encode des_decrypt des_encrypt encrypt old_password password statement_digest
	statement_digest_text uncompress uncompressed_length validate_password_strength
	any_value approx_count_distinct bit_xor default values interval char chr convert weight_string load_file
	extractvalue updatexml json_array_append json_array_insert json_schema_valid json_schema_validation_report
	json_storage_free json_storage_size json_table json_merge json_compact json_detailed json_exists json_loose json_normalize
	json_query json_arrayagg json_objectagg json_equals json_key_value json_array_intersect json_object_filter_keys
	geometrycollection linestring multilinestring multipoint multipolygon point polygon
	st_area st_asbinary st_asgeojson st_astext st_aswkb st_aswkt st_buffer st_centroid st_contains st_convexhull st_crosses
	st_difference st_dimension st_disjoint st_distance st_distance_sphere st_endpoint st_envelope st_equals st_exteriorring
	st_geohash st_geomfromgeojson st_geomfromtext st_geomfromwkb st_geometryn st_geometrytype st_interiorringn
	st_intersection st_intersects st_isclosed st_isempty st_issimple st_isvalid st_latitude st_length st_longitude
	st_makeenvelope st_numgeometries st_numinteriorring st_numpoints st_overlaps st_pointfromtext st_pointn st_polygonfromtext
	st_simplify st_srid st_startpoint st_symdifference st_touches st_transform st_union st_within st_x st_y
	mbrcontains mbrcoveredby mbrcovers mbrdisjoint mbrequals mbrintersects mbroverlaps mbrtouches mbrwithin
	nextval lastval setval median percentile_cont percentile_disc row soundex format_bytes format_pico_time
	inet_aton natural_sort_key sformat wsrep_last_seen_gtid wsrep_last_written_gtid
	gtid_subset gtid_subtract wait_for_executed_gtid_set master_pos_wait source_pos_wait master_gtid_wait
`)
