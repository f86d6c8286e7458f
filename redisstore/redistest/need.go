package redistest

import (
	"os"
	"os/exec"
	"testing"
)

// Need returns the path of the server's program. Without one it skips the test,
// and fails it where CI=true: there nobody would notice that it never runs.
func Need(t testing.TB) string {
	t.Helper()
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
