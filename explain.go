package cacheops

import (
	"context"
	"fmt"
	"time"

	"github.com/cacheops/cacheops/internal/dep"
)

// Decision is what the rules and a call's context say of a read.
type Decision struct {
	// Rule is the index in Config.Rules of the rule that decides, -1 if none does.
	Rule int
	// Hint says that a comment in the statement's text decides, in the place of the
	// rule.
	Hint bool
	// TTL is how long its result would be kept; zero if it would not be.
	TTL time.Duration
	// Why says why it would not be kept; empty if it would.
	Why string
}

// Decide says what becomes of a read made with ctx, for explanations. q is
// prepared. It asks neither the store nor the partition.
func (d *Database) Decide(ctx context.Context, q *Query) Decision {
	out := Decision{Rule: -1}
	for i := range d.cache.cfg.Rules {
		if &d.cache.cfg.Rules[i] == q.rule {
			out.Rule = i
		}
	}
	out.TTL, out.Why = q.decide(d.cache, callFrom(ctx))
	if out.Hint = len(q.Hints) > 0; out.Why == malformedHint {
		out.Why += ": " + q.hint.flaw
	}
	return out
}

// Limit widens uses in place to the tags that one entry may check
// (Config.MaxTags), as filling does, and returns a line for each table that it
// widened. A full registry of shapes widens further, which depends on what else is
// cached.
func (d *Database) Limit(uses []dep.Use) (widened []string) {
	before := make([]int, len(uses))
	for i := range uses {
		before[i] = len(uses[i].Regions)
	}
	limitTags(uses, d.cache.cfg.MaxTags)
	for i := range uses {
		if len(uses[i].Regions) != before[i] {
			widened = append(widened, fmt.Sprintf("%s: %d regions are taken for one, for the tags of all would be more than %d",
				uses[i].Table, before[i], d.cache.cfg.MaxTags))
		}
	}
	return widened
}
