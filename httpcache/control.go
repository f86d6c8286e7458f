package httpcache

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// directives are those of a Cache-Control field, in lower case, with the text of
// their argument. Of a directive that is given twice the stricter counts.
type directives map[string]string

// unreadable stands among the directives for what is none. It may have been meant to
// be the strictest.
const unreadable = ""

// control reads a header's Cache-Control. nil has no directives.
func control(h http.Header) directives {
	values := h["Cache-Control"]
	if len(values) == 0 {
		return nil
	}
	d := make(directives)
	for _, v := range values {
		for v != "" {
			var one string
			one, v = cutQuoted(v)
			if one = strings.TrimSpace(one); one == "" {
				continue
			}
			name, arg, _ := strings.Cut(one, "=")
			name, arg = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(arg)
			inner, quoted := strings.CutPrefix(arg, `"`)
			if quoted {
				arg, quoted = strings.CutSuffix(inner, `"`)
			}
			if !isToken(name) || !quoted && arg != "" && !isToken(arg) {
				name = unreadable
			}
			d.add(name, arg)
		}
	}
	return d
}

// isToken reports whether a text is one word to HTTP.
func isToken(s string) bool {
	return s != "" && !strings.ContainsAny(s, " \t\"(),/:;<=>?@[\\]{}")
}

// cutQuoted cuts a list at its first comma that is not in a quoted string.
func cutQuoted(s string) (first, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func (d directives) add(name, arg string) {
	if old, ok := d[name]; ok && seconds(old) < seconds(arg) {
		return
	}
	d[name] = arg
}

func (d directives) has(name string) bool {
	_, ok := d[name]
	return ok
}

// age returns a directive's argument as a time. One that cannot be read is zero,
// which is the strictest.
func (d directives) age(name string) (age time.Duration, ok bool) {
	arg, ok := d[name]
	return seconds(arg), ok
}

// maxSeconds is as RFC 9111 wants larger ones to be understood.
const maxSeconds = 1 << 31

func seconds(s string) time.Duration {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		if !errors.Is(err, strconv.ErrRange) {
			return 0
		}
		n = maxSeconds
	}
	return time.Duration(min(n, maxSeconds)) * time.Second
}

// asked is what a request wants of a cache.
type asked struct {
	anew    bool // no-cache, no-store, max-age=0, what cannot be read
	only    bool // only-if-cached
	maxAge  time.Duration
	bounded bool // there is a maxAge
	fresh   time.Duration
}

func askedBy(h http.Header) asked {
	d := control(h)
	if d == nil {
		// Pragma counts only where there is no Cache-Control.
		return asked{anew: strings.Contains(strings.ToLower(strings.Join(h["Pragma"], ",")), "no-cache")}
	}
	a := asked{only: d.has("only-if-cached")}
	a.maxAge, a.bounded = d.age("max-age")
	a.fresh, _ = d.age("min-fresh")
	a.anew = d.has("no-cache") || d.has("no-store") || d.has(unreadable) || a.bounded && a.maxAge == 0
	return a
}

// takes reports whether a kept page is what was asked for.
func (a *asked) takes(p *page, now time.Time) bool {
	age := p.age(now)
	switch {
	case p.Fresh > 0 && age+a.fresh >= time.Duration(p.Fresh):
		return false
	case a.bounded && age > a.maxAge:
		return false
	}
	return true
}

// aged returns how old a response is by its header: it may come from another cache.
func aged(h http.Header) time.Duration { return seconds(h.Get("Age")) }

// lifetime returns how long a response is good by its header; ok is false where
// that does not say.
func lifetime(h http.Header, d directives, now time.Time) (life time.Duration, ok bool) {
	if life, ok := d.age("s-maxage"); ok {
		return life, true
	}
	if life, ok := d.age("max-age"); ok {
		return life, true
	}
	expires, ok := h["Expires"]
	if !ok || len(expires) == 0 {
		return 0, false
	}
	at, err := http.ParseTime(expires[0])
	if err != nil || len(expires) > 1 {
		return 0, true
	}
	from := now
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		from = date
	}
	return max(at.Sub(from), 0), true
}
