package sqldep

import (
	"database/sql/driver"

	"github.com/cacheops/cacheops/internal/catalog"
	"github.com/cacheops/cacheops/internal/dep"
)

// writePlan is what the analysis of a write found beyond the floor.
type writePlan struct{}

// analyzeWrite narrows the floor that plan holds already, and sets plan's
// Returns, KeepsOnError, EndsTxOnError and Main. nil means that the floor
// stands.
func analyzeWrite(stmt Statement, cat *catalog.Catalog, plan *Plan) *writePlan { return nil }

func (w *writePlan) changes(b Bound, args []driver.NamedValue, f Facts) []dep.Change {
	return b.floorChanges()
}

func (w *writePlan) target(b Bound, args []driver.NamedValue) (RowTarget, bool) {
	return RowTarget{}, false
}
