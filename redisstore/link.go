package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// A program must be able to start while its server is down. A store that does
// not find the server goes on looking for it, and until then all its calls fail,
// as they do when the server is lost later: reads go to the database, and writes
// do what the cache is told to. Client and cluster are set by whoever connects
// and read after usable only.

// connectEvery is the pause between two attempts to find the server.
const connectEvery = 500 * time.Millisecond

// absence is why there is no client yet.
type absence struct{ error }

// usable fails while the store has not found its server, and once it is closed.
func (s *Store) usable() error {
	if s.ctx.Err() != nil {
		return errClosed
	}
	if a := s.absent.Load(); a != nil {
		return fmt.Errorf("not connected so far: %w", a.error)
	}
	return nil
}

// connect makes the client, unless the store is closed meanwhile.
func (s *Store) connect(opt rueidis.ClientOption) error {
	client, err := rueidis.NewClient(opt)
	if err != nil {
		return err
	}
	s.linking.Lock()
	s.client, s.cluster = client, client.Mode() == rueidis.ClientModeCluster
	s.linking.Unlock()
	ctx, cancel := context.WithTimeout(s.ctx, dialTimeout)
	defer cancel()
	err = s.greet(ctx)
	if err == nil && !s.cluster && s.conns.node() {
		// The client takes any failure with "cluster" in its text, be it in the
		// host's name, for there being none.
		err = errNode
	}
	if err != nil {
		s.hangUp()
		return err
	}
	s.absent.Store(nil)
	return nil
}

// hangUp closes the client, if there is one.
func (s *Store) hangUp() {
	s.linking.Lock()
	client := s.client
	s.linking.Unlock()
	if client != nil {
		client.Close()
	}
}

// seek tries to connect until it has, or the store is closed, and then sends
// heartbeats.
func (s *Store) seek(opt rueidis.ClientOption) {
	tick := time.NewTicker(connectEvery)
	defer tick.Stop()
	for s.absent.Load() != nil {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.connect(opt); err != nil {
			s.absent.Store(&absence{err})
		}
	}
	if s.ctx.Err() != nil {
		s.hangUp() // Close may have come before the client
		return
	}
	s.beat()
}

// hopeless reports whether an error of connecting is about what was configured,
// or about the server itself, and so will not pass by waiting. Where servers elect
// a primary among them, that there is none does.
func hopeless(err error, elects bool) bool {
	for _, e := range []error{errTooOld, errAnonymous, rueidis.ErrNoCache} {
		if errors.Is(err, e) {
			return true
		}
	}
	if errors.Is(err, errNotPrimary) {
		return !elects
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	e, ok := rueidis.IsRedisErr(err)
	if !ok {
		return false
	}
	for _, passing := range []string{"LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "MISCONF", "ERR max number of clients"} {
		if strings.HasPrefix(e.Error(), passing) {
			return false
		}
	}
	return true
}
