package gormcache

import (
	"database/sql"
	"math/big"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"
)

type tree struct {
	ID       int64
	At       time.Time
	Deleted  gorm.DeletedAt
	Note     sql.NullString
	Name     *string
	Bytes    []byte
	Tags     []string
	Parent   *tree
	Children []tree
	Others   []*tree
	Meta     map[string]any
	Any      any
	Pair     [2][]int
	plain    int
}

func TestClone(t *testing.T) {
	name, now := "n", time.Now()
	src := tree{
		ID: 1, At: now, Note: sql.NullString{String: "x", Valid: true}, Name: &name, Bytes: []byte("b"), Tags: []string{"t"},
		Parent: &tree{ID: 2, Tags: []string{}}, Children: []tree{{ID: 3, Bytes: []byte("c")}}, Others: []*tree{{ID: 4}, nil},
		Meta: map[string]any{"a": []any{1.5, "s", map[string]any{"b": nil}}}, Any: []byte("any"), Pair: [2][]int{{1}, nil}, plain: 7,
	}
	made := func() tree {
		var dst tree
		if !clonerOf(reflect.TypeFor[tree]()).into(reflect.ValueOf(&dst).Elem(), reflect.ValueOf(&src).Elem()) {
			t.Fatal("not copied")
		}
		return dst
	}
	want := made()
	if !reflect.DeepEqual(want, src) {
		t.Fatalf("copied %+v, want %+v", want, src)
	}
	spoil(&src)
	if reflect.DeepEqual(want, src) {
		t.Fatal("nothing was spoilt")
	}
	again := want
	src = want
	want = made()
	spoil(&again)
	if got := made(); want.Bytes[0] != 'b' || reflect.DeepEqual(got, want) {
		t.Fatal("a copy shares memory with what it was made of, or the test spoils nothing")
	}
}

// spoil writes to everything that a value leads to.
func spoil(v *tree) {
	*v.Name = "spoilt"
	v.Bytes[0], v.Tags[0] = '#', "spoilt"
	v.Parent.ID, v.Children[0].Bytes[0], v.Others[0].ID = 99, '#', 99
	v.Meta["a"].([]any)[2].(map[string]any)["b"] = "spoilt"
	v.Any.([]byte)[0] = '#'
	v.Pair[0][0] = 99
}

func TestCloneRefuses(t *testing.T) {
	for _, v := range []any{
		struct{ F func() }{},
		struct{ C chan int }{},
		struct{ B big.Int }{},
		struct{ B *big.Int }{},
		struct{ hidden *int }{},
		struct{ P atomic.Pointer[int] }{},
		struct{ M map[*int]int }{},
		struct{ Any any }{func() {}},
		struct{ Any []any }{[]any{big.NewInt(1)}},
	} {
		src := reflect.New(reflect.TypeOf(v)).Elem()
		src.Set(reflect.ValueOf(v))
		if clonerOf(src.Type()).into(reflect.New(src.Type()).Elem(), src) {
			t.Errorf("%T was copied", v)
		}
	}
}

func TestFlat(t *testing.T) {
	for _, v := range []any{1, "", time.Time{}, gorm.DeletedAt{}, sql.NullTime{}, [16]byte{}, gorm.Model{}, struct{ n, m int }{}} {
		if !clonerOf(reflect.TypeOf(v)).flat {
			t.Errorf("%T is not flat", v)
		}
	}
	for _, v := range []any{[]byte{}, tree{}, [1][]int{}, (*int)(nil)} {
		if clonerOf(reflect.TypeOf(v)).flat {
			t.Errorf("%T is flat", v)
		}
	}
}
