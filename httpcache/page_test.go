package httpcache

import (
	"math/rand/v2"
	"net/http"
	"reflect"
	"testing"
)

// Pages come back from stores that keep bytes as they were.
func TestPagesAreEncoded(t *testing.T) {
	before := http.Header{"Gone": {"x"}, "Same": {"y"}, "More": {"a"}}
	after := http.Header{"Same": {"y"}, "More": {"a", "b", ""}, "New": {"1", "2"}, "None": nil, "Bytes": {"\xff\x00"}}
	p := page{Status: 404, Made: -5, Fresh: 7, Head: string(appendHead(nil, before, after)), Body: "body \xff\x00"}
	b, err := pageCodec{}.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	var back page
	if err := (pageCodec{}).Decode(b, &back); err != nil || back != p {
		t.Fatalf("got %+v, %v, want %+v", back, err, p)
	}
	h := before.Clone()
	back.apply(h)
	if !reflect.DeepEqual(h, after) {
		t.Errorf("the header is %v, want %v", h, after)
	}
	other := http.Header{"More": {"z"}, "Foreign": {"f"}}
	back.apply(other)
	want := http.Header{"More": {"z", "b", ""}, "New": {"1", "2"}, "None": nil, "Bytes": {"\xff\x00"}, "Foreign": {"f"}}
	if !reflect.DeepEqual(other, want) {
		t.Errorf("the header is %v, want %v", other, want)
	}
}

// What is not a page is none, or some page; it is not the end of the program.
func TestDamagedPages(t *testing.T) {
	p := page{Status: 200, Head: string(appendHead(nil, nil, http.Header{"A": {"b", "c"}, "D": {"e"}})), Body: "body"}
	whole, err := pageCodec{}.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range 20_000 {
		b := append([]byte(nil), whole[:rnd.IntN(len(whole)+1)]...)
		for range n % 4 {
			if len(b) > 0 {
				b[rnd.IntN(len(b))] = byte(rnd.IntN(256))
			}
		}
		var back page
		if (pageCodec{}).Decode(b, &back) == nil {
			back.apply(make(http.Header))
		}
	}
	many := page{Head: "\x01\x01\x01A\xff\xff\xff\xff\x03"} // a billion values, of which none is there
	h := make(http.Header)
	if many.apply(h); len(h["A"]) > 0 {
		t.Errorf("%d values of nothing", len(h["A"]))
	}
	for _, v := range []any{nil, 1, &p} {
		if _, err := (pageCodec{}).Encode(v); err == nil {
			t.Errorf("a %T is encoded", v)
		}
	}
	if (pageCodec{}).Decode(whole, new(int)) == nil {
		t.Error("decoded into an int")
	}
}
