package redistest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// programVariable names the server's program where it is not the one that is
// installed: a path, or a name to be looked up.
const programVariable = "CACHEOPS_REDIS_SERVER"

// Need returns the path of the server's program: CACHEOPS_REDIS_SERVER if that is
// set, else redis-server or valkey-server. Without one it skips the test, and fails
// it where CI=true: there nobody would notice that it never runs. A program that
// was asked for and is not there fails it anywhere.
func Need(t testing.TB) string {
	t.Helper()
	if name := os.Getenv(programVariable); name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatalf("redistest: %s: %v", programVariable, err)
		}
		return path
	}
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const missing = "neither redis-server nor valkey-server is installed"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// versions are those of programs, by path.
var versions sync.Map

// modern reports whether a program is of version 7 or later. Before that it does
// not know some lines of the configuration and some commands of a Cluster.
func modern(t testing.TB, program string) bool {
	t.Helper()
	if is, ok := versions.Load(program); ok {
		return is.(bool)
	}
	out, err := exec.CommandContext(t.Context(), program, "--version").Output()
	if err != nil {
		t.Fatalf("redistest: ask %s for its version: %v", program, err)
	}
	major := 0
	if _, after, ok := strings.Cut(string(out), " v="); ok {
		_, err = fmt.Sscan(strings.SplitN(after, ".", 2)[0], &major)
	}
	if major == 0 || err != nil {
		t.Fatalf("redistest: no version in %q: %v", out, err)
	}
	versions.Store(program, major >= 7)
	return major >= 7
}
