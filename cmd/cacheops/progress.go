package main

import (
	"fmt"
	"io"
	"time"

	"github.com/cacheops/cacheops/cmd/cacheops/internal/replay"
	"github.com/schollz/progressbar/v3"
)

// progress is a bar on a terminal and nothing elsewhere.
type progress struct {
	bar     *progressbar.ProgressBar
	byBytes bool
	shown   time.Time
}

// newProgress shows a bar of size steps or bytes; -1 is unknown.
func newProgress(e *env, what string, size int64, byBytes bool) *progress {
	p := &progress{byBytes: byBytes}
	if !e.live {
		return p
	}
	p.bar = progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(e.stderr),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWidth(10),
		progressbar.OptionThrottle(refresh),
		progressbar.OptionShowBytes(byBytes),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetElapsedTime(false),
	)
	return p
}

const refresh = 100 * time.Millisecond

// reader counts what is read of the log.
func (p *progress) reader(r io.Reader) io.Reader {
	if p.bar == nil {
		return r
	}
	return io.TeeReader(r, p.bar)
}

// show is told of each statement.
func (p *progress) show(r *replay.Report) {
	if p.bar == nil {
		return
	}
	if now := time.Now(); now.Sub(p.shown) >= refresh {
		p.shown = now
		p.bar.Describe(live(r))
	}
	if !p.byBytes {
		p.draw(p.bar.Add(1))
	}
}

// step is told that one of the steps is done, and what to show.
func (p *progress) step(text string) {
	if p.bar == nil {
		return
	}
	if now := time.Now(); now.Sub(p.shown) >= refresh {
		p.shown = now
		p.bar.Describe(text)
	}
	p.draw(p.bar.Add(1))
}

// live is the line that moves; with the bar it fits into 80 columns.
func live(r *replay.Report) string {
	line := fmt.Sprintf("hits %s  drops %s", percent(r.Hits, r.Hits+r.Misses), count(r.Drops))
	if r.Drops > 0 {
		line += fmt.Sprintf(" (%s needed)", percent(r.Drops-r.SpuriousDrops, r.Drops))
	}
	if r.DidVerify {
		line += fmt.Sprintf("  verified %s  stale %d", count(r.Verified), r.Stale)
	}
	return line
}

func (p *progress) clear() {
	if p.bar != nil {
		p.draw(p.bar.Clear())
	}
}

func (p *progress) finish() {
	if p.bar != nil {
		p.draw(p.bar.Finish())
	}
}

// draw takes the error of drawing. A terminal that is gone must not stop the
// work, whose report goes elsewhere: the bar is not drawn any more.
func (p *progress) draw(err error) {
	if err != nil {
		p.bar = nil
	}
}
