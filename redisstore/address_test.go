package redisstore

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/redisstore/redistest"
)

// works takes a store through a fill, a hit, a write, and a flush.
func works(t *testing.T, url string, o Options) {
	t.Helper()
	for _, o.Mode = range []Mode{Validated, Tracked} {
		s, err := New(url, &o)
		if err != nil {
			t.Fatal(err)
		}
		keep(t, s, lifeKey(1), 7)
		if !hits(t, s, lifeKey(1)) {
			t.Error("no hit")
		}
		w := begun(t, s, 7)
		if err := s.Doubt(t.Context(), w, []string{lifeTable}); err != nil {
			t.Error(err)
		}
		if err := s.End(t.Context(), w, []string{lifeTable}); err != nil {
			t.Error(err)
		}
		if hits(t, s, lifeKey(1)) {
			t.Error("a hit on what was dropped")
		}
		s.local.Reset()
		keep(t, s, lifeKey(1), 7)
		s.local.Reset()
		if !hits(t, s, lifeKey(1)) {
			t.Error("no hit on what the process does not hold")
		}
		if err := s.Delete(t.Context(), lifeKey(1)); err != nil {
			t.Error(err)
		}
		if _, err := s.Flush(t.Context(), nil); err != nil {
			t.Error(err)
		}
		s.Close()
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestUnixSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "redis") // a short path: sockets want one
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	redistest.Start(t, &redistest.Config{Lines: []string{"unixsocket " + path}})
	works(t, "unix://"+path+"?db=3", Options{Prefix: "u"})
}

// allowed is what docs/redis.md lists, as a user's rules have it.
var allowed = "+" + strings.ReplaceAll("get getex set del unlink mget pttl eval evalsha hmget hget hgetall hkeys hset hdel exists pexpire time info echo ping scan client|tracking hello select", " ", " +")

