package catalog

import (
	"context"
	"strings"

	"github.com/cacheops/cacheops/internal/dep"
)

const myColumns = `
SELECT table_name, column_name, column_type, data_type, is_nullable, column_default, extra,
	coalesce(character_maximum_length, 0), coalesce(numeric_precision, 0), coalesce(numeric_scale, 0), coalesce(datetime_precision, 0),
	coalesce(character_set_name, ''), coalesce(collation_name, ''), coalesce(generation_expression, '')
FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position`

func (r *myReader) columns(ctx context.Context) error {
	rows, err := r.rows(ctx, 14, myColumns)
	if err != nil {
		return err
	}
	for _, row := range rows {
		t := r.table(row[0])
		if t == nil {
			continue
		}
		extra := strings.ToLower(text(row[6]))
		c := Column{
			Name: strings.ToLower(text(row[1])), Real: text(row[1]), Type: text(row[2]), NotNull: text(row[4]) == "NO",
			Collation: text(row[12]), Generated: text(row[13]) != "", AutoUpdated: strings.Contains(extra, "on update"),
			Hidden: strings.Contains(extra, "invisible"),
		}
		if strings.Contains(extra, "auto_increment") {
			c.Identity = "AUTO_INCREMENT"
		}
		c.Form = r.form(&myType{
			data: strings.ToLower(text(row[3])), column: text(row[2]), length: number(row[7]), precision: number(row[8]),
			scale: number(row[9]), fraction: number(row[10]), charset: text(row[11]), collation: text(row[12]),
		})
		switch expr := text(row[13]); {
		case c.Generated:
			// A backslash may hide where a string ends.
			c.GeneratedFrom = words(expr)
			c.GeneratedPure = !strings.Contains(expr, `\`) && pureExpression(scan(expr), MySQL)
		case c.Identity == "":
			c.Default = r.defaultValue(&c, row[5] == nil, text(row[5]), extra)
		}
		t.addColumn(c)
	}
	r.cat.Index()
	return nil
}

// defaultValue returns what an INSERT that leaves the column out gives it.
func (r *myReader) defaultValue(c *Column, none bool, expr, extra string) dep.Value {
	switch {
	case none && c.NotNull:
		return dep.Value{} // an error, or the type's zero
	case none, r.maria && expr == "NULL":
		return dep.NullValue()
	case r.maria && strings.HasPrefix(expr, "'"):
		if len(expr) < 2 || strings.Contains(expr, `\`) {
			return dep.Value{}
		}
		return c.Written(strings.ReplaceAll(expr[1:len(expr)-1], "''", "'"))
	case r.maria:
		return c.Written(Literal{Type: Numeral, Text: expr})
	case strings.Contains(extra, "default_generated"), c.Form.Kind == VarBytes, c.Form.Kind == PadBytes:
		return dep.Value{} // bytes are shown as digits
	}
	return c.Written(expr)
}

// myType is what information_schema says of a column's type.
type myType struct {
	data, column                       string
	length, precision, scale, fraction int64
	charset, collation                 string
}

// myBasic is the list of types whose equality is known. Not on it, and why: FLOAT
// is compared as the double it is rounded from; SET sorts and completes its
// members; JSON would have to be normalised; geometry, INET and UUID have several
// spellings of one value.
var myBasic = map[string]struct {
	kind Kind
	bits int
}{
	"tinyint": {Integer, 8}, "smallint": {Integer, 16}, "mediumint": {Integer, 24}, "int": {Integer, 32}, "bigint": {Integer, 64},
	"decimal": {Decimal, 0}, "double": {Float, 64}, "bit": {Bits, 0}, "year": {Year, 16},
	"varchar": {VarText, 0}, "char": {PadText, 0}, "tinytext": {VarText, 0}, "text": {VarText, 0}, "mediumtext": {VarText, 0}, "longtext": {VarText, 0},
	"varbinary": {VarBytes, 0}, "binary": {PadBytes, 0}, "tinyblob": {VarBytes, 0}, "blob": {VarBytes, 0}, "mediumblob": {VarBytes, 0}, "longblob": {VarBytes, 0},
	"enum": {Enum, 0}, "date": {Date, 0}, "time": {Clock, 0}, "datetime": {Timestamp, 0}, "timestamp": {Instant, 0},
}

func (r *myReader) form(t *myType) Form {
	b := myBasic[t.data]
	f := Form{Dialect: MySQL, Session: r.session, Kind: b.kind, Bits: b.bits}
	f.Unsigned = strings.Contains(t.column, "unsigned") || strings.Contains(t.column, "zerofill")
	switch f.Kind {
	case Float:
		if strings.Contains(t.column, "(") { // DOUBLE(10,2) rounds
			f.Kind = Other
		}
	case Decimal:
		f.Precision, f.Scale = int(t.precision), int(t.scale)
	case Bits:
		f.Bits, f.Unsigned = int(t.precision), true
	case Year:
		f.Unsigned = true
	case VarText, PadText, Enum:
		f.Length, f.Text = int(t.length), r.textForm(t, f.Kind)
		f.Text.Bytes = strings.HasSuffix(t.data, "text")
		if f.Kind == Enum {
			f.Length = 0
			if f.Labels = enumLabels(t.column); f.Labels == nil {
				f.Kind = Other
			}
		}
		f.Text.NoEmpty = r.noEmpty
	case VarBytes, PadBytes:
		f.Length, f.Text.NoEmpty = int(t.length), r.noEmpty
	case Clock, Timestamp, Instant:
		f.Scale = int(t.fraction)
	}
	return f
}

// enumLabels reads enum('a','it”s'), nil where a backslash leaves a doubt.
func enumLabels(column string) (labels []string) {
	if strings.Contains(column, `\`) {
		return nil
	}
	for _, t := range scan(column) {
		if t.kind == tokString {
			labels = append(labels, t.text)
		}
	}
	return labels
}

// textForm says how a text column is compared with the connection's strings.
func (r *myReader) textForm(t *myType, k Kind) TextForm {
	noPad := strings.Contains(t.collation, "_nopad_") || strings.Contains(t.collation, "_0900_")
	tf := TextForm{Trim: !noPad || k != VarText, ASCII: !r.utf8mb4}
	ours, listed := asciiCollation(t.collation)
	switch {
	case !listed:
		return TextForm{}
	case t.charset != "utf8mb4":
		// Which collation compares is decided by the characters on the other side;
		// the coarsest that may.
		if !r.plainQuery || !asciiBytes(t.charset) {
			return TextForm{}
		}
		return TextForm{Fold: FoldASCII, Trim: true, ASCII: true}
	case ours:
		tf.Fold, tf.Ordered = FoldNone, true
		return tf
	}
	tf.Fold = FoldASCII
	return tf
}

// asciiBytes reports whether ASCII is the same bytes in a character set.
func asciiBytes(charset string) bool {
	return charset == "utf8mb3" || charset == "utf8" || charset == "latin1" || charset == "ascii"
}

// asciiCollation reports whether a collation is on the list: under each of these
// two texts of ASCII's printable characters are equal only if they are but for
// case and trailing blanks. bin says that it compares code points. Many others
// differ: in Lithuanian i and y are equal, in Roman u and v.
func asciiCollation(name string) (bin, listed bool) {
	charset, rest, _ := strings.Cut(name, "_")
	switch charset {
	case "utf8mb4", "utf8mb3", "utf8", "latin1", "ascii":
	case "uca1400": // MariaDB's short names
		rest = name
	default:
		return false, false
	}
	switch rest {
	case "bin", "nopad_bin", "0900_bin":
		return true, true
	case "general_ci", "general_nopad_ci", "unicode_ci", "unicode_nopad_ci", "unicode_520_ci", "unicode_520_nopad_ci",
		"0900_ai_ci", "0900_as_ci", "0900_as_cs",
		"uca1400_ai_ci", "uca1400_ai_cs", "uca1400_as_ci", "uca1400_as_cs",
		"uca1400_nopad_ai_ci", "uca1400_nopad_ai_cs", "uca1400_nopad_as_ci", "uca1400_nopad_as_cs":
		return false, true
	case "swedish_ci", "swedish_nopad_ci":
		return false, charset == "latin1"
	}
	return false, false
}
