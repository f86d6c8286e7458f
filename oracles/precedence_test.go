package oracles

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops/internal/catalog"
)

// operators are what may stand between operands and before or after them, the
// operand for an %.
var operators = map[catalog.Dialect][]string{
	catalog.PostgreSQL: {
		"% AND %", "% AND %", "% OR %", "% OR %", "NOT %", "NOT %", "% = %", "% <> %", "% < %", "% >= %", "% IS NULL",
		"% IS NOT TRUE", "% ISNULL", "% IS DISTINCT FROM %", "% IN (%, %)", "% NOT IN (%)", "% BETWEEN % AND %",
		"% NOT BETWEEN SYMMETRIC % AND %", "% LIKE %", "% NOT ILIKE %", "% LIKE % ESCAPE 'x'", "% SIMILAR TO %", "% + %", "% - %",
		"% * %", "- %", "% || %", "% -> %", "% @> %", "% ~ %", "~ %", "% ^ %", "%::int", "% COLLATE \"C\"", "% AT TIME ZONE %", "(%)",
		"f(%, %)", "CASE WHEN % THEN % ELSE % END", "% = ANY (ARRAY[%, %])", "% <= ALL (%)", "ROW(%, %) = ROW(%, %)", "EXISTS (SELECT 1 FROM u WHERE %)",
		"%[1]", "% OPERATOR(pg_catalog.+) %", "CAST(% AS text)", "% << %", "@ %", "COALESCE(%, %)",
	},
	catalog.MySQL: {
		"% AND %", "% AND %", "% OR %", "% OR %", "NOT %", "NOT %", "! %", "% && %", "% || %", "% XOR %", "% = %", "% <> %", "% < %", "% >= %",
		"% <=> %", "% IS NULL", "% IS NOT TRUE", "% IS UNKNOWN", "% IN (%, %)", "% NOT IN (%)", "% BETWEEN % AND %", "% NOT BETWEEN % AND %", "% LIKE %",
		"% NOT LIKE % ESCAPE 'x'", "% REGEXP %", "% NOT RLIKE %", "% + %", "% - %", "% * %", "% DIV %", "% MOD %", "% | %", "% & %",
		"% << %", "% ^ %", "- %", "~ %", "BINARY %", "% COLLATE utf8mb4_bin", "% + INTERVAL % DAY", "(%)", "CONCAT(%, %)", "IF(%, %, %)",
		"CASE WHEN % THEN % ELSE % END", "(%, %) = (%, %)", "EXISTS (SELECT 1 FROM u WHERE %)", "% = ANY (SELECT d FROM u WHERE %)",
		"CAST(% AS CHAR)", "j->'$.a'", "% SOUNDS LIKE %", "% MEMBER OF (%)",
	},
}

var operands = map[catalog.Dialect][]string{
	catalog.PostgreSQL: {"a", "b", "c", "t.d", "1", "'x'", "$1", "NULL", "TRUE"},
	catalog.MySQL:      {"a", "b", "c", "t.d", "1", "'x'", "?", "NULL", "TRUE", "`e`", "\"y\""},
}

// expression makes an expression with few parentheses: what binds closer is for
// the parsers to say.
func expression(rnd *rand.Rand, d catalog.Dialect, depth int) string {
	if depth == 0 || rnd.IntN(4) == 0 {
		return operands[d][rnd.IntN(len(operands[d]))]
	}
	var out strings.Builder
	for _, c := range operators[d][rnd.IntN(len(operators[d]))] {
		if c == '%' {
			out.WriteString(expression(rnd, d, depth-1))
			continue
		}
		out.WriteRune(c)
	}
	return out.String()
}

// precedence checks expressions that nobody wrote.
func precedence(t *testing.T, d catalog.Dialect, oracle func(string) (seen, error)) {
	for _, s := range seeds() {
		rnd := rand.New(rand.NewPCG(s, uint64(d)))
		var n tally
		for range *mixes {
			verb := []string{"SELECT a FROM t WHERE ", "DELETE FROM t WHERE ", "UPDATE t SET a = 1 WHERE "}[rnd.IntN(3)]
			text := verb + expression(rnd, d, 4)
			if _, err := oracle(text); err != nil {
				n.texts++ // mostly a chain of operators that do not associate: it fails on the database
				continue
			}
			if err := guard(d, text, oracle, &n); err != nil {
				t.Errorf("-seed=%d: %s\n%v", s, text, err)
			}
		}
		t.Logf("-seed=%d: %d expressions, %d accepted, %d trees", s, n.texts, n.accepted, n.trees)
		if n.trees < n.accepted*9/10 {
			t.Errorf("-seed=%d: only %d trees of %d statements, without: %s", s, n.trees, n.accepted, strings.Join(n.without[:20], "\n"))
		}
	}
}

func seeds() []uint64 {
	if *seed != 0 {
		return []uint64{*seed}
	}
	return []uint64{1, uint64(time.Now().UnixNano())}
}
