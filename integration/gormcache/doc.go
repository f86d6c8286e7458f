// Package gormcache holds the tests of the GORM plugin, on SQLite, PostgreSQL and
// MySQL or MariaDB, over the stores in memory and in Redis.
package gormcache
