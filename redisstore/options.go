package redisstore

import (
	"crypto/tls"
	"fmt"
	"strings"
	"time"
)

// Options are what a store may be told besides where its server is. A nil
// *Options, like the zero one, is good for most programs.
type Options struct {
	// Prefix begins the name of every key of the store. It is for separate
	// databases: two stores with different prefixes over one database do not see
	// each other's writes. No braces, no glob characters. Empty: "cacheops".
	Prefix string

	// Mode says how a hit learns that it is still true. Zero: Validated.
	Mode Mode

	// LocalBytes bounds the values kept in the process. Zero: 64 MiB. Negative:
	// none are kept, and every hit fetches its value.
	LocalBytes int64

	// Timeout bounds what a read waits for the server, beyond which it goes to
	// the database. Zero: 100 ms.
	Timeout time.Duration

	// WriteTimeout bounds what a commit waits for the server, beyond which it
	// fails. Zero: 500 ms.
	WriteTimeout time.Duration

	// Lease is how long a writer may take from Begin to End before its outcome is
	// in doubt and the database is asked about it. Zero: 30 s.
	Lease time.Duration

	// Heartbeat bounds how long Tracked serves values while it hears nothing
	// from a server, and how long a connection may go on after its server was
	// demoted and promoted again. Zero: one second; at least 10 ms.
	Heartbeat time.Duration

	// TLS, if not nil, is used for all connections, whatever the URL's scheme.
	TLS *tls.Config

	// SentinelUsername and SentinelPassword are what Sentinels want to hear, if
	// anything; the URL's are for the servers that they name. Empty: nothing.
	SentinelUsername, SentinelPassword string

	// CompressAbove is the size in bytes from which entries are compressed.
	// Zero: 2 KiB. Negative: never.
	CompressAbove int

	// Keys encrypt the entries: secrets of 32 bytes. The first encrypts, any
	// decrypts, the last names keys; put a new one in front and take the old one
	// away when its entries are over. None: entries are not encrypted.
	Keys [][]byte
}

// Mode says how a hit learns that it is still true.
type Mode uint8

const (
	// Validated asks the server about a hit's stamps, in one round trip: a hit is
	// what the database would return.
	Validated Mode = iota
	// Tracked asks nobody: the server tells what was dropped. A process sees its
	// own writes at once, and others' when they arrive; when it hears nothing
	// for Options.Heartbeat it serves nothing. A call or rule that says Fresh is
	// validated all the same.
	Tracked
)

const (
	defaultPrefix       = "cacheops"
	defaultTimeout      = 100 * time.Millisecond
	defaultWriteTimeout = 500 * time.Millisecond
	defaultLease        = 30 * time.Second
	defaultHeartbeat    = time.Second
	leastHeartbeat      = 10 * time.Millisecond
)

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.Prefix == "" {
		d.Prefix = defaultPrefix
	}
	for _, f := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&d.Timeout, defaultTimeout},
		{&d.WriteTimeout, defaultWriteTimeout},
		{&d.Lease, defaultLease},
		{&d.Heartbeat, defaultHeartbeat},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	return d
}

func (o *Options) validate() error {
	if i := strings.IndexAny(o.Prefix, "{}*?[]\\"); i >= 0 {
		return fmt.Errorf("redisstore: Options.Prefix: %q has a %q", o.Prefix, o.Prefix[i])
	}
	for name, d := range map[string]time.Duration{"Timeout": o.Timeout, "WriteTimeout": o.WriteTimeout} {
		if d < 0 {
			return fmt.Errorf("redisstore: Options.%s: %v is negative", name, d)
		}
	}
	switch {
	case o.Lease < time.Millisecond:
		return fmt.Errorf("redisstore: Options.Lease: %v is less than a millisecond", o.Lease)
	case o.Heartbeat < leastHeartbeat:
		return fmt.Errorf("redisstore: Options.Heartbeat: %v is less than %v", o.Heartbeat, leastHeartbeat)
	case o.Mode > Tracked:
		return fmt.Errorf("redisstore: Options.Mode: there is no mode %d", o.Mode)
	}
	return nil
}
