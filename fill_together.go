package cacheops

import (
	"context"
	"time"
)

// InFunction reports whether a function ([NewFunc], [Memo]) runs in ctx: its reads
// are made one by one. It is for adapters.
func InFunction(ctx context.Context) bool { return frameFrom(ctx) != nil }

// FillTogether makes missed reads in one go, each with its source, whose Load and
// LoadSince only say by which of them it would be loaded. load is called once, when
// all of them have acquired what they depend on, and returns their results in the
// same order, made with snapshots that begin after its call, or an error, with which
// nothing is kept. since is the latest moment that one of them needs to be shown
// ([Source].LoadSince), zero if there is none. There may be no reads at all.
//
// No other caller waits for these reads, nor they for any: ctx is the caller's own.
func (d *Database) FillTogether(
	ctx context.Context, probes []*Probe, sources []Source, load func(ctx context.Context, since time.Time) ([]Loaded, error),
) error {
	fills := make([]*fill, len(probes))
	var latest time.Time
	for i, p := range probes {
		f := &fill{db: d, query: p.query, key: p.key, ttl: p.ttl, anew: p.anew, src: sources[i]}
		f.key.Rest = append([]byte(nil), p.key.Rest...)
		if err := f.acquire(ctx); err != nil {
			return err
		}
		if f.since.After(latest) {
			latest = f.since
		}
		fills[i] = f
	}
	loaded, err := load(ctx, latest)
	if err != nil {
		return err
	}
	for i, f := range fills {
		f.outdated(&loaded[i])
		f.keep(ctx, &loaded[i])
		d.proveDoubts(f.grant.Doubts)
	}
	return nil
}
