package redisstore

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/redis/rueidis"
)

const (
	// leastConnTimeout is what a connection waits for an answer at least before
	// it is given up. The client's default, ten seconds, would have all calls on a
	// hung server's connection wait in turn.
	leastConnTimeout = 500 * time.Millisecond
	// dialTimeout bounds the making of a connection. Callers wait no longer than
	// their own timeout all the same.
	dialTimeout = 2 * time.Second
	// topologyEvery is how often the nodes of a Cluster, or the master of a
	// Sentinel, are asked for, should a change have passed unnoticed.
	topologyEvery = 5 * time.Second
)

// clientOptions reads a URL. The client's retries are off: they go on until the
// context ends, on a server that is down. A call that may be repeated is repeated
// once; see run.
func (s *Store) clientOptions(address string) (rueidis.ClientOption, error) {
	opt, err := rueidis.ParseURL(address)
	if err != nil {
		return opt, fmt.Errorf("parse the URL: %w", withoutURL(err))
	}
	if s.opts.TLS != nil {
		opt.TLSConfig = s.opts.TLS
	}
	d := &dialer{connections: s.conns, username: opt.Username, password: opt.Password, unix: opt.DialCtxFn != nil}
	opt.DialCtxFn = d.dial
	opt.Dialer.Timeout = dialTimeout
	opt.Dialer.KeepAlive = leastConnTimeout
	opt.ConnWriteTimeout = max(leastConnTimeout, s.opts.Timeout, s.opts.WriteTimeout)
	opt.DisableRetry = true
	// One connection to a server: what it pushes is then in order with what it
	// answers, and what a heartbeat learns holds for all.
	opt.PipelineMultiplex = -1
	opt.Sentinel.Username, opt.Sentinel.Password = s.opts.SentinelUsername, s.opts.SentinelPassword
	opt.Sentinel.TLSConfig = opt.TLSConfig
	opt.Sentinel.Dialer = opt.Dialer
	opt.Sentinel.TopologyRefreshInterval = topologyEvery
	opt.ClusterOption.ShardsRefreshInterval = topologyEvery
	opt.ClusterOption.MaxMovedRedirections = 3
	opt.DisableCache = s.opts.Mode != Tracked
	if s.opts.Mode == Tracked {
		opt.ClientTrackingOptions = []string{"BCAST", "PREFIX", s.names.own, "PREFIX", s.names.stamp}
		opt.OnInvalidations = s.pushed
		opt.CacheSizeEachConn = 1
	}
	return opt, nil
}

// withoutURL takes the URL, which may hold a password, out of an error.
func withoutURL(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return u.Err
	}
	return err
}
