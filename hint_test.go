package cacheops_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

// TestHint: a hint takes the place of the rules' word on ops and TTL, and what the
// call's context says comes over it. Only off is final.
func TestHint(t *testing.T) {
	bg := context.Background()
	asked := cacheops.With(bg, cacheops.Call{})
	hour := cacheops.With(bg, cacheops.Call{TTL: time.Hour})
	counts := cacheops.With(bg, cacheops.Call{Ops: cacheops.Count})
	no := cacheops.NoCache(bg)
	w := newWorld(t, &cacheops.Config{TTL: time.Minute, Rules: []cacheops.Rule{
		{Tables: "kept", Ops: cacheops.All, TTL: 2 * time.Minute},
		{Tables: "never", Never: true},
	}})
	for _, tt := range []struct {
		main string
		said string // between bars
		ctx  context.Context
		ttl  time.Duration
		why  string // begins like that
	}{
		{"other", "", bg, 0, "no rule"},
		{"other", ": on", bg, time.Minute, ""},
		{"other", ": ttl=30s", bg, 30 * time.Second, ""},
		{"other", ": ttl=30s ops=all", bg, 30 * time.Second, ""},
		{"other", ":\n\tTTL=30s\n\tOps=get,fetch ", bg, 30 * time.Second, ""},
		{"other", ": ops=count", bg, 0, "no rule"},
		{"other", ": fresh", bg, time.Minute, ""},
		{"other", ": writeonly", bg, time.Minute, ""},
		{"other", ": extra=a", bg, time.Minute, ""},
		{"other", ": ttl=30s|: ops=fetch", bg, 30 * time.Second, ""},
		{"kept", "", bg, 2 * time.Minute, ""},
		{"kept", ": on", bg, 2 * time.Minute, ""},
		{"kept", ": ttl=1ms", bg, time.Millisecond, ""},
		{"kept", ": ops=count,get", bg, 0, "no rule"},
		{"kept", ": off", bg, 0, "a hint says off"},
		{"never", ": on", bg, 0, "a rule says Never"},
		// The context.
		{"other", ": ttl=30s", hour, time.Hour, ""},
		{"other", ": ttl=30s ops=count", asked, 30 * time.Second, ""},
		{"other", ": on", counts, 0, "op not asked for"},
		{"other", ": on", no, 0, "NoCache"},
		{"kept", ": off", asked, 0, "a hint says off"},
		{"kept", ": off", hour, 0, "a hint says off"},
		// What cannot be read could be off.
		{"kept", ": of", bg, 0, `malformed hint: "of" is none of on, off`},
		{"kept", ": of", asked, 0, "malformed hint"},
		{"kept", "", asked, 2 * time.Minute, ""},
		{"kept", " ", bg, 0, "malformed hint: there is no colon"},
		{"kept", " off", bg, 0, "malformed hint"},
		{"kept", "=off", bg, 0, "malformed hint"},
		{"kept", ":", bg, 0, "malformed hint: it says nothing"},
		{"kept", ": off;", bg, 0, "malformed hint"},
		{"kept", ": ttl", bg, 0, "malformed hint: ttl has no value"},
		{"kept", ": ttl=30", bg, 0, "malformed hint"},
		{"kept", ": ttl=0s", bg, 0, "malformed hint"},
		{"kept", ": ttl=-1s", bg, 0, "malformed hint"},
		{"kept", ": ttl = 30s", bg, 0, "malformed hint"},
		{"kept", ": ops=", bg, 0, "malformed hint"},
		{"kept", ": ops=,", bg, 0, "malformed hint"},
		{"kept", ": ops=gets", bg, 0, "malformed hint"},
		{"kept", ": ops=get, count", bg, 0, "malformed hint"},
		{"kept", ": extra", bg, 0, "malformed hint"},
		{"kept", ": fresh=yes", bg, 0, "malformed hint"},
		{"kept", ": on=", bg, 0, "malformed hint"},
		{"kept", ": ttl=1s ttl=2s", bg, 0, "malformed hint"},
		{"kept", ": ttl=1s|: TTL=2s", bg, 0, "malformed hint"},
		{"kept", ": off ttl=1s", bg, 0, "malformed hint"},
		{"kept", ": ttl=1s|: off", bg, 0, "malformed hint"},
		{"kept", ": on|: nonsense", bg, 0, "malformed hint"},
	} {
		q := cacheops.Query{Text: "q", Op: cacheops.Fetch, Main: tt.main, Uses: []string{tt.main}}
		if tt.said != "" {
			q.Hints = strings.Split(tt.said, "|")
		}
		w.db.Prepare(&q)
		d := w.db.Decide(tt.ctx, &q)
		if d.TTL != tt.ttl || !strings.HasPrefix(d.Why, tt.why) || (d.Why == "") != (tt.why == "") || d.Hint != (tt.said != "") {
			t.Errorf("%s %q: %+v, want %v %q", tt.main, tt.said, d, tt.ttl, tt.why)
		}
	}
}
