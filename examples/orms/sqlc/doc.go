// Package sqlc is the blog with sqlc. The generated code goes over the cached
// *sql.DB, or over a pool of pgxcache's:
//
//	q := db.New(sqlcache.OpenDB(cache, connector, nil))
//	q := pgdb.New(pgxcache.New(cache, pool, nil))
//
// How a query is cached stands in the query, in a comment that sqlc keeps because it
// does not begin a line.
package sqlc

//go:generate go run github.com/sqlc-dev/sqlc/cmd/sqlc@v1.30.0 generate
