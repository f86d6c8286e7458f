package dep

import (
	"fmt"
	"slices"
	"testing"
)

// lab is a small world in which every region of up to three atoms meets every
// image: columns a, b, c with the values 0…3 and NULL.
var labValues = []Value{IntValue(0), IntValue(1), IntValue(300), TextValue("x"), NullValue()}

// labAtoms returns the atoms of one column by kind.
func labAtoms(col string, kind Kind) []Atom {
	switch kind {
	case Eq:
		var out []Atom
		for _, v := range labValues[:4] {
			out = append(out, Atom{Col: col, Kind: Eq, Value: v})
		}
		return out
	case IsNull, IsTrue, IsFalse:
		return []Atom{{Col: col, Kind: kind}}
	}
	low, _ := Cover(Num, IntValue(0), IntValue(1), 16)
	high, _ := Cover(Num, IntValue(290), IntValue(310), 16)
	var out []Atom
	for _, c := range append(low, high...) {
		out = append(out, Atom{Col: col, Kind: InCell, Cell: c})
	}
	return out
}

// holds is the definition of an atom, independent of tags.
func holds(a Atom, v Value) bool {
	switch {
	case !v.Known():
		return true
	case a.Kind == IsNull:
		return v.Class() == Null
	case v.Class() == Null:
		return false
	case a.Kind == Eq:
		return v == a.Value
	case a.Kind == IsTrue || a.Kind == IsFalse:
		return v.Class() == Text || (v != IntValue(0)) == (a.Kind == IsTrue)
	}
	code, where := v.In(a.Cell.Family, a.Cell.Level)
	return where == Anywhere || where == Inside && code == a.Cell.Code
}

func product[T any](k int, of func(i int) []T) [][]T {
	out := [][]T{nil}
	for i := range k {
		var next [][]T
		for _, head := range out {
			for _, x := range of(i) {
				next = append(next, append(slices.Clone(head), x))
			}
		}
		out = next
	}
	return out
}

// TestEveryImageMeetsEveryRegionItCouldTouch walks all combinations of kinds of
// atoms, values and known or unknown columns, up to three columns.
func TestEveryImageMeetsEveryRegionItCouldTouch(t *testing.T) {
	cols := []string{"a", "b", "c"}
	cases, missed, extra := 0, 0, 0
	for k := 1; k <= 3; k++ {
		for _, kinds := range product(k, func(int) []Kind { return []Kind{Eq, IsNull, InCell, IsTrue, IsFalse} }) {
			images := product(k, func(int) []Value { return append(slices.Clone(labValues), Value{}) })
			for _, atoms := range product(k, func(i int) []Atom { return labAtoms(cols[i], kinds[i]) }) {
				shape, values := NewShape(&Region{Atoms: atoms}, AllColumns(), false)
				reads := shape.AppendReads(nil, values)
				for _, img := range images {
					cases++
					could, m := true, Image{}
					for i, v := range img {
						could = could && holds(atoms[i], v)
						m = append(m, Field{Col: cols[i], Value: v})
					}
					drops := shape.AppendDrops(nil, &Change{Table: "t", Op: Delete, Old: []Image{m}})
					if len(drops) > 1 {
						t.Fatalf("an image drops %d tags of one shape, want at most one", len(drops))
					}
					met := len(drops) == 1 && slices.Contains(reads, drops[0])
					if could && !met {
						missed++
						t.Errorf("region %v is not met by image %v", atoms, m)
					}
					if met && !could {
						extra++
					}
					if missed > 5 {
						t.FailNow()
					}
				}
			}
		}
	}
	t.Logf("%d cases, %d missed, %d dropped without need", cases, missed, extra)
	if cases < 89_019 {
		t.Errorf("only %d cases were walked", cases)
	}
}

func TestTagsOfDifferentRegionsDiffer(t *testing.T) {
	seen := make(map[Tag]string)
	for _, col := range []string{"a", "b"} {
		for _, found := range []bool{false, true} {
			for _, used := range []Columns{AllColumns(), ColumnSet(col), ColumnSet(col, "z")} {
				for _, v := range []Value{IntValue(1), TextValue("1"), BytesValue("1"), FloatValue(1.5), TextValue("")} {
					s, values := NewShape(&Region{Atoms: []Atom{{Col: col, Kind: Eq, Value: v}}}, used, found)
					name := fmt.Sprint(s, v)
					for _, tag := range s.AppendReads(nil, values)[1:] {
						if other, dup := seen[tag]; dup {
							t.Errorf("%s and %s share a tag", name, other)
						}
						seen[tag] = name
					}
				}
			}
		}
	}
}

