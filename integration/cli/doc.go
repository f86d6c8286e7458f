// Package cli runs the command line as processes of its own beside programs that
// cache, on real servers.
package cli
