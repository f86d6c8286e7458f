package storetest

// write is a writer's step.
func (sc *scenario) write(x *world, s step) bool {
	w, h := &x.w[s.i], &x.mem.held[s.i]
	switch s.op {
	case opPlan:
		if w.at != wIdle || int(s.i) >= sc.writers {
			return false
		}
		sc.plan(x, s.i)
	case opBegin:
		return sc.begin(x, s.i)
	case opCommit:
		if w.at != wBegun {
			return false
		}
		w.at = wCommitted
		x.db++
	case opRollback:
		if w.at != wBegun {
			return false
		}
		w.at = wRolled
	case opEnd:
		if w.at != wCommitted && w.at != wRolled {
			return false
		}
		*h = hold{}
		*w = writerAt{at: wDone}
	case opCrash:
		if w.at != wBegun && w.at != wCommitted {
			return false
		}
		*w = writerAt{at: wGone}
	default:
		return sc.leases && sc.outcome(x, s)
	}
	return true
}

// outcome is a step of a writer that lost its lease or its connection.
func (sc *scenario) outcome(x *world, s step) bool {
	w, h := &x.w[s.i], &x.mem.held[s.i]
	switch s.op {
	case opUnknown:
		if w.at != wBegun {
			return false
		}
		*w = writerAt{at: wInFlight}
	case opLand, opVanish:
		if w.at != wInFlight {
			return false
		}
		*w = writerAt{at: wGone}
		if s.op == opLand {
			x.db++
		}
	case opDoubt:
		if !h.on || h.doubt {
			return false
		}
		h.doubt = true
	case opClear:
		if !h.doubt || !w.over() {
			return false
		}
		*h = hold{}
	case opEndUnknown:
		if sc.flaw != flawEndUnknown || w.at != wInFlight || !h.on {
			return false
		}
		*h = hold{}
	}
	return true
}

// plan computes a writer's tags from the registry as it is.
func (sc *scenario) plan(x *world, i uint8) {
	w := writerAt{at: wPlanned, version: x.mem.version, epoch: x.mem.epoch}
	for sh, reg := range x.mem.reg {
		if reg != 0 {
			w.tags |= 1 << sh
		}
	}
	if sc.wide[i] {
		w.tags = tableBit
	}
	x.w[i] = w
}

func (sc *scenario) begin(x *world, i uint8) bool {
	w, m := &x.w[i], &x.mem
	if w.at != wPlanned {
		return false
	}
	same := w.version == m.version && w.epoch == m.epoch
	if !same && !sc.wide[i] && sc.flaw != flawMoved {
		sc.plan(x, i)
		return true
	}
	saw := w.version
	if sc.flaw == flawMoved {
		saw = m.version
	}
	m.held[i] = hold{on: true, tags: w.tags, saw: saw}
	for sh := range m.stamp {
		if w.tags&(1<<sh) != 0 {
			m.stamp[sh] = 0
		}
	}
	if w.tags&tableBit != 0 {
		m.table = 0
	}
	*w = writerAt{at: wBegun}
	return true
}

// read is a reader's step.
func (sc *scenario) read(x *world, s step) (bad stale, ok bool) {
	r, sh := &x.r[s.i], sc.shape[s.i]
	switch s.op {
	case opGet:
		if r.at != rIdle || r.loop >= sc.loops[s.i] {
			return "", false
		}
		return sc.get(x, r, sh), true
	case opCheck:
		if r.at != rGot {
			return "", false
		}
		got := r.got
		r.got = kept{}
		if x.mem.valid(sh, got) {
			return r.finish("the hit", got.value), true
		}
		r.at = rMissed
	case opAcquire:
		if r.at != rMissed {
			return "", false
		}
		r.at = rAcquired
		r.table, r.stamp = sc.acquire(x, sh)
	case opQuery:
		if r.at != rAcquired {
			return "", false
		}
		r.at, r.value = rLoaded, x.db
	case opJoin:
		other := &x.r[1-s.i]
		if r.at != rAcquired || other.at != rLoaded || sc.shape[1-s.i] != sh {
			return "", false
		}
		equal := r.table != 0 && r.table == other.table && r.stamp == other.stamp
		if !equal && sc.flaw != flawJoin {
			return "", false
		}
		return r.finish("the joined fill", other.value), true
	case opStore:
		if r.at != rLoaded {
			return "", false
		}
		if e := (kept{r.table, r.stamp, r.value}); x.mem.valid(sh, e) {
			x.mem.entry[sh] = e
		}
		return r.finish("the query", r.value), true
	}
	return "", true
}

// get is a reader's first step. In a split walk it only loads the entry.
func (sc *scenario) get(x *world, r *readerAt, sh uint8) stale {
	e := x.mem.entry[sh]
	r.start = x.db
	switch {
	case sc.split && e.table != 0:
		r.at, r.got = rGot, e
	case x.mem.valid(sh, e):
		return r.finish("the hit", e.value)
	default:
		r.at = rMissed
	}
	return ""
}

// finish ends a call with an answer.
func (r *readerAt) finish(how string, value uint8) stale {
	bad := judge(how, value, r.start)
	*r = readerAt{loop: r.loop + 1}
	return bad
}

func (m *memory) valid(sh uint8, e kept) bool {
	return e.table != 0 && e.table == m.table && e.stamp == m.stamp[sh]
}

// acquire returns the stamps of the table and a shape, or zeros if it is refused.
func (sc *scenario) acquire(x *world, sh uint8) (table, stamp uint8) {
	m := &x.mem
	if m.reg[sh] == 0 {
		m.version++
		m.reg[sh] = m.version
	}
	if sc.refuses(m, sh) {
		return 0, 0
	}
	if m.table == 0 {
		m.table = x.fresh()
	}
	if m.stamp[sh] == 0 {
		m.stamp[sh] = x.fresh()
	}
	return m.table, m.stamp[sh]
}

func (sc *scenario) refuses(m *memory, sh uint8) bool {
	if m.unknown {
		return true
	}
	for i := range m.held {
		h := &m.held[i]
		if h.doubt && sc.flaw == flawDoubt {
			*h = hold{}
		}
		if !h.on {
			continue
		}
		if h.tags&(tableBit|1<<sh) != 0 && sc.flaw != flawIntents {
			return true
		}
		if h.saw < m.reg[sh] && sc.flaw != flawUnseen {
			return true
		}
	}
	return false
}

// fault is a step of the store as a whole.
func (sc *scenario) fault(x *world, op opcode) bool {
	switch op {
	case opLose:
		if !sc.loss || x.faulted {
			return false
		}
		x.faulted = true
		sc.void(x)
	case opSave:
		if !sc.restore || x.saved {
			return false
		}
		x.saved = true
		if sc.flaw == flawRestore {
			x.old = x.mem
		}
	case opRestore:
		if !x.saved || x.faulted {
			return false
		}
		x.faulted = true
		if sc.flaw == flawRestore {
			x.mem, x.old = x.old, memory{}
		} else {
			sc.void(x)
		}
	case opClearAll:
		if !x.mem.unknown {
			return false
		}
		for i := range x.w {
			if w := &x.w[i]; w.at > wPlanned && !w.over() {
				return false
			}
		}
		x.mem.unknown = false
	}
	return true
}

// void is what a store does that has lost a table's state, or found itself in
// another incarnation: nothing kept is valid, and nobody knows who is writing.
func (sc *scenario) void(x *world) {
	x.mem = memory{epoch: x.mem.epoch + 1, unknown: sc.flaw != flawQuarantine, entry: x.mem.entry}
}
