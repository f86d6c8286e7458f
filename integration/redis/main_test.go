package redis

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

var flagChild = flag.String("redis.child", "", "be a client with these orders; for the tests' own use")

func TestMain(m *testing.M) {
	flag.Parse()
	if *flagChild == "" {
		goleak.VerifyTestMain(m)
		return
	}
	var o orders
	err := json.Unmarshal([]byte(*flagChild), &o)
	if err == nil {
		err = o.follow()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}
