package fuzz

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/cacheops/cacheops"
)

// Race is [Race] on a server, through two caches over one store. With together the
// writers do not take turns: in each round every one of them makes an attempt at
// the same time as the others, with readers among them, and when all are over the
// reads through both caches are what is judged.
func (v *Server) Race(ctx context.Context, seed uint64, size RaceSize, together bool, bend func(cacheops.Store) cacheops.Store) (_ *History, err error) {
	r, script, err := v.newRace(ctx, seed, size.defaults())
	if err != nil {
		return nil, err
	}
	if err := v.setUp(ctx, script); err != nil {
		return nil, err
	}
	ways := v.ways(script.Pragmas)
	chosen := ways[seed%uint64(len(ways))]
	p, err := v.over(ctx, []way{chosen, chosen}, bend)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	r.processes = len(p.ways)
	r.peer = func(i int) peer { return visitor{p.ways[i%len(p.ways)].cached, false} }
	r.judge = visitor{p.ways[0].bare, true}
	if together {
		r.runTogether(ctx)
	} else {
		r.run(ctx)
	}
	return r.h, r.failed
}

func (v *Server) newRace(ctx context.Context, seed uint64, size RaceSize) (*race, *Script, error) {
	g, err := v.generator(ctx, seed^0xace, Size{})
	if err != nil {
		return nil, nil, err
	}
	defer g.scratch.close()
	g.script.Pragmas = append(g.script.Pragmas, v.patient...)
	r := g.race(seed, size)
	// What commits in the middle, or is there before it commits, makes states of the
	// database that nobody looks at.
	for i, text := range g.script.Setup {
		g.script.Setup[i] = strings.Replace(text, "ENGINE=MyISAM", "ENGINE=InnoDB", 1)
	}
	for _, plan := range r.plans {
		for i := range plan {
			a := &plan[i]
			a.timeout = 0 // an outcome that nobody knows is no truth
			for _, c := range a.stmts {
				if strings.HasPrefix(c.SQL, "TRUNCATE") && a.tx {
					*a = attempt{stmts: []Call{c}}
					break
				}
			}
		}
	}
	return r, g.script, nil
}

// visitor opens a session for everything it does.
type visitor struct {
	to     source
	afresh bool // it keeps nothing prepared
}

func (v visitor) query(ctx context.Context, c Call) answer {
	s, err := v.to.session(ctx)
	if err != nil {
		return answer{err: err}
	}
	defer s.close()
	if v.afresh {
		s.forget(ctx, true)
	}
	return s.do(ctx, &Op{Action: Query, SQL: c.SQL, Args: c.Args, Read: true})
}

func (v visitor) try(ctx context.Context, a attempt) error {
	s, err := v.to.session(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if a.tx {
		if a := s.do(ctx, &Op{Action: Begin}); a.err != nil {
			return a.err
		}
	}
	for _, c := range a.stmts {
		err = s.do(ctx, &Op{Action: Exec, SQL: c.SQL, Args: c.Args}).err
	}
	switch {
	case a.tx && a.rollback:
		return errors.Join(errRolledBack, s.do(ctx, &Op{Action: Rollback}).err)
	case a.tx:
		return s.do(ctx, &Op{Action: Commit}).err
	}
	return err
}

// runTogether is run in rounds.
func (r *race) runTogether(ctx context.Context) {
	r.look(ctx)
	for n := range r.size.Writes {
		var round sync.WaitGroup
		var all attempt
		for by := range r.size.Writers {
			a := r.plans[by][n]
			all.stmts = append(all.stmts, a.stmts...)
			round.Go(func() { r.peer(by).try(ctx, a) })
		}
		for i := range r.size.Readers {
			dice := rand.New(rand.NewPCG(r.h.Seed+uint64(n), uint64(i)))
			round.Go(func() {
				for range 24 {
					r.peer(i).query(ctx, r.h.Reads[dice.IntN(len(r.h.Reads))])
				}
			})
		}
		round.Wait()
		r.h.Attempts = append(r.h.Attempts, all)
		r.look(ctx)
		r.begun.Store(int64(n + 1))
		r.over.Store(int64(n + 1))
		for by := range r.processes {
			for i := range r.h.Reads {
				if s, ok := r.see(ctx, by, i); ok {
					r.h.Seen = append(r.h.Seen, s)
				}
			}
		}
	}
	if err := ctx.Err(); err != nil {
		r.failed = fmt.Errorf("race: %w", err)
	}
}
