package benchmarks

import (
	"context"
	"html/template"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/htmlcache"
)

// functionsOf returns functions over the bench, of a string and of a struct, which
// have read one entry each for any of n arguments.
func functionsOf(b *bench, n int) (plain *cacheops.Func[int, string], coded *cacheops.Func[int, []row]) {
	read := func(ctx context.Context, n int) {
		p := cacheops.Probe{Args: args(nil, n)}
		if hit, fill := b.db.Lookup(ctx, b.q, "", &p); hit == nil && fill {
			if _, err := b.db.Fill(ctx, &p, b.source(n)); err != nil {
				b.tb.Fatal(err)
			}
		}
	}
	plain = cacheops.NewFunc(b.cache, "plain", func(ctx context.Context, n int) (string, error) {
		read(ctx, n)
		return strings.Repeat("x", 200), nil
	})
	coded = cacheops.NewFunc(b.cache, "coded", func(ctx context.Context, n int) ([]row, error) {
		read(ctx, n)
		return make([]row, 20), nil
	})
	ctx := context.Background()
	for i := range n {
		if _, err := plain.Call(ctx, i); err != nil {
			b.tb.Fatal(err)
		}
		if _, err := coded.Call(ctx, i); err != nil {
			b.tb.Fatal(err)
		}
	}
	return plain, coded
}

type row struct {
	ID    int64
	Title string
	When  time.Time
}

// source is what the n-th read is made of.
func (b *bench) source(n int) cacheops.Source {
	return sourceOf(shapeUse(0, n), b.value)
}

// BenchmarkFunctionHit is a hit of a function, which has read something, against a
// bare Get of the map that it stands on. A string is copied by assignment, rows
// through the codec.
func BenchmarkFunctionHit(b *testing.B) {
	const n = 1000
	c := newBench(b, 1<<30, 200)
	plain, coded := functionsOf(c, n)
	bare := otter.Must(&otter.Options[uint64, *block]{MaximumSize: 1 << 20})
	value := make(block, 200)
	for i := range n {
		bare.Set(uint64(i), &value)
	}
	defer bare.StopAllGoroutines()
	ctx, i, j := context.Background(), 0, 0
	base := func() {
		if _, ok := bare.GetIfPresent(uint64(i % n)); !ok {
			b.Fatal("a miss")
		}
		i++
	}
	b.Run("func", func(b *testing.B) {
		compare(b, base, func() {
			if _, err := plain.Call(ctx, j%n); err != nil {
				b.Fatal(err)
			}
			j++
		})
	})
	memo := func(ctx context.Context) (string, error) { return plain.Call(ctx, 1) } // and what that has read
	b.Run("memo", func(b *testing.B) {
		compare(b, base, func() {
			if _, err := cacheops.Memo(ctx, c.cache, "k", memo); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("rows", func(b *testing.B) {
		compare(b, base, func() {
			if _, err := coded.Call(ctx, j%n); err != nil {
				b.Fatal(err)
			}
			j++
		})
	})
	if s := c.cache.Stats().Functions["plain"]; s.Misses != n {
		b.Fatalf("%+v", s)
	}
}

const benchPage = `{{define "cached"}}{{cached . "list" nil}}{{end}}{{define "plain"}}{{template "list" .}}{{end}}
{{define "list"}}<ul>{{range rows .Context}}<li><a href="/a/{{.ID}}" title="{{.Title}}">{{.Title}}</a> {{.When.Format "2006-01-02"}}</li>{{end}}</ul>{{end}}`

// BenchmarkFragmentHit is a page of one cached fragment of 20 rows against the same
// page rendered, its rows being at hand.
func BenchmarkFragmentHit(b *testing.B) {
	c := newBench(b, 1<<30, 200)
	plain, _ := functionsOf(c, 2)
	list := make([]row, 20)
	for i := range list {
		list[i] = row{int64(i), "A title with <markup> & more", time.Unix(int64(i), 0).UTC()}
	}
	t := template.New("").Funcs(template.FuncMap{"rows": func(ctx context.Context) ([]row, error) {
		_, err := plain.Call(ctx, 1) // what the fragment depends on
		return list, err
	}})
	set, err := htmlcache.New(c.cache, t, func(t *template.Template) error { _, err := t.Parse(benchPage); return err })
	if err != nil {
		b.Fatal(err)
	}
	show := func(name string) func() {
		return func() {
			if err := set.Execute(context.Background(), io.Discard, name, nil); err != nil {
				b.Fatal(err)
			}
		}
	}
	compare(b, show("plain"), show("cached"))
}

func TestAFunctionsHitAllocatesNothing(t *testing.T) {
	c := newBench(t, 1<<20, 200)
	plain, _ := functionsOf(c, 1000)
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := plain.Call(t.Context(), 999); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("a hit allocates %v times", n)
	}
}
