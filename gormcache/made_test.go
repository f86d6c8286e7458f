package gormcache

import (
	"database/sql"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"gorm.io/gorm"
)

type (
	shared  struct{ To *int }
	decoder struct{ Any any }
	texts   []string
	image   map[string]any
)

func (*shared) Scan(any) error              { return nil }
func (*decoder) UnmarshalJSON([]byte) error { return nil }
func (*texts) Scan(any) error               { return nil }
func (*image) Scan(any) error               { return nil }

func TestMadeByCodeOfItsOwn(t *testing.T) {
	for typ, want := range map[reflect.Type]bool{
		reflect.TypeFor[shared]():          true,
		reflect.TypeFor[*shared]():         true,
		reflect.TypeFor[image]():           true,
		reflect.TypeFor[texts]():           false,
		reflect.TypeFor[*time.Time]():      false,
		reflect.TypeFor[gorm.DeletedAt]():  false,
		reflect.TypeFor[*sql.NullString](): false,
	} {
		if scanned(typ) != want {
			t.Errorf("%v is scanned: %v", typ, !want)
		}
	}
	for typ, want := range map[reflect.Type][2]bool{ // by json, by gob
		reflect.TypeFor[decoder]():                           {true, true},
		reflect.TypeFor[map[string][]struct{ D *decoder }](): {true, true},
		reflect.TypeFor[map[string]any]():                    {false, true},
		reflect.TypeFor[tree]():                              {false, true},
		reflect.TypeFor[[]json.RawMessage]():                 {false, false},
		reflect.TypeFor[struct{ At *time.Time }]():           {false, false},
	} {
		if got := [2]bool{decoded(typ, false), decoded(typ, true)}; got != want {
			t.Errorf("%v is decoded: %v", typ, got)
		}
	}
}
