package sqlcache

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// mysqlSession is what a connector of the MySQL driver adds to its sessions'
// settings, which the server is asked for: how the driver sends and renders
// values. It is the same in every process. ok is false where there may be more to
// it: a hook may change the configuration with each connection.
func mysqlSession(bare driver.Connector) (session string, ok bool) {
	if myType(bare) != myConnector {
		return "", false
	}
	cfg := reflect.ValueOf(bare).Elem().FieldByName("cfg")
	if !cfg.IsValid() || cfg.Kind() != reflect.Pointer || cfg.IsNil() {
		return "", false
	}
	cfg = cfg.Elem()
	if hook := cfg.FieldByName("beforeConnect"); !hook.IsValid() || hook.Kind() != reflect.Func || !hook.IsNil() {
		return "", false
	}
	var b strings.Builder
	b.WriteString("mysql")
	for _, name := range []string{"ClientFoundRows", "ColumnsWithAlias", "InterpolateParams", "MultiStatements", "ParseTime"} {
		f := cfg.FieldByName(name)
		if !f.IsValid() || f.Kind() != reflect.Bool {
			return "", false
		}
		fmt.Fprintf(&b, " %v", f.Bool())
	}
	truncate, params := cfg.FieldByName("timeTruncate"), cfg.FieldByName("Params")
	zone, known := zoneOf(cfg.FieldByName("Loc"))
	if !known || !truncate.IsValid() || !truncate.CanInt() || !params.IsValid() || params.Kind() != reflect.Map || params.Type().Elem().Kind() != reflect.String {
		return "", false
	}
	fmt.Fprintf(&b, " %d %s", truncate.Int(), zone)
	var settings []string
	for _, k := range params.MapKeys() {
		settings = append(settings, fmt.Sprintf(" %q=%q", k.String(), params.MapIndex(k).String()))
	}
	slices.Sort(settings)
	return b.String() + strings.Join(settings, ""), true
}

// zoneOf names the time zone of a *time.Location. That of the process is told by
// its offsets: machines have different ones under the name Local.
func zoneOf(loc reflect.Value) (name string, ok bool) {
	if !loc.IsValid() || loc.Kind() != reflect.Pointer || loc.IsNil() {
		return "", false
	}
	f := loc.Elem().FieldByName("name")
	switch {
	case !f.IsValid() || f.Kind() != reflect.String:
		return "", false
	case f.String() == "":
		return "UTC", loc.Pointer() == reflect.ValueOf(time.UTC).Pointer()
	case loc.Pointer() != reflect.ValueOf(time.Local).Pointer():
		return f.String(), f.String() != "Local"
	}
	const fortnight = 14 * 24 * time.Hour
	var b strings.Builder
	for at := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2040; at = at.Add(fortnight) {
		name, offset := at.In(time.Local).Zone()
		fmt.Fprintf(&b, "%s %d,", name, offset)
	}
	return "local " + digest(b.String()), true
}
