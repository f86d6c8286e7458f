// Package dep is the vocabulary in which a read says what it looked at and a
// write says what it touched, and the arithmetic by which the two meet.
//
// A read looks at regions of tables: each a conjunction of atoms over columns.
// A region has a shape, its form without its values. The shape is registered
// with the store, and the region checks a few tags: the shape with all its
// values filled in, with each single one, and with none. A write knows the
// images of the rows it touches, in part. For every registered shape it
// computes, per image, the largest of those tags that its known values allow.
// The two share a tag whenever the write could touch the region; that claim is
// checked exhaustively in this package's tests.
//
// What is not known widens: an unknown value drops a tag with fewer values, a
// region without an atom is larger. Nothing here may ever narrow on a guess.
package dep

import (
	"slices"
	"strings"
)

// Kind is the kind of an atom.
type Kind uint8

// The kinds of atoms.
const (
	Eq      Kind = iota + 1 // the column equals Atom.Value, which is known and not NULL
	IsNull                  // the column is NULL
	InCell                  // the column lies in Atom.Cell
	IsTrue                  // the column is a number and not zero: what WHERE takes for true
	IsFalse                 // the column is zero
)

// Atom is one condition on one column inside a region.
type Atom struct {
	Col   string
	Kind  Kind
	Value Value // for Eq
	Cell  Cell  // for InCell
}

// Region is a part of a table: the rows for which every atom holds. Without
// atoms it is the whole table.
type Region struct {
	Atoms []Atom
	// Pinned says that the atoms pin a whole unique key by equality, so that a
	// read that found its row does not depend on plain inserts: the key is
	// taken. See Table.Keys in package catalog for the keys that qualify.
	Pinned bool
}

// Columns is a set of column names, or all of them. The zero Columns is empty.
type Columns struct {
	All   bool
	Names []string // sorted, without duplicates; nil if All
}

// AllColumns is the set of every column, system columns included.
func AllColumns() Columns { return Columns{All: true} }

// ColumnSet returns the set of the given names.
func ColumnSet(names ...string) Columns {
	s := slices.Clone(names)
	slices.Sort(s)
	return Columns{Names: slices.Compact(s)}
}

// Union returns the columns in c or d.
func (c Columns) Union(d Columns) Columns {
	if c.All || d.All {
		return AllColumns()
	}
	return ColumnSet(slices.Concat(c.Names, d.Names)...)
}

func (c Columns) equal(d Columns) bool { return c.All == d.All && slices.Equal(c.Names, d.Names) }

// Meets reports whether c and d share a column.
func (c Columns) Meets(d Columns) bool {
	switch {
	case c.All:
		return d.All || len(d.Names) > 0
	case d.All:
		return len(c.Names) > 0
	}
	for _, n := range c.Names {
		if _, ok := slices.BinarySearch(d.Names, n); ok {
			return true
		}
	}
	return false
}

// Contains reports whether every column of d is in c.
func (c Columns) Contains(d Columns) bool {
	if c.All || d.All {
		return c.All
	}
	for _, n := range d.Names {
		if _, ok := slices.BinarySearch(c.Names, n); !ok {
			return false
		}
	}
	return true
}

func (c Columns) String() string {
	if c.All {
		return "*"
	}
	return strings.Join(c.Names, ",")
}

// Use is what a read makes of one table: the union of its regions, of which it
// uses the columns Cols (those of the atoms included). A Use without regions
// depends on nothing in the table but its being there.
type Use struct {
	Table   string // as the catalog resolves it, in the database's own naming
	Regions []Region
	Cols    Columns
}

// Whole is the use of all of a table.
func Whole(table string) Use {
	return Use{Table: table, Regions: []Region{{}}, Cols: AllColumns()}
}

// Field is one column of an image.
type Field struct {
	Col   string
	Value Value
}

// Image is what is known of a row before or after a write. A column that is
// not listed is unknown.
type Image []Field

// Get returns the column's value, unknown if it is not listed.
func (m Image) Get(col string) Value {
	for i := range m {
		if m[i].Col == col {
			return m[i].Value
		}
	}
	return Value{}
}

// Op is what a change does to its rows.
type Op uint8

// The ops of a change. The zero Op is AnyOp.
const (
	// AnyOp is anything in the table: its tag is dropped, and with it every
	// entry that reads the table.
	AnyOp Op = iota
	// Insert adds New rows and replaces none.
	Insert
	// Update turns Old rows into New ones and changes only the columns Set.
	Update
	// Delete removes Old rows.
	Delete
	// Replace removes Old rows, if they are there, and adds New ones.
	Replace
)

// Change is what a write does to one table. An empty Table means anything in
// the database, whatever the other fields say.
type Change struct {
	Table string
	Op    Op
	Old   []Image
	New   []Image
	Set   Columns // for Update: closed over generated and trigger-written columns
}

// AnyOf is the change that may be anything in a table.
func AnyOf(table string) Change { return Change{Table: table} }

// Anything is the change that may be anything in the database.
func Anything() Change { return Change{} }
