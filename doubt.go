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
	asked map[uint64]time.Time // by writer
}

// proofInterval is the least time between two questions about one writer.
const proofInterval = 200 * time.Millisecond

// due reports whether it is time to ask about a writer, and counts the asking.
func (p *proofs) due(writer uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if last, ok := p.asked[writer]; ok && now.Sub(last) < proofInterval {
		return false
	}
	for id, last := range p.asked {
		if now.Sub(last) > time.Minute {
			delete(p.asked, id)
		}
	}
	if p.asked == nil {
		p.asked = make(map[uint64]time.Time)
	}
	p.asked[writer] = now
	return true
}

// proveDoubts asks the database whether the writers that refused a fill are
// over, and if so lifts their intents. The reader that met them does not wait
// for that. Nothing is lost where it fails: the next fill asks again.
func (d *Database) proveDoubts(doubts []Doubt) {
	if len(doubts) == 0 {
		return
	}
	due := make(map[uint64]bool)
	asking := false
	for _, doubt := range doubts {
		id := doubt.Writer.ID
		if _, asked := due[id]; !asked {
			due[id] = d.cache.proofs.due(id)
			asking = asking || due[id]
		}
	}
	if asking {
		d.cache.later(func(ctx context.Context) { d.lift(ctx, doubts, due) })
	}
}

// lift asks about the writers that are due and lifts the doubts about those
// that are over.
func (d *Database) lift(ctx context.Context, doubts []Doubt, due map[uint64]bool) {
	over := make(map[uint64]bool)
	for _, doubt := range doubts {
		id := doubt.Writer.ID
		if _, asked := over[id]; !asked {
			over[id] = due[id] && d.proveOver(ctx, doubt.Writer)
		}
		if !over[id] {
			continue
		}
		if err := d.cache.store.Clear(ctx, doubt); err != nil {
			d.cache.failed(ctx, "clear a doubtful write", err)
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

// proveOver reports whether a writer, or every writer, is provably over.
func (d *Database) proveOver(ctx context.Context, w Writer) bool {
	if w.ID == 0 {
		return d.proveAll(ctx, w)
	}
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
func (d *Database) proveAll(ctx context.Context, w Writer) bool {
	if !d.cache.agnostic {
		return d.prove(ctx, w)
	}
	unproved := func(o *Database) bool { return !o.prove(ctx, w) }
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
