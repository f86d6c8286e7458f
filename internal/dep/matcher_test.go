package dep

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestImagesTogetherDropWhatEachDrops: a matcher reads a row's images together
// and shapes together, and drops what each image drops of each shape.
func TestImagesTogetherDropWhatEachDrops(t *testing.T) {
	for _, cols := range []int{3, 80} { // beyond 64 columns share a bit, and may drop more
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0))
		for range 500 {
			shapes := randomShapes(r, cols)
			c := Change{
				Table: "t", Op: []Op{Insert, Update, Delete, Replace}[r.IntN(4)],
				Old: randomImages(r, cols), New: randomImages(r, cols), Set: randomColumns(r, cols),
			}
			if len(c.Old) == 1 && len(c.New) == 1 {
				c.New[0] = slices.Clone(c.Old[0]) // as most updates leave their row
				c.New[0][r.IntN(cols)].Value = labValues[r.IntN(len(labValues))]
			}
			var want []Tag
			for _, s := range shapes {
				for _, img := range slices.Concat(c.Old, c.New) {
					one := Change{Table: "t", Op: c.Op, Old: []Image{img}, Set: c.Set}
					want = s.AppendDrops(want, &one)
				}
			}
			got := NewMatcher(shapes).AppendDrops(nil, &c)
			n := len(got)
			slices.Sort(got)
			slices.Sort(want)
			got, want = slices.Compact(got), slices.Compact(want)
			missing := func(tag Tag) bool { return !slices.Contains(got, tag) }
			if slices.ContainsFunc(want, missing) || cols < 64 && len(got) > len(want) {
				t.Fatalf("seed %d: %d tags, want %d: %v", seed, len(got), len(want), c)
			}
			if len(c.Old) <= 1 && len(c.New) <= 1 && n != len(got) {
				t.Fatalf("seed %d: of one row a tag is there twice: %v", seed, c)
			}
		}
	}
}

func randomShapes(r *rand.Rand, cols int) (shapes []*Shape) {
	seen := make(map[string]bool)
	for range cols/3 + r.IntN(2*cols) {
		var atoms []Atom
		for _, i := range r.Perm(cols)[:r.IntN(3)] {
			kind := []Kind{Eq, Eq, IsNull, InCell, IsTrue, IsFalse}[r.IntN(6)]
			atoms = append(atoms, labAtoms(labColumn(i), kind)[0])
		}
		s, _ := NewShape(&Region{Atoms: atoms}, randomColumns(r, cols), r.IntN(4) == 0)
		if !seen[s.String()] {
			shapes = append(shapes, s)
		}
		seen[s.String()] = true
	}
	return shapes
}

func randomColumns(r *rand.Rand, cols int) Columns {
	if r.IntN(8) == 0 {
		return AllColumns()
	}
	var names []string
	for range r.IntN(4) {
		names = append(names, labColumn(r.IntN(cols)))
	}
	return ColumnSet(names...)
}

func randomImages(r *rand.Rand, cols int) (images []Image) {
	for range r.IntN(3) {
		img := make(Image, cols)
		for i := range img {
			img[i].Col = labColumn(i)
			if r.IntN(4) > 0 {
				img[i].Value = labValues[r.IntN(len(labValues))]
			}
		}
		images = append(images, img)
	}
	return images
}

func labColumn(i int) string { return fmt.Sprintf("c%d", i) }
