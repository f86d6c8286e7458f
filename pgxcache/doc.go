// Package pgxcache puts the cache under pgx: what [New] makes of a pool is used
// like that pool, by pgx's own helpers and by code that sqlc generates for pgx.
//
//	pgxPool, err := pgxpool.New(ctx, "postgres://…")
//	…
//	pool := pgxcache.New(cache, pgxPool, nil)
//	rows, err := pool.Query(ctx, "SELECT id, name FROM users WHERE id = $1", 7)
//
// A hit takes no connection of the pool beneath: it replays the bytes that the
// server sent, with their formats, through pgx's own decoding, into memory of the
// caller's own. Reads in a transaction go to the database, and its writes drop what
// they could have changed when it commits.
//
// [NewConn] is for a connection in no pool, [Pool.WrapTx] for a transaction that was
// begun past the cache.
//
// Rows have no Conn, and errors are pgx's. docs/pgx.md says what else differs.
package pgxcache
