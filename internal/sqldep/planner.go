package sqldep

import "github.com/cacheops/cacheops/internal/catalog"

// Planner makes plans and keeps the latest of them by text. It may be used from
// many goroutines.
type Planner struct{}

// NewPlanner returns a planner for one dialect that keeps at most size plans
// (zero: 4096).
func NewPlanner(d catalog.Dialect, size int) *Planner { panic("contract") }

// Plan returns the plan of a text under a catalog, from memory if it can.
func (p *Planner) Plan(text string, c *catalog.Catalog) Bound { panic("contract") }
