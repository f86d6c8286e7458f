package catalog

import (
	"database/sql/driver"
	"math"
	"time"

	"github.com/cacheops/cacheops/internal/dep"
)

// LowerBound returns a value that v, as the lower end of a range of the column
// (`column > v` and the like), does not lie below, with its family of cells. It
// is Bound where that knows v, and elsewhere on PostgreSQL and MySQL a value far
// enough from v for every way of rounding and every zone that drivers and
// sessions may apply: a time of nanoseconds is no equality, and a range all the
// same. ok is false where there is none.
func (c *Column) LowerBound(v driver.Value) (val dep.Value, family dep.Family, ok bool) {
	return c.end(v, -1)
}

// UpperBound is LowerBound for the upper end.
func (c *Column) UpperBound(v driver.Value) (val dep.Value, family dep.Family, ok bool) {
	return c.end(v, 1)
}

func (c *Column) end(v driver.Value, sign int) (dep.Value, dep.Family, bool) {
	val, family, ok := c.Bound(v)
	if ok || c.Form.Dialect == 0 || v == nil {
		return val, family, ok
	}
	f := &c.Form
	switch f.Kind {
	case Integer, Decimal:
		val = f.nearNumber(v, sign)
	case Date, Timestamp, Instant:
		val = f.nearTime(v, sign)
	}
	return val, dep.Num, val.Known()
}

// nearNumber is an integer beyond the number v. It keeps to what the column holds:
// what lies outside may be clipped.
func (f *Form) nearNumber(v driver.Value, sign int) dep.Value {
	x, ok := v.(float64)
	if l, isLiteral := v.(Literal); isLiteral && l.Type == Numeral {
		var n numeralText
		n, ok = parseNumeral(l.Text)
		x = n.value().Float()
	}
	if !ok || math.IsNaN(x) || math.Abs(x) >= 1<<50 {
		return dep.Value{}
	}
	near := dep.FloatValue(math.Floor(x) - 1)
	if sign > 0 {
		near = dep.FloatValue(math.Ceil(x) + 1)
	}
	switch {
	case f.Kind == Integer && !f.fits(near),
		f.Kind == Decimal && f.Precision > 0 && math.Abs(near.Float()) >= math.Pow10(f.Precision-f.Scale),
		f.Unsigned && near.Int() < 0:
		return dep.Value{}
	}
	return near
}

// nearTime is a time beyond v: by a second, for rounding, and by a day where v's
// wall clock may be taken in another zone.
func (f *Form) nearTime(v driver.Value, sign int) dep.Value {
	t, ok := v.(time.Time)
	slack := time.Second
	_, offset := t.Zone()
	switch {
	case ok && (f.Dialect == PostgreSQL && f.Kind == Instant || f.Session.UTC && offset == 0):
	case ok:
		slack += 24 * time.Hour
	default:
		s, isText := v.(string)
		if t, ok = parseWall(s); !ok || !isText || f.Dialect != MySQL {
			return dep.Value{}
		}
	}
	if f.Dialect == MySQL && f.Kind == Instant && !f.Session.UTC {
		return dep.Value{}
	}
	if f.Kind == Date {
		slack += 24 * time.Hour
	}
	t = t.UTC().Truncate(time.Second).Add(time.Duration(sign) * slack)
	if f.Kind == Date {
		return dateValue(t)
	}
	if f.Dialect == MySQL && f.Kind == Instant {
		return f.representable(wallValue(t), asCompared)
	}
	return wallValue(t)
}
