package cacheops

import (
	"context"
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
// over, and if so lifts their intents. Nothing is lost where it fails: the
// next fill asks again.
func (d *Database) proveDoubts(ctx context.Context, doubts []Doubt) {
	prove := d.backend.Load().Prove
	if prove == nil || len(doubts) == 0 {
		return
	}
	over := make(map[uint64]bool)
	for _, doubt := range doubts {
		id := doubt.Writer.ID
		if _, asked := over[id]; !asked {
			over[id] = d.cache.proofs.due(id) && d.prove(ctx, prove, doubt.Writer)
			if over[id] {
				d.leaveWhole(ctx, doubt.Writer)
			}
		}
		if !over[id] {
			continue
		}
		if err := d.cache.store.Clear(ctx, doubt); err != nil {
			d.cache.failed(ctx, "clear a doubtful write", err)
		}
	}
}

// leaveWhole lifts the intent that a writer proved over holds on the database as
// a whole. It mostly refuses nobody there, and so would never be asked about.
func (d *Database) leaveWhole(ctx context.Context, w Writer) {
	if w.ID == 0 {
		return
	}
	if err := d.cache.store.End(ctx, w, []string{d.whole}); err != nil {
		d.cache.failed(ctx, "end a write proved over", err)
	}
}

func (d *Database) prove(ctx context.Context, prove func(context.Context, Writer) (bool, error), w Writer) bool {
	over, err := prove(ctx, w)
	if err != nil && ctx.Err() == nil {
		d.cache.failed(ctx, "ask the database about a doubtful write", err)
	}
	return over && err == nil
}
