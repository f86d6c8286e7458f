package cacheops

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cacheops/cacheops/internal/dep"
)

// registries remembers the store's registries of shapes, parsed. What it holds
// may be behind the store: a reader then registers what is registered already,
// and a writer's Begin is told of the present one.
type registries struct {
	views sync.Map // table → *view
}

// view is a registry with its shapes parsed. It is immutable.
type view struct {
	Registry
	parsed  []*dep.Shape // nil where the shape is another version's
	matcher *dep.Matcher
	foreign bool // some are
	read    time.Time
}

func newView(r Registry) *view {
	v := &view{Registry: r, parsed: make([]*dep.Shape, len(r.Shapes)), read: time.Now()}
	for i, text := range r.Shapes {
		s, err := dep.ParseShape(text)
		if err != nil {
			v.foreign = true
			continue
		}
		v.parsed[i] = s
	}
	v.matcher = dep.NewMatcher(v.parsed)
	return v
}

// fullViewAge is how old the view of a full registry may be: shapes leave it.
const fullViewAge = time.Second

func (r *registries) view(ctx context.Context, s Store, table string) (*view, error) {
	if v, ok := r.views.Load(table); ok {
		return v.(*view), nil
	}
	return r.reload(ctx, s, table)
}

func (r *registries) reload(ctx context.Context, s Store, table string) (*view, error) {
	reg, err := s.Registry(ctx, table)
	if err != nil {
		return nil, err
	}
	v := newView(reg)
	r.views.Store(table, v)
	return v, nil
}

// room returns a view for registering shapes: not an old one of a full
// registry, because shapes may have left it.
func (r *registries) room(ctx context.Context, s Store, table string, most int) (*view, error) {
	v, err := r.view(ctx, s, table)
	if err == nil && len(v.Shapes) >= most && time.Since(v.read) > fullViewAge {
		return r.reload(ctx, s, table)
	}
	return v, err
}

// store keeps a registry that the store has just returned.
func (r *registries) store(reg Registry) *view {
	v := newView(reg)
	r.views.Store(reg.Table, v)
	return v
}

// learn forgets the views that lack a shape which was just registered.
func (r *registries) learn(reads []TableRead) {
	for i := range reads {
		v, ok := r.views.Load(reads[i].Table)
		if !ok {
			continue
		}
		unknown := func(s ShapeTags) bool { return !slices.Contains(v.(*view).Shapes, s.Shape) }
		if slices.ContainsFunc(reads[i].Shapes, unknown) {
			r.views.CompareAndDelete(reads[i].Table, v)
		}
	}
}

// fitting collects the shapes and tags of one table's reads, fitted into its
// registry.
type fitting struct {
	view   *view
	most   int
	shapes []ShapeTags
	fresh  []*dep.Shape // not in view yet
}

// sameSlotsMost is how many shapes may differ in nothing but the columns used
// before further ones share the widest of them.
const sameSlotsMost = 4

// add returns the tags that a region checks, which it also adds to the shapes.
func (f *fitting) add(r *dep.Region, used dep.Columns, found bool) []Tag {
	shape, values := dep.KnownShape(f.view.parsed, r, used, found)
	shape, values = f.fit(shape, values)
	tags := shape.AppendReads(nil, values)
	for i := range f.shapes {
		if f.shapes[i].Shape == shape.String() {
			for _, t := range tags {
				if !slices.Contains(f.shapes[i].Tags, t) {
					f.shapes[i].Tags = append(f.shapes[i].Tags, t)
				}
			}
			return tags
		}
	}
	f.shapes = append(f.shapes, ShapeTags{Shape: shape.String(), Tags: slices.Clone(tags)})
	return tags
}

// fit returns the shape under which a read is kept: its own if the registry
// has it or has room, else the most precise one that covers it. In the end that
// is the shape without atoms that uses every column, which any write to the
// table drops and for which there is always room. (The table's own tag would
// not do: only what drops the whole table drops that.)
func (f *fitting) fit(s *dep.Shape, values []uint64) (*dep.Shape, []uint64) {
	if slices.Contains(f.view.parsed, s) || slices.Contains(f.view.Shapes, s.String()) || f.isFresh(s) {
		return s, values
	}
	var siblings []*dep.Shape
	for _, t := range f.view.parsed {
		if t != nil && t.SameSlots(s) {
			siblings = append(siblings, t)
		}
	}
	if len(siblings) >= sameSlotsMost {
		if w, v := s.Widen(values, siblings); w != nil {
			return w, v
		}
		s = s.Using(dep.AllColumns())
	}
	if len(f.view.Shapes)+len(f.fresh) < f.most {
		f.fresh = append(f.fresh, s)
		return s, values
	}
	if w, v := s.Widen(values, f.view.parsed); w != nil {
		return w, v
	}
	return dep.NewShape(&dep.Region{}, dep.AllColumns(), false)
}

func (f *fitting) isFresh(s *dep.Shape) bool {
	return slices.ContainsFunc(f.fresh, func(t *dep.Shape) bool { return t.String() == s.String() })
}
