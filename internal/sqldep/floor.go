package sqldep

import "github.com/cacheops/cacheops/internal/dep"

// floorUses is what a read depends on when nothing narrows it: all of every
// table that its text may name.
func (p *Plan) floorUses() []dep.Use {
	if p.Everything {
		return []dep.Use{dep.Whole("")}
	}
	uses := make([]dep.Use, len(p.Tables))
	for i, t := range p.Tables {
		uses[i] = dep.Whole(t)
	}
	return uses
}

// floorChanges is what a write changes when nothing narrows it.
func (p *Plan) floorChanges() []dep.Change {
	if p.Everything {
		return []dep.Change{dep.Anything()}
	}
	changes := make([]dep.Change, len(p.Tables))
	for i, t := range p.Tables {
		changes[i] = dep.AnyOf(t)
	}
	return changes
}
