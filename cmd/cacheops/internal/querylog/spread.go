package querylog

import "strconv"

// Spread gives the statements of a log that names no sessions to n sessions in
// turn, a transaction as a whole to one of them. Statements that name their
// session keep it.
type Spread struct {
	n    int
	turn int
	tx   Transaction
}

// NewSpread spreads over n sessions; anything below one is one.
func NewSpread(n int) *Spread { return &Spread{n: max(n, 1)} }

// Assign returns the statement once for each session that must run it: once,
// unless it sets up a session (PRAGMA x = y, ATTACH), which every one needs.
func (s *Spread) Assign(st Statement) []Statement {
	if st.Session != "" {
		return []Statement{st}
	}
	kind := KindOf(st.SQL)
	setup := kind == Attach || kind == Pragma && Assigns(st.SQL)
	if setup && !s.tx.Open() {
		all := make([]Statement, s.n)
		for i := range all {
			all[i] = st
			all[i].Session = strconv.Itoa(i + 1)
		}
		return all
	}
	st.Session = strconv.Itoa(s.turn + 1)
	if s.tx.Ran(kind, st.SQL); !s.tx.Open() {
		s.turn = (s.turn + 1) % s.n
	}
	return []Statement{st}
}
