package redis

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cacheops/cacheops"
)

// number is a cached value: the database's at some moment.
type number uint64

func (number) Size() int { return 16 }

func (n number) AppendBinary(b []byte) ([]byte, error) {
	return binary.BigEndian.AppendUint64(b, uint64(n)), nil
}

func decode(b []byte) (cacheops.Value, error) {
	if len(b) != 8 {
		return nil, fmt.Errorf("a number of %d bytes", len(b))
	}
	return number(binary.BigEndian.Uint64(b)), nil
}

// play is two writers and two readers of one row of one table, each at some
// step of its part of the protocol, on two stores over one server. The steps
// come one at a time, so that a hit must equal the database of that moment.
//
// It is what package storetest walks through with a model; here, any number of
// plays stand still at random steps while their server is bent, which a model
// of the store cannot follow.
type play struct {
	dice    *rand.Rand
	table   string
	key     cacheops.Key
	db      number // what the database holds
	writers [2]playWriter
	readers [2]playReader
	doubts  []cacheops.Doubt
	log     []string
	hits    int
}

type playWriter struct {
	store cacheops.Store
	at    writerStep
	id    cacheops.Writer
	plan  cacheops.Registry
}

type writerStep uint8

const (
	idle      writerStep = iota
	planned              // it knows the registry
	begun                // its intent stands
	committed            // or rolled back: only End is missing
	inFlight             // nobody hears of the outcome; it may land yet
	gone                 // it died, or its outcome is unknown, and nothing of it can land
)

type playReader struct {
	store cacheops.Store
	at    readerStep
	shape int
	grant cacheops.Grant
	value number
}

type readerStep uint8

const (
	asking readerStep = iota
	missed
	acquired
	loaded
)

const playTTL = time.Hour

// tags are those of the row under each of two shapes.
var tags = [2]cacheops.Tag{0x51, 0x52}

func shapeText(i int) string { return fmt.Sprint("play/", i) }

func newPlay(seed uint64, name string, a, b cacheops.Store) *play {
	dice := rand.New(rand.NewPCG(seed, 0x91a7))
	p := &play{dice: dice, table: name}
	p.key = cacheops.Key{Hash: dice.Uint64(), Text: "SELECT 1", Rest: []byte(name), Decode: decode}
	for i, s := range []cacheops.Store{a, b} {
		p.writers[i].store = s
		p.readers[i] = playReader{store: s, shape: dice.IntN(len(tags))}
	}
	return p
}

func (p *play) note(format string, args ...any) { p.log = append(p.log, fmt.Sprintf(format, args...)) }

// step takes one step of somebody. A failure of the store is none of the play:
// then a read is a miss and a write does not commit.
func (p *play) step(ctx context.Context) error {
	switch n := p.dice.IntN(10); {
	case n < 4:
		p.write(ctx, n%2)
	case n < 9:
		return p.read(ctx, n%2)
	default:
		p.prove(ctx)
	}
	return nil
}

func (p *play) write(ctx context.Context, i int) {
	w := &p.writers[i]
	switch w.at {
	case idle, gone:
		reg, err := w.store.Registry(ctx, p.table)
		if err == nil {
			w.at, w.plan, w.id = planned, reg, cacheops.Writer{ID: p.dice.Uint64() | 1}
		}
		p.note("writer %d plans: %v", i, err)
	case planned:
		p.begin(ctx, i)
	case begun:
		p.commit(i)
	case committed:
		err := w.store.End(ctx, w.id, []string{p.table})
		p.note("writer %d ends: %v", i, err)
		w.at = idle
	case inFlight:
		if p.dice.IntN(2) == 0 {
			p.db++
			p.note("writer %d lands, the database is %d", i, p.db)
		}
		w.at = gone
	}
}

func (p *play) begin(ctx context.Context, i int) {
	w := &p.writers[i]
	tw := cacheops.TableWrite{Table: p.table, Epoch: w.plan.Epoch, Version: w.plan.Version}
	for _, shape := range w.plan.Shapes {
		for n := range tags {
			if shape == shapeText(n) {
				tw.Tags = append(tw.Tags, tags[n])
			}
		}
	}
	moved, err := w.store.Begin(ctx, w.id, []cacheops.TableWrite{tw})
	p.note("writer %d begins with %d tags: moved %d, %v", i, len(tw.Tags), len(moved), err)
	switch {
	case err != nil:
		// What may stand of it is taken back; nothing of it will commit.
		p.note("writer %d takes it back: %v", i, w.store.End(ctx, w.id, []string{p.table}))
		w.at = idle
	case len(moved) > 0:
		w.plan = moved[0]
	default:
		w.at = begun
	}
}