func TestUpdateOfOtherColumnsDropsNothing(t *testing.T) {
	count, values := NewShape(&Region{Atoms: []Atom{{Col: "category", Kind: Eq, Value: IntValue(5)}}}, ColumnSet("category"), false)
	row := []Image{{{Col: "category", Value: IntValue(5)}}}
	view := Change{Table: "articles", Op: Update, Old: row, New: row, Set: ColumnSet("views")}
	if got := count.AppendDrops(nil, &view); len(got) != 0 {
		t.Errorf("a view counter drops %d tags of a count by category", len(got))
	}
	move := view
	move.Set = ColumnSet("category")
	if got := count.AppendDrops(nil, &move); !slices.Contains(count.AppendReads(nil, values), got[0]) {
		t.Error("a change of the category does not drop the count")
	}
}

func TestInsertLeavesFoundRowsAlone(t *testing.T) {
	region := Region{Atoms: []Atom{{Col: "id", Kind: Eq, Value: IntValue(1)}}, Pinned: true}
	found, _ := NewShape(&region, AllColumns(), true)
	absent, _ := NewShape(&region, AllColumns(), false)
	insert := Change{Table: "t", Op: Insert, New: []Image{{}}}
	if got := found.AppendDrops(nil, &insert); len(got) != 0 {
		t.Error("an insert drops a read that found its row by key")
	}
	if got := absent.AppendDrops(nil, &insert); len(got) != 1 {
		t.Error("an insert of an unknown key spares a read that found no row")
	}
	replace := insert
	replace.Op = Replace
	if got := found.AppendDrops(nil, &replace); len(got) != 1 {
		t.Error("a replace spares a read that found its row by key")
	}
}

func TestShapeTextReadsBack(t *testing.T) {
	atoms := []Atom{
		{Col: `we"ird name`, Kind: Eq, Value: IntValue(1)},
		{Col: "b|c", Kind: IsNull},
		{Col: "d", Kind: InCell, Cell: Cell{Family: Num, Level: 13}},
		{Col: "e", Kind: IsTrue},
		{Col: "f", Kind: IsFalse},
	}
	for _, used := range []Columns{AllColumns(), ColumnSet("d", `we"ird name`, "b|c", "e", "f", "x y"), {}} {
		for _, found := range []bool{false, true} {
			s, _ := NewShape(&Region{Atoms: atoms}, used, found)
			back, err := ParseShape(s.String())
			if err != nil {
				t.Fatal(err)
			}
			if back.id != s.id || !slices.Equal(back.Slots, s.Slots) || back.Found != found {
				t.Errorf("%s reads back as %s", s, back)
			}
		}
	}
	for _, bad := range []string{"", "0 \"a\"= | *", "1", "1 a= | *", "1 \"a\"@9.3 | *", "1 \"a\"= | * ", "1 \"a\"=x | *", "2 | *"} {
		if _, err := ParseShape(bad); err == nil {
			t.Errorf("%q is taken for a shape", bad)
		}
	}
}

func TestAtomsBeyondTheCapWiden(t *testing.T) {
	var atoms []Atom
	var full Image
	for i := range maxAtoms + 3 {
		col := fmt.Sprintf("c%d", i)
		atoms = append(atoms, Atom{Col: col, Kind: Eq, Value: IntValue(int64(i))})
		full = append(full, Field{Col: col, Value: IntValue(int64(i))})
	}
	s, values := NewShape(&Region{Atoms: atoms}, AllColumns(), false)
	if len(s.Slots) != maxAtoms {
		t.Fatalf("shape has %d slots, want %d", len(s.Slots), maxAtoms)
	}
	drops := s.AppendDrops(nil, &Change{Op: Insert, New: []Image{full}})
	if len(drops) != 1 || !slices.Contains(s.AppendReads(nil, values), drops[0]) {
		t.Error("a row in the region does not meet its widened shape")
	}
}

