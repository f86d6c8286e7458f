// Package postgres tests sqlcache on a real PostgreSQL, through pgx and lib/pq.
package postgres
