package sqlcache

import (
	"slices"

	"github.com/cacheops/cacheops/internal/sqldep"
)

// lasting: tables of any engine but InnoDB change at once and stay changed, and
// triggers and cascades may bring such a table into a statement that does not name
// it. On a connection with a session of its own names may mean other tables.
func (d *mysql) lasting(c *conn, st *statement) bool {
	if c.pinned != "" || st.schema.version == 0 || c.tx != nil && (c.tx.ddl || c.tx.strange) {
		return !onlyReads(st.plan.Plan)
	}
	return d.lasts(st.schema, st.plan.Plan)
}

func onlyReads(p *sqldep.Plan) bool {
	return (p.Class == sqldep.Read || p.Class == sqldep.Empty) && !p.Everything
}

func (d *mysql) lasts(s *schema, p *sqldep.Plan) bool {
	switch {
	case p.Everything:
		return true
	case p.Class == sqldep.Multi:
		return slices.ContainsFunc(p.Parts, func(part *sqldep.Plan) bool { return d.lasts(s, part) })
	case p.Class == sqldep.Write:
		return len(p.Tables) == 0 || slices.ContainsFunc(p.Tables, func(name string) bool {
			t, ok := s.catalog.Tables[name]
			return !ok || !t.IsView && t.Engine != "innodb"
		})
	}
	return p.Class == sqldep.DDL || p.Class == sqldep.Unrecognised
}