func TestWidenCoversTheRead(t *testing.T) {
	shape := func(found bool, used Columns, atoms ...Atom) *Shape {
		s, _ := NewShape(&Region{Atoms: atoms}, used, found)
		return s
	}
	a := Atom{Col: "a", Kind: Eq, Value: IntValue(1)}
	b := Atom{Col: "b", Kind: Eq, Value: IntValue(2)}
	c := Atom{Col: "c", Kind: Eq, Value: IntValue(3)}
	read, values := NewShape(&Region{Atoms: []Atom{a, b}}, ColumnSet("a", "b"), false)
	tests := []struct {
		name string
		from *Shape
		ok   bool
	}{
		{"fewer atoms", shape(false, ColumnSet("a", "b"), a), true},
		{"no atoms", shape(false, AllColumns()), true},
		{"another atom", shape(false, AllColumns(), a, c), false},
		{"fewer columns", shape(false, ColumnSet("a"), a), false},
		{"the variant that inserts spare", shape(true, AllColumns(), a), false},
		{"another kind of atom", shape(false, AllColumns(), Atom{Col: "a", Kind: IsNull}), false},
	}
	for _, tt := range tests {
		w, v := read.Widen(values, []*Shape{nil, tt.from})
		if ok := w != nil; ok != tt.ok {
			t.Errorf("%s: covers = %v, want %v", tt.name, ok, tt.ok)
		}
		if w != nil && len(v) != len(w.Slots) {
			t.Errorf("%s: %d values for %d slots", tt.name, len(v), len(w.Slots))
		}
	}
	wide, _ := read.Widen(values, []*Shape{shape(false, AllColumns()), shape(false, AllColumns(), b), shape(false, AllColumns(), a, c)})
	if len(wide.Slots) != 1 || wide.Slots[0].Col != "b" {
		t.Errorf("the most precise cover is %s, want the one on b", wide)
	}
}

func TestKnownShapeIsTheNewOne(t *testing.T) {
	a := Atom{Col: "a", Kind: Eq, Value: IntValue(1)}
	b := Atom{Col: "b", Kind: InCell, Cell: Cell{Family: Num, Level: 13, Code: 5}}
	finer, null, other := b, a, a
	finer.Cell.Level, null.Kind, other.Col = 16, IsNull, "c"
	regions := []Region{
		{},
		{Atoms: []Atom{a}},
		{Atoms: []Atom{null}},
		{Atoms: []Atom{other}},
		{Atoms: []Atom{b}},
		{Atoms: []Atom{finer}},
		{Atoms: []Atom{a, b}},
		{Atoms: []Atom{b, a, other, null, finer, a, b}},
	}
	known := []*Shape{nil}
	each := func(f func(r *Region, used Columns, found bool)) {
		for i := range regions {
			for _, used := range []Columns{AllColumns(), {}, ColumnSet("a"), ColumnSet("a", "b")} {
				f(&regions[i], used, false)
				f(&regions[i], used, true)
			}
		}
	}
	each(func(r *Region, used Columns, found bool) {
		s, values := NewShape(r, used, found)
		got, same := KnownShape(known, r, used, found)
		if got.String() != s.String() || !slices.Equal(values, same) {
			t.Errorf("among others %s %v is %s %v", s, values, got, same)
		}
		if got.id == s.id && !slices.Contains(known, got) {
			known = append(known, s)
		}
	})
	each(func(r *Region, used Columns, found bool) {
		if s, _ := KnownShape(known, r, used, found); !slices.Contains(known, s) {
			t.Errorf("%s is not known", s)
		}
	})
}

// TestWholeRowsDropNoPartialTag is what a store relies on that keeps partial
// tags out of its way: of three columns, any of which may be unknown, only a row
// with an unknown one drops such a tag.
func TestWholeRowsDropNoPartialTag(t *testing.T) {
	cols := []string{"a", "b", "c"}
	for k := range 4 {
		var atoms []Atom
		for _, col := range cols[:k] {
			atoms = append(atoms, Atom{Col: col, Kind: Eq, Value: IntValue(1)})
		}
		shape, _ := NewShape(&Region{Atoms: atoms}, AllColumns(), false)
		for _, vals := range product(k, func(int) []Value { return []Value{IntValue(1), {}} }) {
			img, whole := Image{}, true
			for i, v := range vals {
				img, whole = append(img, Field{Col: cols[i], Value: v}), whole && v.Known()
			}
			drops := shape.AppendDrops(nil, &Change{Table: "t", Op: Insert, New: []Image{img}})
			if len(drops) != 1 || drops[0].Partial() == whole {
				t.Errorf("%d columns, row %v: drops %v; want one tag, partial: %v", k, vals, drops, !whole)
			}
		}
	}
	if TableTag.Partial() {
		t.Error("the table's tag, which every entry has, is partial")
	}
}
