package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cacheops/cacheops/cmd/cacheops/internal/replay"
)

// printReport writes a report and returns errDifferent if it found differences.
func printReport(w io.Writer, r *replay.Report, asJSON bool) error {
	var err error
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		err = enc.Encode(r)
	} else {
		_, err = io.WriteString(w, render(r))
	}
	switch {
	case err != nil:
		return fmt.Errorf("write the report: %w", err)
	case !r.OK():
		return errDifferent
	}
	return nil
}

const listed = 12 // groups shown of each list

func render(r *replay.Report) string {
	var b strings.Builder
	t := table(&b)
	t.row("statements", count(r.Statements), fmt.Sprintf("%s reads, %s writes, %s failed, in %s",
		count(r.Reads), count(r.Writes), count(r.Failed), plural(r.Sessions, "session")))
	if r.BadLines > 0 {
		t.row("bad lines", count(r.BadLines), "")
	}
	t.row("hits", count(r.Hits), percent(r.Hits, r.Hits+r.Misses)+" of the reads that may be cached, "+
		percent(r.Hits, r.Reads)+" of all")
	t.row("misses", count(r.Misses), reasons(r.MissReasons))
	t.row("uncacheable", count(r.Uncacheable), "")
	t.row("in transactions", count(r.InTransaction), "reads that always go to the database")
	if r.Precision == nil {
		t.row("drops", "not looked for", "")
	} else {
		t.row("drops", count(r.Drops), fmt.Sprintf("entries dropped by writes; %s had not changed", count(r.SpuriousDrops)))
		t.row("precision", percent(r.Drops-r.SpuriousDrops, r.Drops), "of the dropped entries had changed")
	}
	t.row("verified", verified(r), "answers compared with the bare database")
	t.row("stale", stale(r), "answers that differed")
	if r.ErrorsOnly > 0 {
		t.row("errors", count(r.ErrorsOnly), "statements that fail with the cache only, or without only")
	}
	t.flush()
	b.WriteString("\n" + speed(r))
	groups(&b, "Not cached, and why", r.NotCached)
	hint(&b, r.NotCached)
	groups(&b, "Failed", r.Failures)
	inVain(&b, r.DroppedBy)
	differences(&b, r)
	return b.String()
}

// speed compares the times with and without the cache.
func speed(r *replay.Report) string {
	var b strings.Builder
	without := "without"
	if !r.DidVerify {
		without = "without (estimated)"
	}
	t := table(&b)
	t.row("", "with the cache", without, "")
	if r.DidVerify {
		t.row("a hit (median)", middle(r.HitMedian), middle(r.BareHitMedian), times(r.BareHitMedian, r.HitMedian))
		t.row("a miss (median)", middle(r.MissMedian), middle(r.BareMissMedian), times(r.BareMissMedian, r.MissMedian))
		t.row("all reads", span(r.ReadSeconds), span(r.BareReadSeconds), times(r.BareReadSeconds, r.ReadSeconds))
		t.row("all writes", span(r.WriteSeconds), span(r.BareWriteSeconds), times(r.BareWriteSeconds, r.WriteSeconds))
	} else {
		t.row("a hit", per(r.HitSeconds, r.Hits), per(r.SavedSeconds, r.Hits), times(r.SavedSeconds, r.HitSeconds))
		t.row("a read", per(r.ReadSeconds, r.Reads), per(r.BareReadSeconds, r.Reads), times(r.BareReadSeconds, r.ReadSeconds))
	}
	t.row("database time saved", span(r.SavedSeconds), "by hits", "")
	t.flush()
	return b.String()
}

func groups(b *strings.Builder, title string, list []replay.Group) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n", title)
	t := table(b)
	for _, g := range list[:min(len(list), listed)] {
		t.row("  "+count(g.Count)+"×", g.Reason, shorten(g.SQL), "line "+strconv.Itoa(g.Line))
	}
	t.flush()
	if len(list) > listed {
		fmt.Fprintf(b, "  and %d more kinds (--json lists all)\n", len(list)-listed)
	}
}

// hint says what to do about reads of a session that a PRAGMA of the log has
// set apart.
func hint(b *strings.Builder, list []replay.Group) {
	if slices.ContainsFunc(list, func(g replay.Group) bool { return g.Reason == sessionState }) {
		b.WriteString("\nA session that sets a PRAGMA for itself is not cached from then on. If your program sets it on every\n" +
			"connection, give it here as --pragma NAME=VALUE, and there in the data source name.\n")
	}
}

// sessionState is the reason that sqlcache gives for such reads.
const sessionState = "session state"

// inVain lists what was dropped although it had not changed: where a rule, or
// another way to write a query, would keep more.
func inVain(b *strings.Builder, list []replay.DropGroup) {
	if len(list) == 0 || list[0].Spurious == 0 {
		return
	}
	fmt.Fprintf(b, "\nDropped in vain most often:\n")
	t := table(b)
	t.row("  in vain", "of", "entries of", "dropped by")
	for _, g := range list[:min(len(list), listed/2)] {
		if g.Spurious > 0 {
			t.row("  "+count(g.Spurious), count(g.Drops), shorten(g.Read), shorten(g.Write))
		}
	}
	t.flush()
}

func differences(b *strings.Builder, r *replay.Report) {
	if r.OK() {
		return
	}
	fmt.Fprintf(b, "\nDifferent from the bare database:\n")
	for _, d := range r.Differences {
		fmt.Fprintf(b, "  line %d, session %s (%s): %s\n    %s\n", d.Line, d.Session, d.Kind, d.What, shorten(d.SQL))
	}
	if n := r.Stale + r.ErrorsOnly - len(r.Differences); n > 0 {
		fmt.Fprintf(b, "  and %d more\n", n)
	}
}

func verified(r *replay.Report) string {
	if !r.DidVerify {
		return "no"
	}
	return count(r.Verified)
}

func stale(r *replay.Report) string {
	if !r.DidVerify {
		return "not verified"
	}
	return count(r.Stale)
}

// reasons has the most frequent first.
func reasons(m map[string]int) string {
	keys := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(m[b], m[a]), strings.Compare(a, b))
	})
	for i, k := range keys {
		keys[i] = count(m[k]) + " " + k
	}
	return strings.Join(keys, ", ")
}

type tableWriter struct{ *tabwriter.Writer }

func table(w io.Writer) tableWriter { return tableWriter{tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)} }

func (t tableWriter) row(cells ...string) {
	fmt.Fprintln(t, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
}

// flush writes to a strings.Builder, which does not fail.
func (t tableWriter) flush() { _ = t.Flush() }

// count groups digits by thousands.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

func percent(a, b int) string {
	if b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(a)/float64(b))
}

func span(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(100 * time.Nanosecond).String()
}

// middle is a median, of which there is none where nothing was measured.
func middle(seconds float64) string {
	if seconds == 0 {
		return "–"
	}
	return span(seconds)
}

func per(seconds float64, n int) string {
	if n == 0 {
		return "–"
	}
	return span(seconds / float64(n))
}

func times(without, with float64) string {
	if with <= 0 || without <= 0 {
		return ""
	}
	if f := without / with; f < 10 {
		return fmt.Sprintf("%.1f× as fast", f)
	}
	return fmt.Sprintf("%.0f× as fast", without/with)
}

// shorten fits a statement into a line.
func shorten(sql string) string {
	const width = 80
	sql = strings.Join(strings.Fields(sql), " ")
	if r := []rune(sql); len(r) > width {
		return string(r[:width-1]) + "…"
	}
	return sql
}