// TestUser: what docs/redis.md lists is all that a user needs.
func TestUser(t *testing.T) {
	server := redistest.Start(t, &redistest.Config{Lines: []string{"user app on >s3cret ~mine:* resetchannels -@all " + allowed}})
	address := func(password, database string) string {
		return "redis://app:" + password + "@" + server.Addr() + "/" + database
	}
	works(t, address("s3cret", "5"), Options{Prefix: "mine"})
	if n, err := server.Do("EVAL", "redis.call('SELECT', 5) return redis.call('DBSIZE')", 0); err != nil || n != int64(0) {
		t.Errorf("%v keys left in database 5, %v", n, err)
	}
	s, err := New(address("wrong", "0"), nil)
	if err == nil {
		s.Close()
		t.Fatal("connected with a wrong password")
	}
	if strings.Contains(err.Error(), "wrong@") {
		t.Errorf("the error has the password: %v", err)
	}
	other, err := New(address("s3cret", "0"), &Options{Prefix: "theirs", Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Acquire(t.Context(), lifeReads(7)); err == nil || errors.Is(err, cacheops.ErrMiss) {
		t.Errorf("keys that are not ours: %v", err)
	}
}

// TestUserOfLocks: so is what it lists for Rule.Lock besides.
func TestUserOfLocks(t *testing.T) {
	server := redistest.Start(t, &redistest.Config{Lines: []string{"user app on >s3cret ~mine:* resetchannels &mine:f:* -@all +publish +subscribe " + allowed}})
	b := &bench{server: server, url: "redis://app:s3cret@" + server.Addr()}
	one, two := b.store(t, Options{Prefix: "mine"}), b.store(t, Options{Prefix: "mine"})
	defer one.Close()
	defer two.Close()
	one.locks.lease, two.locks.lease = time.Hour, time.Hour // only the message ends a wait
	k, deps := lifeKey(1), lockDeps(1)
	unlock := one.mustLock(t, k, deps)
	waited := make(chan error)
	go func() {
		_, _, err := two.Lock(t.Context(), k, deps)
		waited <- err
	}()
	within(t, "the other waits", func() bool {
		n, err := server.Int("HLEN", one.lockName(k, deps))
		return err == nil && n == 2
	})
	unlock(false)
	if err := <-waited; err != nil {
		t.Error(err)
	}
}

// TestSentinelsWithAPassword: it is not the servers', which have none.
func TestSentinelsWithAPassword(t *testing.T) {
	s := redistest.StartSentinels(t, 0, nil)
	for _, n := range s.Sentinels {
		if _, err := n.Do("ACL", "SETUSER", "watch", "on", ">s3cret", "allcommands", "allchannels"); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Do("ACL", "SETUSER", "default", "off"); err != nil {
			t.Fatal(err)
		}
	}
	url := "redis://" + s.Addrs()[0] + "/3?addr=" + strings.Join(s.Addrs()[1:], "&addr=") + "&master_set=" + s.Name
	works(t, url, Options{Prefix: "s", SentinelUsername: "watch", SentinelPassword: "s3cret"})
	if other, err := New(url, &Options{SentinelUsername: "watch", SentinelPassword: "wrong"}); err == nil {
		other.Close()
		t.Error("connected with a wrong password")
	}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	pool := certificate(t, dir)
	port := freePort(t)
	redistest.Start(t, &redistest.Config{Lines: []string{
		fmt.Sprint("tls-port ", port), "tls-auth-clients no",
		"tls-cert-file " + filepath.Join(dir, "cert"), "tls-key-file " + filepath.Join(dir, "key"),
	}})
	address := fmt.Sprint("rediss://127.0.0.1:", port)
	works(t, address, Options{TLS: &tls.Config{RootCAs: pool}})
	if s, err := New(address, nil); err == nil {
		s.Close()
		t.Error("a certificate of nobody's was believed")
	}
}

// certificate writes a certificate for 127.0.0.1 and its key, and returns who
// believes it.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert": {Type: "CERTIFICATE", Bytes: der}, "key": {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return pool
}

func TestBadAddressesAndOptions(t *testing.T) {
	const secret = "s3cret"
	for _, c := range []struct {
		url string
		o   Options
	}{
		{"http://app:" + secret + "@localhost", Options{}},
		{"redis://app:" + secret + "@localhost:port", Options{}},
		{"redis://localhost/x", Options{}},
		{"redis://localhost", Options{Prefix: "a{b}"}},
		{"redis://localhost", Options{Timeout: -1}},
		{"redis://localhost", Options{Lease: -1}},
		{"redis://localhost", Options{Heartbeat: 1}},
		{"redis://localhost", Options{Mode: 7}},
		{"redis://localhost", Options{Keys: [][]byte{{1}}}},
	} {
		s, err := New(c.url, &c.o)
		if err == nil {
			s.Close()
			t.Errorf("%s, %+v: no error", c.url, c.o)
			continue
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error has the password: %v", err)
		}
	}
}

// TestLongTTL: however long an entry may live, its stamps live longer.
func TestLongTTL(t *testing.T) {
	b := newBench(t)
	s := b.store(t, Options{LocalBytes: -1})
	defer s.Close()
	granted(t, s, 1)
	reads := lifeReads(7)
	reads[0].TTL = math.MaxInt64
	g, err := s.Acquire(t.Context(), reads)
	if err != nil || g.Refused != cacheops.Granted {
		t.Fatal(g, err)
	}
	if err := s.Put(t.Context(), lifeKey(1), &cacheops.Entry{Value: block("v"), Deps: g.Deps, TTL: math.MaxInt64}); err != nil {
		t.Fatal(err)
	}
	if !hits(t, s, lifeKey(1)) {
		t.Error("no hit")
	}
	name := string(s.table(lifeTable).appendStamp(nil, 7))
	if ttl, err := b.server.Do("PTTL", name); err != nil || ttl.(int64) < longest.Milliseconds() {
		t.Errorf("the stamp ends in %v ms, %v", ttl, err)
	}
}
