package storetest

// graph is every state a scenario can reach and every step between them.
type graph struct {
	worlds []world
	parent []edge   // how a state was first reached; of the start, nothing
	out    [][]edge // steps from a state
	edges  int
	bad    stale // the first stale answer found, empty if there is none
	badAt  trace // the shortest trace to it
}

// edge is a step and the state at its other end.
type edge struct {
	step step
	to   int32
}

// allSteps is every step there is.
var allSteps = func() (all []step) {
	for op := range numOps {
		n := uint8(2)
		if op >= opLose {
			n = 1
		}
		for i := range n {
			all = append(all, step{op, i})
		}
	}
	return all
}()

// explore walks the scenario breadth first. It stops at the first stale answer,
// and leaves out what lies beyond a number of states, if that is not zero.
func explore(sc *scenario, most int) *graph {
	g := &graph{worlds: []world{start()}, parent: []edge{{to: -1}}}
	seen := map[world]int32{g.worlds[0]: 0}
	for at := 0; at < len(g.worlds); at++ {
		var out []edge
		for _, s := range allSteps {
			y, bad, ok := sc.next(g.worlds[at], s)
			if !ok {
				continue
			}
			if bad != "" {
				g.bad, g.badAt = bad, append(g.path(int32(at)), s)
				return g
			}
			to, known := seen[y]
			if !known && most > 0 && len(g.worlds) >= most {
				continue
			}
			if !known {
				to = int32(len(g.worlds))
				seen[y] = to
				g.worlds = append(g.worlds, y)
				g.parent = append(g.parent, edge{s, int32(at)})
			}
			out = append(out, edge{s, to})
		}
		g.out = append(g.out, out)
		g.edges += len(out)
	}
	return g
}

// path returns the steps by which a state was first reached.
func (g *graph) path(at int32) trace {
	var back trace
	for p := g.parent[at]; p.to >= 0; p = g.parent[p.to] {
		back = append(back, p.step)
	}
	for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
		back[i], back[j] = back[j], back[i]
	}
	return back
}
