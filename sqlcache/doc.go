// Package sqlcache puts the cache under database/sql: what it opens is an
// ordinary *sql.DB, for database/sql itself and for whatever is built on it.
//
//	connector, err := sqlite.NewConnector("app.db")
//	…
//	db := sqlcache.OpenDB(cache, connector, nil)
//
// The connections of that *sql.DB are virtual. They cost nothing, and lease a
// real one from an inner pool only for a read that the cache cannot answer, a
// write, or a transaction. A hit takes no real connection. Limits on
// connections therefore belong to the inner pool, in [Options]; limits set on
// the *sql.DB itself would make hits wait for transactions.
//
// Reads inside a transaction go to the database. So do the reads of a
// connection whose session was changed (PRAGMA, ATTACH, temporary objects):
// its real connection stays with it and is closed with it.
//
// Rows from the cache say of their columns what the driver said before the first
// row. SQLite's driver goes by the row it stands on; whoever asks after later
// rows can see the difference where they are of different types. Where an
// INSERT … RETURNING breaks a deferred key with its commit, the error comes from
// the query, and not after the rows.
//
// Writes run with what they need to be seen: on SQLite an autocommit write
// runs in a transaction of its own, BEGIN IMMEDIATE … COMMIT.
//
// SQLite and PostgreSQL are the dialects so far; docs/databases.md says what they
// need.
package sqlcache
