package redisstore

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/cacheops/cacheops"
)

// Begin implements [cacheops.Store]. A Begin that failed may be carried out
// later still, by a server that was not answering: its drops then cost entries,
// and its intents refuse fills until their lease ends and the database has been
// asked.
func (s *Store) Begin(ctx context.Context, w cacheops.Writer, writes []cacheops.TableWrite) (moved []cacheops.Registry, err error) {
	ctx, cancel, err := s.bounded(ctx, s.opts.WriteTimeout)
	if err != nil {
		return nil, failed("begin a write", err)
	}
	defer cancel()
	if w.ID == 0 {
		return nil, errors.New("redisstore: begin a write: a writer without an ID")
	}
	// What was validated before the server saw the drop is in the local tier by
	// now, or will find its stamp there dropped; so this comes after, and before
	// the commit.
	all, wide := s.stripeWrites(writes)
	defer s.dropLocal(all)
	if s.cluster {
		s.flying.begins(w.ID, wide)
	}
	out, err := s.begins(ctx, w, all)
	if err != nil {
		return nil, failed("begin a write", err)
	}
	for i := range writes {
		if out[i].IsNil() {
			continue
		}
		reg, err := parseRegistry(writes[i].Table, out[i])
		if err != nil {
			return nil, failed("begin a write", err)
		}
		moved = append(moved, reg)
	}
	return moved, nil
}

func (s *Store) begin(w cacheops.Writer, tw *cacheops.TableWrite) call {
	t := s.table(tw.Table)
	c := t.prepare(scriptBegin,
		eight(w.ID), milliseconds(s.opts.Lease), clip(w.Proof),
		flag(!tw.Unverified), eight(tw.Epoch), strconv.FormatUint(tw.Version, 10),
		optional(tw.Catalog), flag(tw.BumpCatalog), packTags(tw.Tags))
	for _, tag := range tw.Tags {
		if tag != cacheops.TableTag {
			c.keys = append(c.keys, t.stampOf(tag))
		}
	}
	return c
}

// begins runs Begins. On a Cluster a table's slot may be on its way to another
// node, and its keys on both. The server then refuses a script that needs several
// of them; one that drops the table's own tag needs the state alone.
func (s *Store) begins(ctx context.Context, w cacheops.Writer, writes []cacheops.TableWrite) ([]rueidis.RedisMessage, error) {
	calls := make([]call, len(writes))
	for i := range writes {
		calls[i] = s.begin(w, &writes[i])
	}
	out, err := s.run(ctx, calls)
	if !s.cluster || !spread(err) {
		return out, err
	}
	for i := range writes {
		if len(writes[i].Tags) > 0 {
			wide := writes[i]
			wide.Unverified, wide.Tags = true, []cacheops.Tag{cacheops.TableTag}
			calls[i] = s.begin(w, &wide)
		}
	}
	return s.run(ctx, calls)
}

// spread reports whether an error is that the keys of a command lie on two nodes.
func spread(err error) bool {
	e, ok := rueidis.IsRedisErr(err)
	return ok && strings.HasPrefix(e.Error(), "TRYAGAIN")
}

// maxProof is how long a proof may be: its length is kept in two bytes. Proofs
// are some dozens of bytes; one that is cut short proves nothing, and its writer
// stays in doubt.
const maxProof = 1<<16 - 1

func clip(proof string) string { return proof[:min(len(proof), maxProof)] }

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// End implements [cacheops.Store]. It goes on when ctx is cancelled, for no
// longer than Options.WriteTimeout.
func (s *Store) End(ctx context.Context, w cacheops.Writer, tables []string) error {
	return s.finish(ctx, "end a write", "end", w.ID, "", s.endTables(w.ID, tables))
}

// Doubt implements [cacheops.Store]. It goes on when ctx is cancelled, as End
// does. Where it fails the lease's end does the same.
func (s *Store) Doubt(ctx context.Context, w cacheops.Writer, tables []string) error {
	return s.finish(ctx, "declare a write doubtful", "doubt", w.ID, clip(w.Proof), s.endTables(w.ID, tables))
}

// Clear implements [cacheops.Store]. It goes on when ctx is cancelled, as End
// does.
func (s *Store) Clear(ctx context.Context, d cacheops.Doubt) error {
	what, arg := "end", ""
	if d.Writer.ID == 0 {
		what, arg = "lift", eight(d.Epoch)
	}
	return s.finish(ctx, "clear a doubt", what, d.Writer.ID, arg, []string{d.Table})
}

func (s *Store) finish(ctx context.Context, verb, what string, id uint64, arg string, tables []string) error {
	ctx, cancel, err := s.bounded(context.WithoutCancel(ctx), s.opts.WriteTimeout)
	if err != nil {
		return failed(verb, err)
	}
	defer cancel()
	calls := make([]call, len(tables))
	for i, name := range tables {
		calls[i] = s.table(name).prepare(scriptFinish, what, eight(id), arg)
	}
	if _, err := s.run(ctx, calls); err != nil {
		return failed(verb, err)
	}
	return nil
}
