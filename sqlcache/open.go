package sqlcache

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cacheops/cacheops"
)

// OpenDB opens a cached database over connections of the connector. Like
// sql.OpenDB it does not connect, and so what is wrong, a cache or connector that is
// nil among it, is told by the first statement. Closing the *sql.DB closes the inner
// pool.
func OpenDB(cache *cacheops.Cache, connector driver.Connector, opts *Options) *sql.DB {
	if cache == nil || connector == nil {
		return sql.OpenDB(unusable{})
	}
	return outer(connectorOf(cache, connector, opts))
}

// Wrap puts the cache over a pool that somebody else opened. What goes past
// the returned *sql.DB straight to db is not seen by the cache: writes there
// leave stale entries. Closing the returned *sql.DB leaves db open.
func Wrap(cache *cacheops.Cache, db *sql.DB, opts *Options) *sql.DB {
	if cache == nil || db == nil {
		return sql.OpenDB(unusable{})
	}
	e := newEngine(cache, db, opts.withDefaults())
	e.foreign = true
	if e.opts.Session == "" {
		e.opts.Session = uniqueName("pool")
	}
	return outer(&connector{engine: e, driver: db.Driver()})
}

// Driver makes a driver to be registered by name with sql.Register; the data
// source name is passed through to drv.
func Driver(cache *cacheops.Cache, drv driver.Driver, opts *Options) driver.Driver {
	if cache == nil || drv == nil {
		return unusable{}
	}
	return &cachedDriver{cache: cache, bare: drv, opts: opts}
}

// unusable is the connector, and the driver, of a program that gave nil.
type unusable struct{}

var errNil = errors.New("sqlcache: the cache, or what it is put over, is nil")

func (unusable) Connect(context.Context) (driver.Conn, error) { return nil, errNil }
func (unusable) Open(string) (driver.Conn, error)             { return nil, errNil }
func (u unusable) Driver() driver.Driver                      { return u }

// maxIdleVirtual is how many virtual connections are kept for reuse: they are
// small, and making one anew would forget its plans.
const maxIdleVirtual = 256

func outer(c *connector) *sql.DB {
	db := sql.OpenDB(c)
	db.SetMaxIdleConns(maxIdleVirtual)
	return db
}

// connector makes virtual connections.
type connector struct {
	engine *engine
	driver driver.Driver
	owned  bool // the inner pool is closed with the outer one
}

var _ io.Closer = (*connector)(nil)

func connectorOf(cache *cacheops.Cache, bare driver.Connector, opts *Options) *connector {
	o := opts.withDefaults()
	inner := sql.OpenDB(keeping{bare})
	o.limit(inner)
	if o.Session == "" {
		o.Session = sessionOf(bare)
	}
	return &connector{engine: newEngine(cache, inner, o), driver: bare.Driver(), owned: true}
}

// sessionOf is the session that a connector decides on.
func sessionOf(bare driver.Connector) string {
	if s, ok := postgresSession(bare); ok {
		return s
	}
	if s, ok := mysqlSession(bare); ok {
		return s
	}
	if d, name, ok := opened(bare); ok {
		return digest(driverName(d) + " " + name)
	}
	// Fields of the connector (a data source name) decide how rows come back.
	// A pointer among them says nothing: what it points to may change, and another
	// connector be at that address later. Such a pool shares with no other, which
	// costs entries and nothing else.
	fields := fmt.Sprintf("%T %#v", bare, bare)
	if strings.Contains(fields, "(0x") {
		return uniqueName("connector")
	}
	return digest(fields)
}

// Connect makes a virtual connection. The first one finds out what database
// this is, over a real one; the others cost nothing.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.engine.schema.Load() == nil {
		if _, err := c.engine.current(ctx); err != nil && c.engine.schema.Load() == nil {
			return nil, err
		}
	}
	return &conn{engine: c.engine}, nil
}

// Driver returns the bare driver, as a program expects that asks a *sql.DB for
// its driver.
func (c *connector) Driver() driver.Driver { return c.driver }

// Close closes the inner pool if it is ours.
func (c *connector) Close() error {
	c.engine.gone.Store(true)
	c.engine.attached()
	if !c.owned {
		return nil
	}
	return c.engine.inner.Close()
}

type cachedDriver struct {
	cache *cacheops.Cache
	bare  driver.Driver
	opts  *Options
}

var _ driver.DriverContext = (*cachedDriver)(nil)

func (d *cachedDriver) OpenConnector(name string) (driver.Connector, error) {
	var bare driver.Connector = dsnConnector{driver: d.bare, name: name}
	if dc, ok := d.bare.(driver.DriverContext); ok {
		var err error
		if bare, err = dc.OpenConnector(name); err != nil {
			return nil, err
		}
	}
	o := d.opts.withDefaults()
	if o.Session == "" {
		o.Session = digest(driverName(d.bare) + " " + name)
	}
	return connectorOf(d.cache, bare, &o), nil
}

// Open makes a connection with a pool of its own; database/sql calls
// OpenConnector instead.
func (d *cachedDriver) Open(name string) (driver.Conn, error) {
	c, err := d.OpenConnector(name)
	if err != nil {
		return nil, err
	}
	return c.Connect(context.Background())
}

// dsnConnector opens connections of a driver that has no connectors.
type dsnConnector struct {
	driver driver.Driver
	name   string
}

func (c dsnConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.name) }

func (c dsnConnector) Driver() driver.Driver { return c.driver }
