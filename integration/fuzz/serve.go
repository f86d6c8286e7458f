package fuzz

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Serve executes what a [Client] in another process asks, on a database behind
// rec, until in ends. Requests run at the same time, those of one session one
// after the other, as the client sends them. tell answers what [Client.Tell] says.
func Serve(ctx context.Context, in io.Reader, out io.Writer, db *sql.DB, rec *Recorder, tell func(string) string) error {
	s := &server{db: db, rec: rec, tell: tell, out: json.NewEncoder(out), sessions: make(map[int]*session)}
	defer s.close()
	dec := json.NewDecoder(in)
	for {
		var r request
		if err := dec.Decode(&r); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("read a request: %w", err)
		}
		s.running.Go(func() { s.answer(ctx, &r) })
	}
}

type server struct {
	db      *sql.DB
	rec     *Recorder
	tell    func(string) string
	running sync.WaitGroup

	mu       sync.Mutex
	out      *json.Encoder
	sessions map[int]*session
}

func (s *server) close() {
	s.running.Wait()
	for _, ss := range s.sessions {
		ss.close()
	}
}

func (s *server) answer(ctx context.Context, r *request) {
	a, hit, err := s.do(ctx, r)
	if err != nil {
		a.err = err
	}
	resp := response{ID: r.ID, Cols: a.cols, Rows: a.rows, Affected: a.affected, Hit: hit, Err: wireError(a.err)}
	s.mu.Lock()
	defer s.mu.Unlock()
	// A coordinator that is gone needs no answer.
	_ = s.out.Encode(&resp)
}

func (s *server) do(ctx context.Context, r *request) (a answer, hit bool, err error) {
	switch {
	case r.Attempt != nil:
		at, err := r.Attempt.attempt()
		if err != nil {
			return a, false, err
		}
		return answer{err: (&local{db: s.db}).try(ctx, at)}, false, nil
	case r.Op == nil:
		return answer{affected: s.tell(r.Tell)}, false, nil
	}
	op, err := r.Op.op(r.Session)
	if err != nil {
		return a, false, err
	}
	if r.Session < 0 {
		return (&local{db: s.db}).query(ctx, Call{op.SQL, op.Args}), false, nil
	}
	ss, err := s.session(ctx, r.Session)
	if err != nil {
		return a, false, err
	}
	s.rec.watch(op.SQL)
	a = ss.do(ctx, op)
	return a, op.Read && !s.rec.seen() && a.err == nil, nil
}

func (s *server) session(ctx context.Context, i int) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sessionOf(ctx, s.sessions, s.db, i)
}
