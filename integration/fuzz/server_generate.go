package fuzz

import (
	"math/rand/v2"
	"strings"
)

func newGenerator(d *dialect, seed uint64, size Size, s *scratch) *generator {
	return &generator{
		d: d, r: rand.New(rand.NewPCG(seed, 0x5eed)), size: size.defaults(), scratch: s, script: &Script{Seed: seed},
	}
}

// isolations are what a transaction may be begun with.
var isolations = []string{"", "", "read committed", "repeatable read", "serializable"}

// runServer makes a script for several sessions on one database. Reads outside
// of transactions are what is compared, so transactions are short, and sessions
// that were changed are opened anew before long.
func (g *generator) runServer() {
	g.prepare()
	g.tx = make([]txState, g.size.Sessions)
	g.changed = make([]bool, g.size.Sessions)
	for len(g.script.Ops) < g.size.Ops {
		i := g.r.IntN(g.size.Sessions)
		if g.tx[i].open {
			g.within(i)
		} else {
			g.outside(i)
		}
	}
	for i, tx := range g.tx {
		if tx.open {
			g.finish(i)
		}
	}
	g.sweep()
}

// within is a step of a session in a transaction.
func (g *generator) within(i int) {
	switch n := g.r.IntN(100); {
	case n < 35:
		g.finish(i)
	case n < 75:
		g.change(i)
	case n < 92:
		g.savepoint(i)
	case n < 94:
		g.alter(i)
	default:
		g.query(i, pick(g.r, g.reads))
	}
}

func (g *generator) outside(i int) {
	if g.changed[i] && chance(g.r, 20) {
		g.changed[i] = false
		g.add(Op{Session: i, Action: Reopen})
		return
	}
	switch n := g.r.IntN(1000); {
	case n < 892:
		g.query(i, pick(g.r, g.reads))
	case n < 947:
		g.change(i)
	case n < 962:
		g.begin(i)
	case n < 965:
		g.alter(i)
	case n < 967:
		g.multi(i)
	case n < 973:
		g.changed[i] = true
		g.oddity(i)
	case n < 989:
		g.play()
	case n < 997:
		g.reads[g.r.IntN(len(g.reads))] = g.reads[len(g.reads)-1]
		g.reads = g.reads[:len(g.reads)-1]
		g.fillReads()
	default:
		g.sweep()
	}
}

// sweep asks all reads: what is still cached of them is compared.
func (g *generator) sweep() {
	for _, rd := range g.reads {
		for _, vals := range rd.tuples {
			text, args := rd.st.bind(vals)
			g.add(Op{Session: g.r.IntN(g.size.Sessions), Action: Query, SQL: text, Args: args, Class: rd.st.class, Read: true, Ordered: rd.st.ordered})
		}
	}
}

// beginsTransaction reports whether a text opens one.
func beginsTransaction(text string) bool {
	text = strings.ToUpper(text)
	return strings.HasPrefix(text, "BEGIN") || strings.HasPrefix(text, "START TRANSACTION")
}
