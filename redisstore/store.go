package redisstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/redis/rueidis"

	"github.com/cacheops/cacheops/memstore"
)

var errClosed = errors.New("redisstore: the store is closed")

// Store is a cacheops.Store in Redis. It is made by [New].
type Store struct {
	opts     Options
	linking  sync.Mutex     // guards client and cluster while they are being made; see usable
	client   rueidis.Client // nil before the server was found
	cluster  bool
	absent   atomic.Pointer[absence] // nil once it was
	names    names
	envelope *envelope
	conns    *connections
	local    *memstore.Store // nil without a local tier
	pulse    pulse
	reads    deadlines
	pushes   pushes
	epochs   epochs
	tables   sync.Map // by name, *table
	flying   inFlight
	locks    *locks

	ctx    context.Context // ends with the store
	cancel context.CancelFunc
	bg     sync.WaitGroup
	closed sync.Once
}

// New connects to the server that a URL names:
//
//	redis://[user:password@]host[:port][/database]
//	rediss://…                                       over TLS
//	unix://[user:password@]/path/to/socket?db=0
//	redis://host:port?addr=host2:port2&addr=…        any node of a Cluster, several to be safe
//	redis://sentinel:26379?addr=…&master_set=name    Sentinels; the master's database is in the path
//
// valkey:// and valkeys:// mean the same as redis:// and rediss://. It fails if
// the URL or an option is invalid, naming it, and if the server is there and
// refuses: a wrong password, a version that is too old, a replica where nobody could promote it. If the server
// cannot be reached, the store goes on looking for it, and its calls fail until
// it is found. Close the store when it is no longer needed.
func New(url string, o *Options) (*Store, error) {
	opts := o.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	env, err := newEnvelope(opts.CompressAbove, opts.Keys)
	if err != nil {
		return nil, err
	}
	s := &Store{opts: opts, names: newNames(opts.Prefix), envelope: env, conns: newConnections()}
	if opts.LocalBytes >= 0 {
		s.local = memstore.New(opts.LocalBytes)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.locks = newLocks(s)
	s.reads.parent, s.reads.timeout = s.ctx, opts.Timeout
	opt, err := s.clientOptions(url)
	if err == nil {
		s.absent.Store(&absence{errors.New("it is the first attempt")})
		err = s.connect(opt)
		if elects := s.cluster || opt.Sentinel.MasterSet != ""; err != nil && !hopeless(err, elects) {
			s.absent.Store(&absence{err})
			err = nil
		}
	}
	if err != nil {
		s.cancel()
		return nil, errors.Join(fmt.Errorf("redisstore: connect: %w", err), s.closeLocal())
	}
	s.bg.Go(func() { s.seek(opt) })
	return s, nil
}

// Close closes the connections and waits for the store's goroutines. Calls
// under way fail.
func (s *Store) Close() (err error) {
	s.closed.Do(func() {
		s.cancel()
		s.locks.close()
		s.hangUp()
		s.bg.Wait()
		s.pulse.stop()
		err = s.closeLocal()
	})
	return err
}

func (s *Store) closeLocal() error {
	if s.local == nil {
		return nil
	}
	return s.local.Close()
}

// table returns what a table's keys are called.
func (s *Store) table(name string) *table {
	if t, ok := s.tables.Load(name); ok {
		return t.(*table)
	}
	t, _ := s.tables.LoadOrStore(name, s.names.of(name, s.place()))
	return t.(*table)
}

func (s *Store) place() string {
	if s.cluster {
		return placeholder
	}
	return anyPlace
}
