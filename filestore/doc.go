// Package filestore keeps values by name in the files of a directory, for a time:
// a [cacheops.BytesStore] for results that are large or slow to make, shared by
// the processes of one machine and by their next runs.
//
//	store, err := filestore.Open("/var/cache/shop", nil)
//	…
//	err = store.SetBytes(ctx, "report 2026-11", pdf, 24*time.Hour)
//	pdf, err = store.GetBytes(ctx, "report 2026-11")
//
// Any number of goroutines and processes may read and write at once. A value is
// written aside and renamed into its place, so that a reader finds the old one or
// the new one, whole; what a crash left behind (of the machine too) does not fit
// its checksum and is a miss, as is a file that somebody else put there.
//
// Nothing is deleted where values are read: a thousand requests that find one
// expired value do not queue up to remove it. Expired values go by [Store.Clean],
// which a program runs now and then, or cron by "cacheops clean-files". The size
// of the directory is bounded by [Options.MaxBytes].
//
// # Limits
//
// The directory is on a local file system and belongs to one user: what is in it
// is believed. Times are those of the machine's clock. Where that was set back,
// what was written "later" is a miss until its time comes.
package filestore
