package adaptertest

import (
	"fmt"
	"strings"

	"github.com/cacheops/cacheops"
)

// hints: comments in the text, which reach the adapter whoever has written them.
func hints(s *suite) {
	for _, q := range []string{
		"/* cacheops: off */ " + byKey,
		byKey + " -- cacheops: off",
		strings.Replace(byKey, "FROM", "/* cacheops: off */ FROM", 1),
		strings.Replace(byKey, "FROM", "-- cacheops: ttl=1m\n-- cacheops: of\nFROM", 1),
		byKey + " /* cacheops: ttl=30 */",
		byKey + " /* cacheops: writeonly */",
	} {
		for range 3 {
			if _, hit := s.check(q, 1); hit {
				s.Errorf("%s: a hit", q)
			}
		}
	}
	for i, q := range []string{
		"/* cacheops: ttl=1h ops=all extra=a */ " + byKey,
		"/* cacheops: ttl=1h ops=all extra=b */ " + byKey,
		"SELECT /* cacheops: on */ id, name FROM item WHERE id = ?",
		"SELECT id, name FROM item WHERE id = ? AND name <> '/* cacheops: off */' -- cacheops: fresh",
	} {
		if _, hit := s.check(q, 1); hit {
			s.Errorf("%s: a hit of another text's", q)
		}
		s.warm(q, 1)
		s.exec(s.Cached, "/* cacheops: off */ UPDATE item SET name = ? WHERE id = 1 -- cacheops: off", fmt.Sprint("name ", i))
		if _, hit := s.check(q, 1); hit {
			s.Errorf("%s: a hit after a write", q)
		}
	}
	s.why("/* cacheops: off */ "+byKey, "a hint says off")
	s.why("/* cacheops: offf */ "+byKey, "malformed hint")
}

// why checks the reason for which a read of row 1 does not ask the cache.
func (s *suite) why(q, want string) {
	s.Helper()
	var r cacheops.Report
	if _, err := s.Cached.Query(cacheops.With(s.ctx, cacheops.Call{Report: &r}), s.text(q), 1); err != nil {
		s.Fatalf("%s: %v", q, err)
	}
	if r.Hit || r.Why != want {
		s.Errorf("%s: %+v, want %s", q, r, want)
	}
}
