// Package httpcache tests package httpcache on a real database and under the
// routers that people use: pages from the cache are compared with the same
// handlers' over the bare database.
package httpcache
