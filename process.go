package cacheops

// An InProcess is a store that lives and ends with the process: nobody else has a
// share in it, and what it knows of writers it never loses. A [Store] may say so.
// One that does not is taken for one that other processes share.
type InProcess interface {
	// InProcess does nothing: having it says it.
	InProcess()
}

// Shared reports whether the store of the database's cache may be other processes'
// too, who must then be able to tell whether this one may still write.
func (d *Database) Shared() bool {
	_, alone := d.cache.store.(InProcess)
	return !alone
}

// Identity is what the adapter gave as [Backend.Identity].
func (d *Database) Identity() string { return d.backend.Load().Identity }
