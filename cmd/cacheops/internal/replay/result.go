package replay

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"time"
)

// result is what a read returned: its columns' names and its rows, each encoded
// so that two rows are equal to the program if and only if the bytes are.
type result struct {
	head []byte
	rows [][]byte
}

// readAll reads rows to their end and closes them.
func readAll(rows *sql.Rows) (*result, error) {
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	r := &result{}
	for _, c := range columns {
		r.head = appendText(r.head, 'c', c)
	}
	values := make([]any, len(columns))
	scan := make([]any, len(columns))
	for i := range values {
		scan[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(scan...); err != nil {
			return nil, err
		}
		var row []byte
		for _, v := range values {
			row = appendValue(row, v)
		}
		r.rows = append(r.rows, row)
	}
	return r, rows.Err()
}

// appendValue keeps types apart (1, 1.0 and '1' are three values) and every
// value's end known.
func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, 'n')
	case int64:
		return binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v))
	case float64:
		return binary.BigEndian.AppendUint64(append(b, 'f'), math.Float64bits(v))
	case bool:
		if v {
			return append(b, 'T')
		}
		return append(b, 'F')
	case string:
		return appendText(b, 's', v)
	case []byte:
		return appendText(b, 'b', string(v))
	case time.Time:
		return appendText(b, 't', v.Format(time.RFC3339Nano))
	}
	return appendText(b, '?', fmt.Sprintf("%T %v", v, v))
}

func appendText(b []byte, kind byte, s string) []byte {
	b = binary.AppendUvarint(append(b, kind), uint64(len(s)))
	return append(b, s...)
}

// unordered sorts the rows of a read that asks for no order: the database may
// return them in another one tomorrow without anything having changed.
func (r *result) unordered() { slices.SortFunc(r.rows, bytes.Compare) }

func (r *result) equal(o *result) bool {
	return bytes.Equal(r.head, o.head) && slices.EqualFunc(r.rows, o.rows, bytes.Equal)
}

var seed = maphash.MakeSeed()

func (r *result) digest() uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	h.Write(r.head)
	var n [8]byte
	for _, row := range r.rows {
		binary.BigEndian.PutUint64(n[:], uint64(len(row)))
		h.Write(n[:])
		h.Write(row)
	}
	return h.Sum64()
}

// identity is what makes two reads the same to the ledger.
func identity(sql string, args []any) string {
	b := appendText(nil, 'q', sql)
	for _, a := range args {
		if n, ok := a.(namedArg); ok {
			b = appendText(b, '@', n.Name)
			a = n.Value
		}
		b = appendValue(b, a)
	}
	return string(b)
}

type namedArg = sql.NamedArg
