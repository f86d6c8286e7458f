package storetest

import (
	"fmt"
	"strings"
)

// This file is an abstract model of the protocol: two writers, two readers, one
// table with two shapes, a store and a database that is a version number. The
// suite walks all of the model's states and takes a real store through each of
// its transitions.
//
// The first shape is registered when the walk begins, the second is not. The
// table's tag and one tag a shape stand for all tags: more of them would only
// make writers drop less.

const (
	writers = 2
	readers = 2
	shapes  = 2
)

// Places of a writer.
const (
	wIdle      = iota
	wPlanned   // has read the registry and computed its tags
	wBegun     // intent recorded, COMMIT not sent
	wCommitted // COMMIT acknowledged
	wRolled    // ROLLBACK acknowledged
	wInFlight  // COMMIT sent, nothing came back: it may land, or vanish
	wGone      // nothing of it can commit any more, and it will not call the store
	wDone
)

// Places of a reader.
const (
	rIdle     = iota
	rGot      // has an entry and has not compared its stamps; in split walks
	rMissed   // is about to acquire
	rAcquired // is about to query, or to join
	rLoaded   // has rows, is about to store them
)

const tableBit = 1 << shapes // in a mask of tags, the table's own; bit i is shape i's

// memory is the state of the store. Stamps are small numbers, zero for none.
type memory struct {
	table   uint8 // the table's stamp
	stamp   [shapes]uint8
	reg     [shapes]uint8 // the version a shape was registered with, zero if it is not
	version uint8
	epoch   uint8
	unknown bool
	held    [writers]hold
	entry   [shapes]kept
}

// hold is a writer's intent.
type hold struct {
	on, doubt bool
	tags, saw uint8 // the tags, and the registry version they were computed from
}

// kept is an entry, or none if it has no stamps.
type kept struct{ table, stamp, value uint8 }

type writerAt struct{ at, tags, version, epoch uint8 }

type readerAt struct {
	at, loop     uint8
	start        uint8 // the database's version when the call began
	table, stamp uint8 // acquired; zero after a refusal
	value        uint8
	got          kept
}

// world is a state of everything. It is comparable: the walk keeps a set.
type world struct {
	db      uint8
	faulted bool // the one loss or restore has happened
	saved   bool
	mem     memory
	old     memory // what restore brings back; only kept for flawRestore
	w       [writers]writerAt
	r       [readers]readerAt
}

// scenario says which steps a walk contains.
type scenario struct {
	name    string
	shape   [readers]uint8 // each reader's shape
	loops   [readers]uint8 // each reader's number of calls
	writers int
	wide    [writers]bool // drops the table's tag, unverified
	leases  bool          // leases run out and outcomes are unknown
	loss    bool          // the store forgets the table, once
	restore bool          // the store returns to an older state, once
	split   bool          // a get is two steps: the value, then the stamps
	flaw    flaw
}

// flaw is a guard left out, to see that the walk finds what it guards against.
type flaw uint8

const (
	noFlaw         flaw = iota
	flawIntents         // acquire ignores intents
	flawUnseen          // acquire ignores writers that had not seen the shape
	flawEndUnknown      // End after an unknown outcome
	flawDoubt           // a doubtful intent goes by itself
	flawQuarantine      // after a loss nobody waits for earlier writers
	flawRestore         // old state comes back under its old epoch
	flawJoin            // a caller joins a fill without comparing stamps
	flawMoved           // Begin does not verify the registry
)

func (f flaw) String() string {
	return [...]string{
		"none", "acquire ignores intents", "acquire ignores unseen shapes", "End after an unknown outcome",
		"a doubt clears itself", "loss without quarantine", "restore without a new epoch",
		"join without comparing stamps", "Begin does not verify",
	}[f]
}

// step is one transition: what happens, and to which reader or writer.
type step struct {
	op opcode
	i  uint8
}

type opcode uint8

const (
	opPlan opcode = iota
	opBegin
	opCommit
	opRollback
	opEnd
	opCrash
	opUnknown
	opLand
	opVanish
	opDoubt
	opClear
	opEndUnknown
	opGet
	opCheck
	opAcquire
	opQuery
	opJoin
	opStore
	opLose
	opSave
	opRestore
	opClearAll
	numOps
)

var opNames = [numOps]string{
	"plan", "begin", "COMMIT", "ROLLBACK", "end", "crash", "connection lost", "COMMIT lands", "COMMIT vanishes",
	"lease ends", "proved over", "end (outcome unknown)", "get", "compare stamps", "acquire", "query", "join", "store",
	"store loses the table", "store is saved", "store is restored", "all earlier writers proved over",
}

func (s step) String() string {
	switch {
	case s.op >= opLose:
		return opNames[s.op]
	case s.op >= opGet:
		return fmt.Sprintf("r%d %s", s.i, opNames[s.op])
	}
	return fmt.Sprintf("w%d %s", s.i, opNames[s.op])
}

// trace is a sequence of steps from the start.
type trace []step

func (t trace) String() string {
	parts := make([]string, len(t))
	for i, s := range t {
		parts[i] = s.String()
	}
	return strings.Join(parts, " → ")
}

// start is the world before the first step: the first shape is registered and
// its stamps are there.
func start() world {
	return world{mem: memory{table: 1, stamp: [shapes]uint8{2}, reg: [shapes]uint8{1}, version: 1}}
}

// stale describes an answer older than the call that got it; empty for none.
type stale string

func judge(how string, value, start uint8) stale {
	if value >= start {
		return ""
	}
	return stale(fmt.Sprintf("%s gives version %d, the call began at version %d", how, value, start))
}

// next returns the world after s. ok is false where s cannot happen.
func (sc *scenario) next(x world, s step) (y world, bad stale, ok bool) {
	switch {
	case s.op >= opLose:
		ok = sc.fault(&x, s.op)
	case s.op >= opGet:
		bad, ok = sc.read(&x, s)
	default:
		ok = sc.write(&x, s)
	}
	return x, bad, ok
}

// fresh returns the smallest number that is no stamp of x's.
func (x *world) fresh() uint8 {
	var used uint32
	mark := func(m *memory) {
		used |= 1<<m.table | 1<<m.stamp[0] | 1<<m.stamp[1]
		for _, e := range m.entry {
			used |= 1<<e.table | 1<<e.stamp
		}
	}
	mark(&x.mem)
	mark(&x.old)
	for _, r := range x.r {
		used |= 1<<r.table | 1<<r.stamp | 1<<r.got.table | 1<<r.got.stamp
	}
	n := uint8(1)
	for used&(1<<n) != 0 {
		n++
	}
	return n
}

// over reports whether the database can prove that a writer is over.
func (w *writerAt) over() bool {
	return w.at == wCommitted || w.at == wRolled || w.at == wGone || w.at == wDone
}
