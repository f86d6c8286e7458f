package cacheops

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Config is how a cache behaves. A nil Config, like the zero one, caches
// nothing but what [With] asks for.
type Config struct {
	// Rules say what is cached without being asked. The first whose Tables
	// match a read's main table (the first in FROM) decides. Every table of the
	// read is tracked whatever the rules say.
	Rules []Rule

	// TTL is how long an entry lives where neither its rule nor its call says.
	// Zero: one hour.
	TTL time.Duration

	// Partition, if not nil, names the tenant of a call: a part of every key, so
	// that tenants never share entries. Where ok is false the call is not
	// cached. Tags are not partitioned: tenants that share a table share its
	// drops. It must be quick, and safe for concurrent use.
	Partition func(ctx context.Context) (tenant string, ok bool)

	// MaxShapes bounds the shapes registered per table, and with them what a
	// write costs. Reads of further shapes are kept under a wider one. Zero: 64.
	MaxShapes int

	// MaxTags bounds the stamps that one entry checks; beyond it the entry
	// depends on more of its tables. Zero: 100.
	MaxTags int

	// DegradeOnFailure lets writes commit while the store cannot be reached.
	// Their drops are queued and sent in order later; until then this cache does
	// not cache the tables they touch, but other caches over the store may serve
	// what was written over, and a crash loses the queue. False: such a write
	// fails before its commit, with [ErrStore].
	DegradeOnFailure bool

	// Codec encodes the values of functions ([NewFunc]) and of the simple cache
	// ([Load]). Nil: [CBOR].
	Codec Codec

	// Hooks observe the cache. The zero Hooks observe nothing.
	Hooks Hooks
}

// Rule says what is cached of the tables that match.
type Rule struct {
	// Tables is a glob, as [path.Match] knows it, on the table's name without
	// schema, in lower case. Required.
	Tables string
	// Ops are cached without being asked. Zero: none, only what [With] asks for.
	Ops Ops
	// TTL of the entries. Zero: Config.TTL.
	TTL time.Duration
	// Fresh makes certain of every hit; see [Call.Fresh].
	Fresh bool
	// Lock is how long a missed read may wait for another process that is loading
	// the same result, instead of loading it as well. It needs a store that can
	// tell ([Locker]), and costs a miss some round trips. Within a process, reads
	// that miss together share one load in any case. Zero: it does not wait.
	Lock time.Duration
	// CacheOnSave has a row that an adapter knows as an object (gormcache) read
	// anew as soon as its save is committed, so that the next read by one of these
	// unique columns is a hit, with what was committed. [PrimaryKey] stands for the
	// key. These reads are kept even where Ops does not name them. Each costs a
	// save two reads. Nil: none.
	CacheOnSave []string
	// Never forbids caching these tables at all, [With] included: any read that
	// touches one of them. Here too the first rule that matches the table
	// decides, so it stands before a wider one.
	Never bool
	// DBAgnostic leaves the database's name out of keys and tags, so that
	// replicas and shards attached under several names share entries and drops.
	// A read shares only if all its tables are agnostic. All caches over one
	// store must say the same of a table, or they do not see each other's drops.
	DBAgnostic bool
}

// PrimaryKey in a Rule's CacheOnSave is a table's primary key, if that is one column.
const PrimaryKey = "primary key"

const (
	defaultTTL       = time.Hour
	defaultMaxShapes = 64
	defaultMaxTags   = 100
)

func (c *Config) withDefaults() Config {
	var d Config
	if c != nil {
		d = *c
	}
	if d.TTL == 0 {
		d.TTL = defaultTTL
	}
	if d.MaxShapes == 0 {
		d.MaxShapes = defaultMaxShapes
	}
	if d.MaxTags == 0 {
		d.MaxTags = defaultMaxTags
	}
	if d.Codec == nil {
		d.Codec = CBOR()
	}
	return d
}

func (c *Config) validate() error {
	for i := range c.Rules {
		if err := c.Rules[i].validate(); err != nil {
			return fmt.Errorf("cacheops: Config.Rules[%d].%w", i, err)
		}
	}
	switch {
	case c.TTL < 0:
		return fmt.Errorf("cacheops: Config.TTL: %v is negative", c.TTL)
	case c.MaxShapes < 0:
		return fmt.Errorf("cacheops: Config.MaxShapes: %d is negative", c.MaxShapes)
	case c.MaxTags < 0:
		return fmt.Errorf("cacheops: Config.MaxTags: %d is negative", c.MaxTags)
	}
	return nil
}

func (r *Rule) validate() error {
	switch {
	case r.Tables == "":
		return r.bad("Tables", "is empty; \"*\" matches every table")
	case strings.Contains(r.Tables, "."):
		return r.bad("Tables", "%q matches nothing: a rule sees a table's name without its schema", r.Tables)
	case r.TTL < 0:
		return r.bad("TTL", "%v is negative", r.TTL)
	case r.Lock < 0:
		return r.bad("Lock", "%v is negative", r.Lock)
	case r.Ops&^All != 0:
		return r.bad("Ops", "%#x has unknown bits", uint8(r.Ops))
	case r.Never && (r.Ops != 0 || r.TTL != 0 || r.Fresh || r.Lock != 0 || len(r.CacheOnSave) > 0):
		return r.bad("Never", "excludes Ops, TTL, Fresh, Lock and CacheOnSave")
	}
	if _, err := path.Match(r.Tables, ""); err != nil {
		return r.bad("Tables", "%q is no glob: %w", r.Tables, err)
	}
	for i, column := range r.CacheOnSave {
		if column == "" || slices.Contains(r.CacheOnSave[:i], column) {
			return r.bad("CacheOnSave", "%q is empty or there twice", column)
		}
	}
	return nil
}

// bad is the error of a field of the rule.
func (*Rule) bad(field, format string, args ...any) error {
	return fmt.Errorf(field+": "+format, args...)
}

// rule returns the first rule that matches a table's name (its schema, if it
// has one before a dot, left out), or nil.
func (c *Config) rule(table string) *Rule {
	name := strings.ToLower(table[strings.LastIndexByte(table, '.')+1:])
	for i := range c.Rules {
		if ok, _ := path.Match(strings.ToLower(c.Rules[i].Tables), name); ok {
			return &c.Rules[i]
		}
	}
	return nil
}

func (c *Config) agnostic(table string) bool {
	r := c.rule(table)
	return r != nil && r.DBAgnostic
}

func (c *Config) never(table string) bool {
	r := c.rule(table)
	return r != nil && r.Never
}

func (c *Config) anyAgnostic() bool {
	for i := range c.Rules {
		if c.Rules[i].DBAgnostic {
			return true
		}
	}
	return false
}
