package catalog

import (
	"slices"
	"strings"
)

// PureFunction reports whether a function of that name and number of arguments
// (-1 for a lone *) returns the same for the same arguments at any time and in
// any session, and changes nothing. Functions that nobody vouches for, a
// program's own among them, are not pure. A function of time is pure only as
// far as its arguments are: see TimeFunction.
//
// The optimiser's hints, aggregates and window functions are pure too.
func PureFunction(d Dialect, name string, nargs int) bool {
	name = strings.ToLower(name)
	switch d {
	case MySQL:
		return mysqlPure[name]
	case PostgreSQL: // the catalog knows: see Catalog.PureFunction
		return false
	}
	if least, ok := sqliteTime[name]; ok {
		return nargs >= least
	}
	return sqlitePure[name]
}

// PureFunction is the function of that name, for the catalog's dialect, and
// knows the program's own besides, and what PostgreSQL's catalog says.
func (c *Catalog) PureFunction(name string, nargs int) bool {
	name = strings.ToLower(name)
	return c.Functions[name] || c.immutable(name, nargs) || PureFunction(c.Dialect, name, nargs) ||
		c.Dialect == MySQL && mysqlDate[name] && !c.clocks
}

// Arity is a range of numbers of arguments.
type Arity [2]int

// immutable reports whether every function of PostgreSQL's that a call may mean
// is immutable.
func (c *Catalog) immutable(name string, nargs int) bool {
	nargs = max(nargs, 0)
	return c.Immutable[name] && !slices.ContainsFunc(c.Mutable[name], func(a Arity) bool { return a[0] <= nargs && nargs <= a[1] })
}

// TimeFunction reports whether a function takes times as text, and therefore
// asks the clock or the time zone when one of its arguments is a SpecialTime.
func TimeFunction(name string) bool {
	_, ok := sqliteTime[strings.ToLower(name)]
	return ok
}

// SpecialTime reports whether text, given to a time function, may make it
// depend on the clock ('now', and 'subsec' in the first place stands for it) or
// on the process's time zone.
func SpecialTime(text string) bool {
	text = strings.ToLower(strings.Trim(text, sqliteSpace))
	switch text {
	case "now", "localtime", "utc", "subsec", "subsecond", "txn", "start":
		return true
	}
	return strings.ContainsRune(text, 0)
}

// sqliteTime maps a function of time to the fewest arguments with which it does
// not ask the clock.
var sqliteTime = map[string]int{
	"date": 1, "time": 1, "datetime": 1, "julianday": 1, "unixepoch": 1,
	"strftime": 2, "timediff": 2,
}

var sqlitePure = nameSet(`
	abs char coalesce concat concat_ws format glob hex if ifnull iif instr length like likelihood likely lower ltrim
	max min nullif octet_length printf quote replace round rtrim sign substr substring trim typeof unhex unicode
	unistr unistr_quote unlikely upper zeroblob
	acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi pow power
	radians sin sinh sqrt tan tanh trunc
	avg count group_concat string_agg sum total median percentile percentile_cont percentile_disc
	row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value
	json json_array json_array_insert json_array_length json_error_position json_extract json_insert json_object
	json_patch json_pretty json_quote json_remove json_replace json_set json_type json_valid
	json_group_array json_group_object json_each json_tree
	jsonb jsonb_array jsonb_array_insert jsonb_extract jsonb_insert jsonb_object jsonb_patch jsonb_remove
	jsonb_replace jsonb_set jsonb_group_array jsonb_group_object jsonb_each jsonb_tree
`)

func nameSet(names string) map[string]bool {
	set := make(map[string]bool)
	for _, n := range strings.Fields(names) {
		set[n] = true
	}
	return set
}

// mysqlPure leaves out, beside what asks the clock, the session or chance, what
// makes a TIME: see mysqlDate.
var mysqlPure = nameSet(`
	abs acos asin atan atan2 avg bin bin_to_uuid uuid_to_bin is_uuid bit_and bit_count bit_length bit_or bit_xor ceil ceiling char_length
	character_length coalesce concat concat_ws conv cos cot count crc32 degrees elt exp field find_in_set floor
	format from_base64 greatest group_concat hex if ifnull inet_aton inet_ntoa inet6_aton inet6_ntoa insert instr is_ipv4 is_ipv6
	isnull lcase least left length ln locate log log10 log2 lower lpad ltrim make_set max md5 mid min mod nullif nvl nvl2 oct
	octet_length ord pi position pow power quote radians repeat replace reverse right round rpad rtrim sha sha1 sha2 sign
	sin soundex space sqrt std stddev stddev_pop stddev_samp strcmp substr substring substring_index sum tan to_base64 trim
	truncate ucase unhex upper var_pop var_samp variance regexp_instr regexp_replace regexp_substr regexp_like
	row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value grouping
	json_array json_arrayagg json_contains json_contains_path json_depth json_extract json_insert json_keys json_length
	json_merge_patch json_merge_preserve json_object json_objectagg json_overlaps json_pretty json_quote json_remove
	json_replace json_search json_set json_type json_unquote json_valid json_value
`)

// mysqlDate are functions of dates that put today's date before a TIME, and so
// ask the clock if they are given one.
var mysqlDate = nameSet(`
	adddate date date_add date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear extract last_day
	month monthname quarter subdate timestampadd timestampdiff to_days to_seconds weekday weekofyear year yearweek
`)
