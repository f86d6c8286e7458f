package main

import (
	"context"
	"io"
)

// interruptible reads from what may never answer: a terminal, a pipe. Reading ends
// with ctx, while a goroutine waits on until r ends or the process does.
func interruptible(ctx context.Context, r io.Reader) io.ReadCloser {
	out, in := io.Pipe()
	stop := context.AfterFunc(ctx, func() { in.CloseWithError(ctx.Err()) })
	go func() {
		_, err := io.Copy(in, r)
		in.CloseWithError(err)
		stop()
	}()
	return out
}
