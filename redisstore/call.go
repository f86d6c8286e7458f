package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// call is a script with what it runs on.
type call struct {
	script *script
	keys   []string
	args   []string
}

func (c *call) command(b rueidis.Builder, text bool) rueidis.Completed {
	if text {
		return b.Eval().Script(c.script.text).Numkeys(int64(len(c.keys))).Key(c.keys...).Arg(c.args...).Build()
	}
	return b.Evalsha().Sha1(c.script.sha).Numkeys(int64(len(c.keys))).Key(c.keys...).Arg(c.args...).Build()
}

// run runs calls in one round trip, and those again that the server had
// forgotten or whose connection had ended while it was idle. Scripts may
// therefore run twice, and every one of them is such that this is the same as
// once. It fails if one of the calls does; others may have been carried out.
func (s *Store) run(ctx context.Context, calls []call) ([]rueidis.RedisMessage, error) {
	out := make([]rueidis.RedisMessage, len(calls))
	left := make([]int, len(calls))
	for i := range left {
		left[i] = i
	}
	text := false
	for try := 0; ; try++ {
		again, err := s.attempt(ctx, calls, left, text, out)
		if err != nil || len(again) == 0 {
			return out, err
		}
		if try == maxTries {
			return out, errors.New("the server goes on forgetting scripts")
		}
		// The text serves whatever the reason was.
		left, text = again, true
	}
}

// maxTries is how often a call is tried again: once for a script that is not
// there, once for a connection that ended.
const maxTries = 2

// attempt returns the calls to be tried again.
func (s *Store) attempt(ctx context.Context, calls []call, which []int, text bool, out []rueidis.RedisMessage) (again []int, err error) {
	commands := make([]rueidis.Completed, len(which))
	for n, i := range which {
		commands[n] = calls[i].command(s.client.B(), text)
	}
	for n, r := range s.client.DoMulti(ctx, commands...) {
		i := which[n]
		m, e := r.ToMessage()
		if e == nil || rueidis.IsRedisNil(e) {
			out[i] = m
			continue
		}
		forgotten := strings.HasPrefix(e.Error(), "NOSCRIPT")
		if !forgotten && !(ended(ctx, e) && !text) {
			return nil, e
		}
		again = append(again, i)
	}
	return again, nil
}

// exchange sends the commands that build returns in one round trip, and once
// more, built anew, if a connection had ended while it was idle.
func (s *Store) exchange(ctx context.Context, build func() []rueidis.Completed) []rueidis.RedisResult {
	r := s.client.DoMulti(ctx, build()...)
	for i := range r {
		if err := r[i].Error(); err != nil && ended(ctx, err) {
			return s.client.DoMulti(ctx, build()...)
		}
	}
	return r
}

// send is exchange for one command of which only the success matters.
func (s *Store) send(ctx context.Context, build func() rueidis.Completed) error {
	err := s.client.Do(ctx, build()).Error()
	if err != nil && ended(ctx, err) {
		err = s.client.Do(ctx, build()).Error()
	}
	return err
}

// ended reports whether an error is that a connection is no longer there, and
// not a server that does not answer or does not want to.
func ended(ctx context.Context, err error) bool {
	if _, ok := rueidis.IsRedisErr(err); ok || ctx.Err() != nil || errors.Is(err, rueidis.ErrClosing) {
		return false
	}
	timeout, ok := errors.AsType[net.Error](err)
	return !ok || !timeout.Timeout()
}

// bounded limits a call to a time, and fails if there is no point in it.
func (s *Store) bounded(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc, error) {
	if err := s.usable(); err != nil {
		return nil, nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	return ctx, cancel, nil
}

func failed(verb string, err error) error {
	return fmt.Errorf("redisstore: %s: %w", verb, err)
}
