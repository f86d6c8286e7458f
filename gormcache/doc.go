// Package gormcache caches the reads of GORM:
//
//	db, err := gorm.Open(postgres.Open(dsn), nil)
//	…
//	err = db.Use(gormcache.New(cache, nil))
//
// From then on the rules of the cache decide which queries are answered from it,
// and every write drops what it changed when it commits. Nothing else in the
// program changes: the plugin puts [sqlcache] under GORM's own pool, so that
// finishers, Raw, Exec, Row, Rows, Connection, prepared statements, transactions,
// savepoints, preloads, associations and the *sql.DB that db.DB returns all pass
// through it. Use it right after Open, before sessions are made of the db and
// before DBResolver, whose pools are then cached as well; an operation on a pool
// that the plugin has not seen fails with [ErrBypass].
//
// One query is steered by a scope, or by the context with cacheops.With and
// cacheops.NoCache, over which the scope wins:
//
//	db.Scopes(gormcache.Cache(), gormcache.TTL(time.Minute)).Find(&articles)
//	gorm.G[Article](db, gormcache.NoCache()).Find(ctx)
//
// A hit costs about what building the statement costs: the objects that GORM made
// of a result are kept beside its rows, as long as those are valid, and every
// caller gets a deep copy. Models with fields that cannot be copied (unexported
// pointers, channels, functions), serializers of a program's own and results in
// maps are scanned from the cached rows each time. [Compile] leaves out the building
// as well. Hooks such as AfterFind run on hits too. A sql.Scanner is taken to make
// the same of the same value.
//
// Reads inside a transaction go to the database.
package gormcache
