package sqlcache

import (
	"database/sql/driver"
	"fmt"
	"reflect"
)

// postgresSession is what a connector of pgx or lib/pq adds to its sessions'
// settings, which the server is asked for: how the driver renders values. It is
// the same in every process. ok is false where there may be more to it.
func postgresSession(bare driver.Connector) (session string, ok bool) {
	v := reflect.ValueOf(bare)
	switch v.Type().String() {
	case "stdlib.connector":
		return pgxSession(v)
	case "*pq.Connector":
		opts := v.Elem().FieldByName("opts")
		if !opts.IsValid() || opts.Kind() != reflect.Map || opts.Type().Elem().Kind() != reflect.String {
			return "", false
		}
		binary := opts.MapIndex(reflect.ValueOf("binary_parameters"))
		return fmt.Sprintf("pq binary=%v", binary.IsValid() && binary.String() == "yes"), true
	}
	return "", false
}

// pgxSession: a hook may register types of its own with a connection, and then
// values come back in other forms.
func pgxSession(v reflect.Value) (session string, ok bool) {
	mode := v.FieldByName("ConnConfig")
	if pool := v.FieldByName("pool"); pool.IsValid() && !pool.IsNil() {
		for _, name := range []string{"afterConnect", "beforeConnect"} {
			if f := pool.Elem().FieldByName(name); !f.IsValid() || f.Kind() != reflect.Func || !f.IsNil() {
				return "", false
			}
		}
		if mode = pool.Elem().FieldByName("config"); !mode.IsValid() || mode.Kind() != reflect.Pointer || mode.IsNil() {
			return "", false
		}
		if mode = mode.Elem().FieldByName("ConnConfig"); !mode.IsValid() || mode.Kind() != reflect.Pointer || mode.IsNil() {
			return "", false
		}
		mode = mode.Elem()
	} else if !own(v.FieldByName("AfterConnect"), pgxStdlib) || !own(v.FieldByName("BeforeConnect"), pgxStdlib) {
		return "", false
	}
	if !mode.IsValid() || mode.Kind() != reflect.Struct {
		return "", false
	}
	if mode = mode.FieldByName("DefaultQueryExecMode"); !mode.IsValid() || !mode.CanInt() {
		return "", false
	}
	return fmt.Sprintf("pgx mode=%d", mode.Int()), true
}
