package gormcache

import "github.com/cacheops/cacheops/sqlcache"

// Config is how the plugin caches. A nil *Config means all zero.
type Config struct {
	// Options are those of the pool; nil means all zero. Limits of the pool stay
	// those that it has: set them before Use.
	Options *sqlcache.Options
	// ObjectBytes bounds the memory of the objects that are kept beside results,
	// in bytes, their results included. Zero means 16 MiB, negative none.
	ObjectBytes int
}

const defaultObjectBytes = 16 << 20

func (c *Config) withDefaults() Config {
	var d Config
	if c != nil {
		d = *c
	}
	if d.ObjectBytes == 0 {
		d.ObjectBytes = defaultObjectBytes
	}
	return d
}
