package sqldep

import (
	"slices"
	"testing"

	"github.com/cacheops/cacheops/internal/catalog"
)

// Who bypasses a table whose drops are still to be sent goes by the plan's tables:
// those that a policy reads are among them.
func TestTablesOfPolicies(t *testing.T) {
	item := &catalog.Table{Name: "public.item", Schema: "public", Bare: "item", RowSecurity: true, Policies: []string{"(kind IN (SELECT kind FROM allowed))"}, PolicyBase: []string{"public.allowed"}}
	cat := &catalog.Catalog{Dialect: catalog.PostgreSQL, Path: []string{"public"}, Tables: map[string]*catalog.Table{
		"public.item":    item,
		"public.allowed": {Name: "public.allowed", Schema: "public", Bare: "allowed"},
	}}
	cat.Index()
	plan := func() Bound { return NewPlanner(catalog.PostgreSQL, 1).Plan("SELECT * FROM item", cat) }
	if p := plan(); !slices.Equal(p.Tables, []string{"public.allowed", "public.item"}) {
		t.Errorf("the tables are %v", p.Tables)
	}
	item.PolicyLost = true
	if p := plan(); p.Uncacheable == "" {
		t.Error("cached, although it is not known what a policy reads")
	}
}