func (p *play) commit(i int) {
	w := &p.writers[i]
	switch p.dice.IntN(6) {
	case 0:
		p.note("writer %d dies before its commit", i)
		w.at = gone
	case 1:
		p.note("writer %d is in flight", i)
		w.at = inFlight
	case 2:
		p.note("writer %d rolls back", i)
		w.at = committed
	case 3:
		p.db++
		p.note("writer %d commits and dies, the database is %d", i, p.db)
		w.at = gone
	default:
		p.db++
		p.note("writer %d commits, the database is %d", i, p.db)
		w.at = committed
	}
}

func (p *play) read(ctx context.Context, i int) error {
	r := &p.readers[i]
	switch r.at {
	case asking:
		v, err := r.store.Get(ctx, &p.key)
		p.note("reader %d gets %v, %v", i, v, err)
		switch {
		case err != nil:
			r.at = missed
		case v != p.db:
			return fmt.Errorf("a hit of %v, the database is %v", v, p.db)
		default:
			p.hits++
		}
	case missed:
		g, err := r.store.Acquire(ctx, []cacheops.TableRead{{
			Table: p.table, TTL: playTTL, Shapes: []cacheops.ShapeTags{{Shape: shapeText(r.shape), Tags: tags[r.shape : r.shape+1]}},
		}})
		p.note("reader %d acquires: %s, %d doubts, %v", i, g.Refused, len(g.Doubts), err)
		p.doubts = append(p.doubts, g.Doubts...)
		r.at, r.grant = acquired, g
		if err != nil || g.Refused != cacheops.Granted {
			r.at = asking // the read runs, and is not kept
		}
	case acquired:
		r.value, r.at = p.db, loaded
		p.note("reader %d loads %d", i, r.value)
	case loaded:
		err := r.store.Put(ctx, &p.key, &cacheops.Entry{Value: r.value, Deps: r.grant.Deps, TTL: playTTL})
		p.note("reader %d puts %d: %v", i, r.value, err)
		r.at = asking
	}
	return nil
}

// prove lifts the doubts that the database would: those about writers of whom
// nothing can land any more.
func (p *play) prove(ctx context.Context) {
	if len(p.doubts) == 0 {
		return
	}
	d := p.doubts[0]
	p.doubts = p.doubts[1:]
	for i := range p.writers {
		w := &p.writers[i]
		if (d.Writer.ID == 0 || d.Writer.ID == w.id.ID) && (w.at == begun || w.at == inFlight) {
			return
		}
	}
	p.note("doubt about %d is lifted: %v", d.Writer.ID, p.readers[0].store.Clear(ctx, d))
}

// finish ends everything and expects that the table is cached again and true.
func (p *play) finish(ctx context.Context) error {
	for i := range p.writers {
		for w := &p.writers[i]; w.at == begun || w.at == committed || w.at == inFlight; {
			p.write(ctx, i)
		}
		p.writers[i].at = gone
	}
	deadline := time.Now().Add(20 * time.Second)
	for p.cached(ctx) != nil {
		if err := p.stale(); err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return errors.New("the table is not cached again")
		}
		time.Sleep(5 * time.Millisecond)
	}
	return nil
}

func (p *play) stale() error {
	for i := range p.readers {
		if v, err := p.readers[i].store.Get(context.Background(), &p.key); err == nil && v != p.db {
			return fmt.Errorf("a hit of %v in the end, the database is %v", v, p.db)
		}
	}
	return nil
}

var errNotCached = errors.New("not cached")

// cached fills the entry through one store and reads it through both.
func (p *play) cached(ctx context.Context) error {
	for len(p.doubts) > 0 {
		p.prove(ctx)
	}
	r := &p.readers[0]
	for r.at = missed; r.at != asking; {
		if err := p.read(ctx, 0); err != nil {
			return err
		}
	}
	for i := range p.readers {
		if v, err := p.readers[i].store.Get(ctx, &p.key); err != nil || v != p.db {
			return errNotCached
		}
	}
	return nil
}
