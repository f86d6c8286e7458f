package replay

import (
	"cmp"
	"slices"
	"time"
)

// Report says what a replay did. Its JSON form is what the commands print with
// --json; fields are only ever added.
type Report struct {
	// Statements were run, Failed of them failed (on the bare database too, where
	// that was verified), BadLines of the log could not be read.
	Statements int `json:"statements"`
	Failed     int `json:"failed"`
	// Skipped are PRAGMAs that change no answer, or that Config.Pragmas sets.
	Skipped  int `json:"skipped"`
	BadLines int `json:"bad_lines"`
	Sessions int `json:"sessions"`

	// Reads that succeeded: Reads = Hits + Misses + Uncacheable + InTransaction.
	Reads         int `json:"reads"`
	Hits          int `json:"hits"`
	Misses        int `json:"misses"`
	Uncacheable   int `json:"uncacheable"`
	InTransaction int `json:"in_transaction"`
	// Writes that succeeded, rolled back later or not.
	Writes int `json:"writes"`

	// Drops counts entries that a write dropped, SpuriousDrops those of them
	// whose result had not changed. Precision is the share of the others, 1
	// where nothing was dropped, nil where drops were not looked for.
	Drops         int      `json:"drops"`
	SpuriousDrops int      `json:"spurious_drops"`
	Precision     *float64 `json:"precision"`

	// Verified answers were compared with the bare database; Stale is how many
	// differed.
	Verified    int  `json:"verified"`
	Stale       int  `json:"stale"`
	ErrorsOnly  int  `json:"errors_through_cache_only"`
	DidVerify   bool `json:"verify"`
	Interrupted bool `json:"interrupted,omitempty"`

	// HitRatio is Hits / (Hits + Misses), CachedShare Hits / Reads; 0 where
	// there was nothing to divide by.
	HitRatio    float64 `json:"hit_ratio"`
	CachedShare float64 `json:"cached_share"`

	// What the reads took through the cache, and what they take (or, unverified,
	// are estimated to take) on the bare database; of these the hits alone, whose
	// time on the database is what the cache saves it.
	ReadSeconds     float64 `json:"read_seconds"`
	BareReadSeconds float64 `json:"bare_read_seconds"`
	HitSeconds      float64 `json:"hit_seconds"`
	SavedSeconds    float64 `json:"saved_seconds"`
	// The same for everything that is no read: measured only with verification.
	WriteSeconds     float64 `json:"write_seconds"`
	BareWriteSeconds float64 `json:"bare_write_seconds"`

	// The medians of a hit, of the same reads on the bare database, of a miss,
	// and of those, which a busy machine disturbs less than it does the sums.
	// The bare ones are 0 without verification.
	HitMedian      float64 `json:"hit_median_seconds"`
	BareHitMedian  float64 `json:"bare_hit_median_seconds"`
	MissMedian     float64 `json:"miss_median_seconds"`
	BareMissMedian float64 `json:"bare_miss_median_seconds"`

	MissReasons map[string]int `json:"miss_reasons"`
	NotCached   []Group        `json:"uncacheable_statements"`
	Failures    []Group        `json:"failures"`
	DroppedBy   []DropGroup    `json:"drops_by_statement"`
	Differences []Difference   `json:"differences"`
}

// Group is a set of statements that differ in their literals only.
type Group struct {
	SQL    string `json:"sql"`
	Reason string `json:"reason"`
	Count  int    `json:"count"`
	Line   int    `json:"line"` // of the first
}

// DropGroup is what became of one statement's entries when another wrote.
type DropGroup struct {
	Read     string `json:"read"`
	Write    string `json:"write"`
	Drops    int    `json:"drops"`
	Spurious int    `json:"spurious_drops"`
}

// Difference is an answer that the bare database would not have given.
type Difference struct {
	Line    int    `json:"line"`
	Session string `json:"session"`
	SQL     string `json:"sql"`
	Kind    string `json:"kind"` // "hit", "miss" or "error"
	What    string `json:"what"`
}

// maxDifferences are listed; all are counted.
const maxDifferences = 100

// OK reports whether no difference was found.
func (r *Report) OK() bool { return r.Stale == 0 && r.ErrorsOnly == 0 }

func (r *Report) differ(d Difference) {
	if d.Kind == "error" {
		r.ErrorsOnly++
	} else {
		r.Stale++
	}
	if len(r.Differences) < maxDifferences {
		r.Differences = append(r.Differences, d)
	}
}

func (r *Report) derive() {
	r.HitRatio = ratio(r.Hits, r.Hits+r.Misses)
	r.CachedShare = ratio(r.Hits, r.Reads)
	if r.Precision == nil {
		return
	}
	*r.Precision = 1
	if r.Drops > 0 {
		*r.Precision = ratio(r.Drops-r.SpuriousDrops, r.Drops)
	}
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// groups counts statements by their shape and reason.
type groups map[[2]string]*Group

func (g groups) add(shape, reason string, line int) {
	key := [2]string{shape, reason}
	if g[key] == nil {
		g[key] = &Group{SQL: shape, Reason: reason, Line: line}
	}
	g[key].Count++
}

// list has the most frequent first; it is never nil, so that its JSON is a list.
func (g groups) list() []Group {
	out := make([]Group, 0, len(g))
	for _, group := range g {
		out = append(out, *group)
	}
	slices.SortFunc(out, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Line, b.Line), cmp.Compare(a.SQL, b.SQL))
	})
	return out
}

// dropGroups counts drops by the shapes of the dropped read and of the write
// that was running.
type dropGroups map[[2]string]*DropGroup

func (g dropGroups) add(read, write string, spurious bool) {
	key := [2]string{read, write}
	if g[key] == nil {
		g[key] = &DropGroup{Read: read, Write: write}
	}
	g[key].Drops++
	if spurious {
		g[key].Spurious++
	}
}

// list has the most spurious first.
func (g dropGroups) list() []DropGroup {
	out := make([]DropGroup, 0, len(g))
	for _, group := range g {
		out = append(out, *group)
	}
	slices.SortFunc(out, func(a, b DropGroup) int {
		return cmp.Or(cmp.Compare(b.Spurious, a.Spurious), cmp.Compare(b.Drops, a.Drops),
			cmp.Compare(a.Read, b.Read), cmp.Compare(a.Write, b.Write))
	})
	return out
}

// samples are durations of which the median is wanted: the first million.
type samples []time.Duration

func (s *samples) add(d time.Duration) {
	if len(*s) < 1_000_000 {
		*s = append(*s, d)
	}
}

func (s samples) median() float64 {
	if len(s) == 0 {
		return 0
	}
	slices.Sort(s)
	return seconds(s[len(s)/2])
}

func seconds(d time.Duration) float64 { return d.Seconds() }
