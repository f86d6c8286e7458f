package filestore

import "time"

// SetClock has the store take now for the time.
func (s *Store) SetClock(now func() time.Time) { s.now = now }

// Path is where the value of a name is.
func (s *Store) Path(name string) string { return s.path(name) }

// HeaderSize is where the name begins in a file.
const HeaderSize = headerSize

// Stretch is how much of a file is summed at once.
const Stretch = stretch
