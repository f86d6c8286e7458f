package catalog

import (
	"database/sql/driver"
	"encoding/hex"
	"strings"
	"time"

	"github.com/cacheops/cacheops/internal/dep"
)

// postgres canonicalises v for a column of PostgreSQL.
func (f *Form) postgres(v driver.Value, u use) dep.Value {
	switch f.Kind {
	case Bool:
		return pgBool(v)
	case Integer, Decimal, Float:
		return f.pgNumber(v, u)
	case VarText, PadText, Enum:
		return f.pgText(v, u)
	case VarBytes:
		return pgBytes(v, u)
	case UUID:
		return pgUUID(v, u)
	}
	return f.pgTime(v, u)
}

func pgBool(v driver.Value) dep.Value {
	switch v := v.(type) {
	case bool:
		if v {
			return dep.IntValue(1)
		}
		return dep.IntValue(0)
	case string, []byte:
		switch s, _ := textual(v); s {
		case "t", "true", "y", "yes", "on", "1":
			return dep.IntValue(1)
		case "f", "false", "n", "no", "off", "0":
			return dep.IntValue(0)
		}
	}
	return dep.Value{}
}

// pgNumber: an argument of another type than the column's is converted by the
// driver or, where the driver guesses the type from Go's, by the comparison.
func (f *Form) pgNumber(v driver.Value, u use) dep.Value {
	if n, ok := Whole(v); ok && f.Kind == Integer {
		return f.inRange(dep.IntValue(n), u)
	}
	if n, ok := integerArg(v); ok {
		if f.Kind == Float && (len(n.digits)+n.exp > floatDigits || u == asStored) {
			return dep.Value{}
		}
		return f.number(n, u)
	}
	switch v := v.(type) {
	case float64:
		return f.pgFloat(v, u)
	case string:
		return f.pgNumeral(v, u)
	case []byte:
		if u == asStored {
			return f.pgNumeral(string(v), u)
		}
	}
	return dep.Value{}
}

func (f *Form) pgFloat(v float64, u use) dep.Value {
	switch f.Kind {
	case Float:
		return dep.FloatValue(v)
	case Integer:
		if u == asStored {
			return dep.Value{}
		}
		return f.inRange(exactFloat(v), u)
	}
	// A numeric that meets a double precision argument is compared as one, and
	// other numerics may be the same double.
	n, ok := shortFloat(v)
	if !ok || u == asStored || u == asCompared && (f.Precision == 0 || f.Precision > floatDigits || f.Scale < 0) {
		return dep.Value{}
	}
	return f.number(n, u)
}

func (f *Form) pgNumeral(s string, u use) dep.Value {
	n, ok := parseNumeral(s)
	if !ok || f.Kind == Integer && (!n.integral() || strings.ContainsAny(s, ".eE")) {
		return dep.Value{}
	}
	return f.number(n, u)
}

// pgText: bytes for a text are text to one driver, and a hexadecimal literal to
// another.
func (f *Form) pgText(v driver.Value, u use) dep.Value {
	s, ok := v.(string)
	if b, isBytes := v.([]byte); isBytes && u == asStored {
		s, ok = string(b), true
	}
	if !ok || strings.IndexByte(s, 0) >= 0 {
		return dep.Value{}
	}
	if f.Kind == Enum {
		return f.label(s, u)
	}
	return f.text(s, u)
}

func pgBytes(v driver.Value, u use) dep.Value {
	switch v := v.(type) {
	case []byte:
		return dep.BytesValue(string(v))
	case string:
		if digits, ok := strings.CutPrefix(v, `\x`); ok && u != asStored {
			if b, err := hex.DecodeString(digits); err == nil {
				return dep.BytesValue(string(b))
			}
		}
	}
	return dep.Value{}
}

func pgUUID(v driver.Value, u use) dep.Value {
	switch v := v.(type) {
	case [16]byte:
		return hexUUID(hex.EncodeToString(v[:]))
	case string:
		return textUUID(v)
	case []byte:
		if u == asStored {
			return textUUID(string(v))
		}
	}
	return dep.Value{}
}

// textUUID reads the forms that people write: 8-4-4-4-12 and 32 digits, either
// in braces.
func textUUID(s string) dep.Value {
	if len(s) > 2 && s[0] == '{' && s[len(s)-1] == '}' {
		s = s[1 : len(s)-1]
	}
	if len(s) == 36 {
		if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
			return dep.Value{}
		}
		s = s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	}
	return hexUUID(s)
}

func hexUUID(s string) dep.Value {
	if b, err := hex.DecodeString(s); err != nil || len(b) != 16 {
		return dep.Value{}
	}
	return dep.TextValue(strings.ToLower(s))
}

func (f *Form) pgTime(v driver.Value, u use) dep.Value {
	if t, ok := v.(time.Time); ok {
		return f.pgMoment(t, u)
	}
	s, ok := textual(v)
	if _, isString := v.(string); !ok || !isString && u != asStored {
		return dep.Value{}
	}
	switch f.Kind {
	case Date:
		return f.day(s)
	case Clock:
		return f.clock(s, u)
	case Timestamp:
		return f.wall(s, u)
	case Instant:
		t, zoned, ok := parseInstant(s)
		if !ok || !zoned && !f.Session.UTC || u == asWritten && finer(t.UnixMicro(), f.Scale) {
			return dep.Value{}
		}
		return instantValue(t)
	}
	return dep.Value{}
}

// pgMoment: for a column without a zone, some drivers pass a time's wall clock,
// others the moment, which the session's zone turns into another wall clock.
func (f *Form) pgMoment(t time.Time, u use) dep.Value {
	if u != asStored && f.Session.Microseconds {
		t = t.Truncate(time.Microsecond)
	}
	_, offset := t.Zone()
	switch {
	case f.Kind == Instant && u == asWritten && finer(t.UnixMicro(), f.Scale):
		return dep.Value{}
	case f.Kind == Instant:
		return instantValue(t)
	case u == asStored && !plainUTC(t), u != asStored && (!f.Session.UTC || offset != 0):
		return dep.Value{}
	case f.Kind == Date && (u != asStored || midnight(t)):
		return dateValue(t)
	case f.Kind == Timestamp && (u != asWritten || !finer(t.UnixMicro(), f.Scale)):
		return wallValue(t)
	}
	return dep.Value{}
}
