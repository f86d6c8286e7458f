package pgxcache

import (
	"database/sql/driver"
	"encoding/binary"
	"slices"

	"github.com/jackc/pgx/v5"
)

// call is how a program wants its statement run: pgx's mode and the formats of
// the result. It goes with the statement as one more argument, the last, of which
// no text makes use, and so is part of a read's key. Only the program's own
// statements have it.
type call string

const (
	formatsNone = iota
	formatsByColumn
	formatsByOID
)

func newCall(mode pgx.QueryExecMode, columns pgx.QueryResultFormats, oids pgx.QueryResultFormatsByOID) call {
	b := []byte{byte(mode)}
	switch { // as pgx has it: those by type win
	case oids != nil:
		b = append(b, formatsByOID)
		keys := make([]uint32, 0, len(oids))
		for oid := range oids {
			keys = append(keys, oid)
		}
		slices.Sort(keys)
		for _, oid := range keys {
			b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(b, oid), uint16(oids[oid]))
		}
	case columns != nil:
		b = append(b, formatsByColumn)
		for _, f := range columns {
			b = binary.BigEndian.AppendUint16(b, uint16(f))
		}
	default:
		b = append(b, formatsNone)
	}
	return call(b)
}

func (c call) mode() pgx.QueryExecMode { return pgx.QueryExecMode(c[0]) }

// options are the arguments by which pgx is told.
func (c call) options() []any {
	out := []any{c.mode()}
	rest := []byte(c[2:])
	switch c[1] {
	case formatsByColumn:
		f := pgx.QueryResultFormats{}
		for ; len(rest) > 0; rest = rest[2:] {
			f = append(f, int16(binary.BigEndian.Uint16(rest)))
		}
		out = append(out, f)
	case formatsByOID:
		f := pgx.QueryResultFormatsByOID{}
		for ; len(rest) > 0; rest = rest[6:] {
			f[binary.BigEndian.Uint32(rest)] = int16(binary.BigEndian.Uint16(rest[4:]))
		}
		out = append(out, f)
	}
	return out
}

// callOf finds the call among the arguments; ok is false for a statement of the
// engine's own.
func callOf(args []driver.NamedValue) (c call, ok bool) {
	if len(args) == 0 {
		return "", false
	}
	c, ok = args[len(args)-1].Value.(call)
	return c, ok
}

// sent returns the program's arguments as pgx is to have them.
func sent(args []driver.NamedValue) []any {
	out := make([]any, len(args)-1)
	for i := range out {
		out[i] = args[i].Value
		if o, ok := out[i].(opaque); ok {
			out[i] = o.value
		}
		if k, ok := out[i].(*keyed); ok {
			out[i] = k.value
		}
	}
	return out
}
