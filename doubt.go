package cacheops

import (
	"context"
	"encoding/binary"
	"slices"
	"sync"
	"time"
)

// proofs limits how often the database is asked whether a writer in doubt is
// over: many readers meet the same doubt at once.
type proofs struct {
	mu    sync.Mutex
	asked map[suspect]time.Time
}

// suspect is whom a doubt is about: a writer, whatever tables it holds, or
// everybody who may be writing to a table that the store lost. Programs meet many
// such tables at once when they start.
type suspect struct {
	writer uint64
	table  string // of writer zero
}

func suspectOf(d *Doubt) suspect {
	if d.Writer.ID == 0 {
		return suspect{table: d.Table}
	}
	return suspect{writer: d.Writer.ID}
}

// proofInterval is the least time between two questions about one suspect.
const proofInterval = 200 * time.Millisecond

// due reports whether it is time to ask about a suspect, and counts the asking.
func (p *proofs) due(who suspect) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if last, ok := p.asked[who]; ok && now.Sub(last) < proofInterval {
		return false
	}
	for other, last := range p.asked {
		if now.Sub(last) > time.Minute {
			delete(p.asked, other)
		}
	}
	if p.asked == nil {
		p.asked = make(map[suspect]time.Time)
	}
	p.asked[who] = now
	return true
}

// proveDoubts asks the database whether the writers that refused a fill are
// over, and if so lifts their intents. The reader that met them does not wait
// for that. Nothing is lost where it fails: the next fill asks again.
func (d *Database) proveDoubts(doubts []Doubt) {
	due := make(map[uint64][]Doubt) // by writer, of which there are mostly none
	lost := false
	for _, doubt := range doubts {
		id := doubt.Writer.ID
		switch {
		case due[id] == nil && !d.cache.proofs.due(suspectOf(&doubt)):
		case id == 0:
			lost = d.losses.add(doubt) || lost
		default:
			due[id] = append(due[id], doubt)
		}
	}
	if len(due) > 0 {
		d.cache.later(func(ctx context.Context) { d.lift(ctx, due) })
	}
	if lost {
		d.cache.later(d.liftLosses)
	}
}

// lift asks about writers and lifts the intents of those that are over.
func (d *Database) lift(ctx context.Context, due map[uint64][]Doubt) {
	for _, doubts := range due {
		if !d.proveOver(ctx, doubts[0].Writer) {
			continue
		}
		for _, doubt := range doubts {
			d.clear(ctx, doubt)
		}
	}
}

func (d *Database) clear(ctx context.Context, doubt Doubt) {
	if err := d.cache.store.Clear(ctx, doubt); err != nil {
		d.cache.failed(ctx, "clear a doubtful write", err)
	}
}

// losses are the tables of which it is to be proved that whoever may be writing
// there is over. One proof serves all that were lost before it began, and there
// is one at a time: it may hold a connection for as long as somebody writes.
type losses struct {
	mu      sync.Mutex
	waiting map[string]Doubt // by table
	proving bool
}

// add reports whether the caller must see to the proof.
func (l *losses) add(doubt Doubt) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting == nil {
		l.waiting = make(map[string]Doubt)
	}
	l.waiting[doubt.Table] = doubt
	begin := !l.proving
	l.proving = true
	return begin
}

// take returns what is waiting; nothing ends the proving.
func (l *losses) take() map[string]Doubt {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.waiting
	l.waiting = nil
	l.proving = len(all) > 0
	return all
}

// liftLosses lifts the doubts about lost tables until none is waiting.
func (d *Database) liftLosses(ctx context.Context) {
	for all := d.losses.take(); len(all) > 0; all = d.losses.take() {
		if !d.proveAll(ctx) {
			continue // the next fill asks again
		}
		for _, doubt := range all {
			d.clear(ctx, doubt)
		}
	}
}

// sign puts the database's name in front of a writer's proof. A table that
// several databases share meets the writers of all of them, of which each knows
// its own alone.
func (d *Database) sign(proof string) string { return string(appendPart(nil, d.name)) + proof }

// signed takes a proof apart. ok is false where sign did not make it.
func signed(text string) (database, proof string, ok bool) {
	n, size := binary.Uvarint([]byte(text))
	if size <= 0 || n > uint64(len(text)-size) {
		return "", "", false
	}
	rest := text[size:]
	return rest[:n], rest[n:], true
}

// proveOver reports whether a writer is provably over.
func (d *Database) proveOver(ctx context.Context, w Writer) bool {
	name, proof, ok := signed(w.Proof)
	if !ok {
		return false
	}
	owner := d.cache.database(name)
	if owner == nil || !owner.prove(ctx, Writer{ID: w.ID, Proof: proof}) {
		return false
	}
	// Its intent on the database as a whole mostly refuses nobody, and so would
	// never be asked about.
	if err := d.cache.store.End(ctx, w, []string{owner.whole}); err != nil {
		d.cache.failed(ctx, "end a write proved over", err)
	}
	return true
}

// proveAll reports whether everybody who may have been writing is over: in every
// database, where tables are shared.
func (d *Database) proveAll(ctx context.Context) bool {
	if !d.cache.agnostic {
		return d.prove(ctx, Writer{})
	}
	unproved := func(o *Database) bool { return !o.prove(ctx, Writer{}) }
	return !slices.ContainsFunc(d.cache.attached(), unproved)
}

func (d *Database) prove(ctx context.Context, w Writer) bool {
	prove := d.backend.Load().Prove
	if prove == nil {
		return false
	}
	over, err := prove(ctx, w)
	if err != nil && ctx.Err() == nil {
		d.cache.failed(ctx, "ask the database about a doubtful write", err)
	}
	return over && err == nil
}
