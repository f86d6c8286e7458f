package shop

import (
	"io"
	"math/rand/v2"
	"strconv"

	"github.com/cacheops/cacheops/cmd/cacheops/internal/querylog"
)

// Work is a day in the shop as a log of statements: several sessions at once,
// each serving one request after another.
type Work struct {
	rnd      *rand.Rand
	left     int
	sessions [sessions][]querylog.Statement // what their requests have yet to do
	line     int

	hotProducts, hotCustomers, hotCategories *zipf
	nextOrder, nextReview, nextCustomer      int
}

const sessions = 8

var _ querylog.Reader = (*Work)(nil)

// NewWork returns a log of some n statements; the requests begun are finished.
func NewWork(seed uint64, n int) *Work {
	rnd := rand.New(rand.NewPCG(seed, 2))
	return &Work{
		rnd: rnd, left: n,
		hotProducts:   newZipf(rnd, products),
		hotCustomers:  newZipf(rnd, customers),
		hotCategories: newZipf(rnd, categories),
		nextOrder:     orders, nextReview: reviews, nextCustomer: customers,
	}
}

// Next returns the next statement of some session.
func (w *Work) Next() (querylog.Statement, error) {
	i := w.rnd.IntN(sessions)
	if w.left <= 0 {
		if i = w.busy(); i < 0 {
			return querylog.Statement{}, io.EOF
		}
	}
	if len(w.sessions[i]) == 0 {
		w.request(i)
	}
	st := w.sessions[i][0]
	w.sessions[i] = w.sessions[i][1:]
	w.left--
	w.line++
	st.Line, st.Session = w.line, strconv.Itoa(i+1)
	return st, nil
}

// busy finds a session with an unfinished request, -1 if there is none.
func (w *Work) busy() int {
	for i := range w.sessions {
		if len(w.sessions[i]) > 0 {
			return i
		}
	}
	return -1
}

func (w *Work) request(i int) {
	r := &request{Work: w}
	at := w.rnd.IntN(totalWeight)
	for _, k := range requests {
		if at -= k.weight; at < 0 {
			k.serve(r)
			break
		}
	}
	w.sessions[i] = r.statements
}

// request gathers the statements of one.
type request struct {
	*Work
	statements []querylog.Statement
}

func (r *request) do(sql string, args ...any) {
	for i, a := range args {
		if n, ok := a.(int); ok {
			args[i] = int64(n)
		}
	}
	r.statements = append(r.statements, querylog.Statement{SQL: sql, Args: args})
}

// requests and how often they come, in a thousand or so.
var requests = []struct {
	weight int
	serve  func(*request)
}{
	{430, (*request).productPage},
	{220, (*request).categoryPage},
	{70, (*request).priceSearch},
	{90, (*request).customerArea},
	{60, (*request).homePage},
	{40, (*request).orderPage},
	{20, (*request).placeOrder},
	{25, (*request).addReview},
	{20, (*request).shipOrder},
	{10, (*request).changePrice},
	{10, (*request).restock},
	{2, (*request).moveProduct},
	{5, (*request).register},
}

var totalWeight = func() (sum int) {
	for _, k := range requests {
		sum += k.weight
	}
	return sum
}()

// zipf draws from 1 to n, few of them often; which ones is shuffled.
type zipf struct {
	z     *rand.Zipf
	order []int
}

func newZipf(rnd *rand.Rand, n int) *zipf {
	return &zipf{rand.NewZipf(rnd, 1.25, 4, uint64(n-1)), rnd.Perm(n)}
}

func (z *zipf) draw() int { return z.order[z.z.Uint64()] + 1 }
