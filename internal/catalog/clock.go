package catalog

import (
	"strconv"
	"strings"
	"time"

	"github.com/cacheops/cacheops/internal/dep"
)

// Dates are known from this year to that: before it calendars, signs and the
// zero date differ, after it the text's length does.
const (
	firstYear = 1000
	lastYear  = 9999
)

// offZero keeps order and leaves out zero: to MySQL a date as a condition is
// true whatever its distance from 1970.
func offZero(n int64) dep.Value {
	if n >= 0 {
		n++
	}
	return dep.IntValue(n)
}

// dateValue is the day of t's wall clock.
func dateValue(t time.Time) dep.Value {
	y, m, d := t.Date()
	if y < firstYear || y > lastYear {
		return dep.Value{}
	}
	return offZero(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// wallValue is t's wall clock in microseconds. Finer times are rounded by one
// driver and cut by the other.
func wallValue(t time.Time) dep.Value {
	y, m, d := t.Date()
	return instantValue(time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC))
}

// instantValue is the moment t in microseconds.
func instantValue(t time.Time) dep.Value {
	if y := t.UTC().Year(); y < firstYear || y > lastYear || t.Nanosecond()%1000 != 0 {
		return dep.Value{}
	}
	return offZero(t.UnixMicro())
}

func midnight(t time.Time) bool {
	return t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 && t.Nanosecond() == 0
}

// plainUTC reports whether t's wall clock is what stood in the database: in any
// other location a wall clock that its zone skips has been moved.
func plainUTC(t time.Time) bool {
	_, offset := t.Zone()
	return offset == 0 && (t.Location() == time.UTC || t.Location().String() == "")
}

// finer reports whether v, in microseconds, has more digits of the second than
// scale: what a column does with them is the session's affair.
func finer(us int64, scale int) bool {
	unit := int64(1)
	for range 6 - min(scale, 6) {
		unit *= 10
	}
	return us%unit != 0
}

// parseDate reads YYYY-MM-DD, and nothing else.
func parseDate(s string) (t time.Time, ok bool) {
	if len(s) != 10 {
		return t, false
	}
	t, err := time.Parse("2006-01-02", s)
	return t, err == nil
}

// parseWall reads YYYY-MM-DD HH:MM:SS[.ffffff], with a T or a blank between.
func parseWall(s string) (t time.Time, ok bool) {
	if len(s) < 19 || s[10] != ' ' && s[10] != 'T' {
		return t, false
	}
	day, ok := parseDate(s[:10])
	if !ok {
		return t, false
	}
	us, ok := parseClock(s[11:], 23)
	return day.Add(time.Duration(us) * time.Microsecond), ok
}

// parseInstant reads what parseWall reads, followed by Z or an offset. zoned is
// false where there is none.
func parseInstant(s string) (t time.Time, zoned, ok bool) {
	if len(s) < 19 {
		return t, false, false
	}
	at := 19 + strings.IndexAny(s[19:], "Z+-")
	if at < 19 {
		t, ok = parseWall(s)
		return t, false, ok
	}
	offset, ok := parseOffset(s[at:])
	if !ok {
		return t, true, false
	}
	t, ok = parseWall(s[:at])
	return t.Add(-offset), true, ok
}

// parseOffset reads Z, ±HH, ±HH:MM.
func parseOffset(s string) (d time.Duration, ok bool) {
	if s == "Z" {
		return 0, true
	}
	if len(s) != 3 && (len(s) != 6 || s[3] != ':') {
		return 0, false
	}
	h, ok := twoDigits(s[1:], 14)
	m := 0
	if ok && len(s) == 6 {
		m, ok = twoDigits(s[4:], 59)
	}
	d = time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
	if s[0] == '-' {
		d = -d
	}
	return d, ok
}

// parseClock reads HH:MM:SS[.ffffff] into microseconds.
func parseClock(s string, lastHour int) (us int64, ok bool) {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' {
		return 0, false
	}
	h, ok1 := twoDigits(s, lastHour)
	m, ok2 := twoDigits(s[3:], 59)
	sec, ok3 := twoDigits(s[6:], 59)
	if !ok1 || !ok2 || !ok3 {
		return 0, false
	}
	us = int64(h*3600+m*60+sec) * 1e6
	if len(s) == 8 {
		return us, true
	}
	fraction := s[9:]
	if s[8] != '.' || fraction == "" || len(fraction) > 6 || digitRun(fraction) != len(fraction) {
		return 0, false
	}
	f, err := strconv.ParseInt(fraction+"000000"[len(fraction):], 10, 64)
	return us + f, err == nil
}

// twoDigits reads the two digits at the start of s, up to most.
func twoDigits(s string, most int) (n int, ok bool) {
	if len(s) < 2 || digitRun(s[:2]) != 2 {
		return 0, false
	}
	n = int(s[0]-'0')*10 + int(s[1]-'0')
	return n, n <= most
}
