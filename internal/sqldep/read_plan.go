package sqldep

import (
	"database/sql/driver"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// readPlan is what the analysis of a read found beyond the floor.
type readPlan struct{}

// analyzeRead narrows the floor that plan holds already, and sets plan's Op,
// Main, Uncacheable and Class (Write, if the read is one in truth). nil means
// that the floor stands.
func analyzeRead(sel *Select, cat *catalog.Catalog, plan *Plan) *readPlan { return nil }

func (r *readPlan) uses(b Bound, args []driver.NamedValue) []dep.Use { return b.floorUses() }
