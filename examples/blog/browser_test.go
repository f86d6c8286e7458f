package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cacheops/cacheops/memstore"
)

// browser starts a Chromium without a window.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		path, err = exec.LookPath("google-chrome")
	}
	if err != nil {
		absent(t, "Chromium", err)
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()))
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewExecAllocator(ctx, opts...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return ctx
}

// An editor changes an article in one tab; a reader's tab sees it on every page
// with the next look, and pages that nothing has happened to cost no query.
func TestInABrowser(t *testing.T) {
	s := newSite(t, memstore.New(16<<20), onSQLite)
	reader, editor := browser(t), browser(t) // each with its own cookies
	run := func(ctx context.Context, what string, actions ...chromedp.Action) {
		t.Helper()
		if err := chromedp.Run(ctx, actions...); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	text := func(ctx context.Context, path string) (out string) {
		t.Helper()
		run(ctx, path, chromedp.Navigate(s.server.URL+path), chromedp.Text("body", &out, chromedp.ByQuery))
		return out
	}
	paths := []string{"/", "/articles/12", "/articles/5"}
	run(editor, "log in", chromedp.Navigate(s.server.URL+"/login"))
	for _, title := range []string{"First <change>", "Second & last"} {
		for _, p := range paths {
			s.warm(p)
			text(reader, p)
			text(editor, p)
		}
		before := s.statements.Load()
		for _, p := range paths {
			text(reader, p)
			text(editor, p)
		}
		if n := s.statements.Load() - before; n != 0 {
			t.Errorf("warm pages asked the database %d times", n)
		}
		run(editor, "edit",
			chromedp.Navigate(s.server.URL+"/articles/12"), chromedp.Click("#edit", chromedp.ByQuery), chromedp.WaitVisible("#save", chromedp.ByQuery),
			chromedp.SetValue("input[name=title]", title, chromedp.ByQuery), chromedp.SetValue("textarea", "said anew: "+title, chromedp.ByQuery),
			chromedp.Click("#save", chromedp.ByQuery), chromedp.WaitVisible("#text", chromedp.ByQuery))
		for _, p := range paths {
			for who, ctx := range map[string]context.Context{"a reader": reader, "the editor": editor} {
				if body := text(ctx, p); !strings.Contains(body, title) {
					t.Errorf("%s does not see %q on %s: %s", who, title, p, body)
				}
			}
		}
		if body := text(reader, "/articles/12"); !strings.Contains(body, "said anew: "+title) {
			t.Errorf("the article says %s", body)
		}
	}
	if body := text(reader, "/articles/12"); strings.Contains(body, "edit") {
		t.Errorf("the reader is an editor: %s", body)
	}
}
