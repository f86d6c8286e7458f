package sqlcache

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"sync"
)

// opened takes apart what opens the connections of a driver that has no connectors
// of its own: ours, or database/sql's, which sql.Open makes.
func opened(c driver.Connector) (d driver.Driver, name string, ok bool) {
	if ours, ok := c.(dsnConnector); ok {
		return ours.driver, ours.name, true
	}
	v := reflect.ValueOf(c)
	if t := v.Type(); t.PkgPath() != "database/sql" || t.Name() != "dsnConnector" {
		return nil, "", false
	}
	dsn := v.FieldByName("dsn")
	if !dsn.IsValid() || dsn.Kind() != reflect.String {
		return nil, "", false
	}
	return c.Driver(), dsn.String(), true
}

// driverNames are the names of drivers that are not known by their type. The map
// keeps them: no other is ever at one's address.
var driverNames sync.Map // of driver.Driver to string

// driverName names a driver so that two of one name open the same connections for
// the same data source name: by its type, in all processes alike, unless a program
// has given it something (a hook for new connections, extensions to load).
func driverName(d driver.Driver) string {
	v := reflect.ValueOf(d)
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.IsZero() || v.Kind() == reflect.Struct && unset(v) {
		return fmt.Sprintf("%s %T", v.Type().PkgPath(), d) // of two packages of one name
	}
	if !reflect.TypeOf(d).Comparable() {
		return uniqueName("driver")
	}
	name, _ := driverNames.LoadOrStore(d, uniqueName("driver"))
	return name.(string)
}

// unset reports whether all exported fields are zero.
func unset(v reflect.Value) bool {
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() && !v.Field(i).IsZero() {
			return false
		}
	}
	return true
}
