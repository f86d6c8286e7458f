package pgxcache

import (
	"encoding/binary"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// A result goes through the engine as rows of one column: its name is what pgx
// tells of the real columns, and a row's value all its raw values. A string can be
// kept as it is, where bytes would be copied one by one with every replay.

// packFields is the inverse of unpackFields.
func packFields(fields []pgconn.FieldDescription) string {
	if fields == nil {
		return ""
	}
	b := binary.AppendUvarint(nil, uint64(len(fields)))
	for i := range fields {
		f := &fields[i]
		b = binary.AppendUvarint(b, uint64(len(f.Name)))
		b = append(b, f.Name...)
		b = binary.BigEndian.AppendUint32(b, f.TableOID)
		b = binary.BigEndian.AppendUint16(b, f.TableAttributeNumber)
		b = binary.BigEndian.AppendUint32(b, f.DataTypeOID)
		b = binary.BigEndian.AppendUint16(b, uint16(f.DataTypeSize))
		b = binary.BigEndian.AppendUint32(b, uint32(f.TypeModifier))
		b = binary.BigEndian.AppendUint16(b, uint16(f.Format))
	}
	return string(b)
}

// errForm says that an entry is not of this package's making.
var errForm = errors.New("pgxcache: a kept result of an unknown form")

// fieldBytes is what a field takes besides its name.
const fieldBytes = 4 + 2 + 4 + 2 + 4 + 2

// unpackFields gives fields of the caller's own.
func unpackFields(s string) ([]pgconn.FieldDescription, error) {
	if s == "" {
		return nil, nil
	}
	n, s, ok := uvarint(s)
	if !ok || n > uint64(len(s)) {
		return nil, errForm
	}
	fields := make([]pgconn.FieldDescription, n)
	for i := range fields {
		var size uint64
		if size, s, ok = uvarint(s); !ok || size > uint64(len(s)) || uint64(len(s))-size < fieldBytes {
			return nil, errForm
		}
		f := &fields[i]
		f.Name, s = s[:size], s[size:]
		f.TableOID = be32(s)
		f.TableAttributeNumber = be16(s[4:])
		f.DataTypeOID = be32(s[6:])
		f.DataTypeSize = int16(be16(s[10:]))
		f.TypeModifier = int32(be32(s[12:]))
		f.Format = int16(be16(s[16:]))
		s = s[fieldBytes:]
	}
	return fields, nil
}

func be16(s string) uint16 { return uint16(s[0])<<8 | uint16(s[1]) }

func be32(s string) uint32 { return uint32(be16(s))<<16 | uint32(be16(s[2:])) }

func uvarint(s string) (n uint64, rest string, ok bool) {
	for i := 0; i < len(s) && i < binary.MaxVarintLen64; i++ {
		n |= uint64(s[i]&0x7f) << (7 * i)
		if s[i] < 0x80 {
			return n, s[i+1:], true
		}
	}
	return 0, s, false
}

// packRow is the inverse of unpackRow.
func packRow(b []byte, values [][]byte) []byte {
	for _, v := range values {
		if v == nil {
			b = append(b, 0)
			continue
		}
		b = binary.AppendUvarint(b, uint64(len(v))+1)
		b = append(b, v...)
	}
	return b
}

// unpackRow copies a row to buf and sets values to parts of it, nil for NULL. No
// part reaches into the next one.
func unpackRow(s string, buf []byte, values [][]byte) ([]byte, error) {
	buf = append(buf[:0], s...)
	at := 0
	for i := range values {
		n, used := binary.Uvarint(buf[at:])
		if used <= 0 {
			return buf, errForm
		}
		at += used
		if n == 0 {
			values[i] = nil
			continue
		}
		n--
		if n > uint64(len(buf)-at) {
			return buf, errForm
		}
		end := at + int(n)
		values[i] = buf[at:end:end]
		at = end
	}
	if at != len(buf) {
		return buf, errForm
	}
	return buf, nil
}
