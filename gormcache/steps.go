package gormcache

import (
	"reflect"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"gorm.io/gorm"
)

// steps are the callbacks of a db's queries in their order, as GORM has sorted
// them. A compiled query that is answered from objects runs none of them: so there
// must be none whose work would be missed, be it registered later.
type steps struct {
	now  *[]func(*gorm.DB) // GORM's own list, replaced as a whole; nil if it is not known
	then []func(*gorm.DB)
}

func stepsOf(db *gorm.DB) steps {
	f := reflect.ValueOf(db.Callback().Query()).Elem().FieldByName("fns")
	if !f.IsValid() || f.Type() != reflect.TypeFor[[]func(*gorm.DB)]() {
		return steps{}
	}
	now := (*[]func(*gorm.DB))(unsafe.Pointer(f.UnsafeAddr()))
	return steps{now, *now}
}

func (s *steps) changed() bool {
	return s.now == nil || unsafe.SliceData(*s.now) != unsafe.SliceData(s.then)
}

// harmlessSteps are where the callbacks are that a hit does without: GORM's own,
// ours, and the choice of a database, which was made when the query was built.
var harmlessSteps = []string{"gorm.io/gorm/callbacks.", "gorm.io/plugin/dbresolver.", reflect.TypeFor[Plugin]().PkgPath() + "."}

// usual says that there are no others.
func (s *steps) usual() bool {
	return s.now != nil && !slices.ContainsFunc(s.then, func(step func(*gorm.DB)) bool {
		name := runtime.FuncForPC(reflect.ValueOf(step).Pointer()).Name()
		return !slices.ContainsFunc(harmlessSteps, func(from string) bool { return strings.HasPrefix(name, from) })
	})
}
