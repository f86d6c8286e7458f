package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// A client of a few lines: one that retries, pools or follows redirects would
// hide what the tests look at.

// Error is an error that the server answered.
type Error string

func (e Error) Error() string { return string(e) }

// callTime bounds one call.
const callTime = 5 * time.Second

// conn is a connection for one caller.
type conn struct {
	net.Conn
	r *bufio.Reader
}

func dial(addr string) (*conn, error) {
	c, err := net.DialTimeout("tcp", addr, callTime) //nolint:noctx // bounded
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, r: bufio.NewReader(c)}, nil
}

// Do runs one command on a connection of its own and returns its reply: a
// string, an int64, nil, or a []any of these. An error that the server answered
// is an [Error].
func (s *Server) Do(args ...any) (any, error) {
	c, err := dial(s.addr)
	if err != nil {
		return nil, fmt.Errorf("redistest: %w", err)
	}
	defer c.Close()
	return c.do(args...)
}

// Text is Do for a command that answers with a string.
func (s *Server) Text(args ...any) (string, error) {
	v, err := s.Do(args...)
	if err != nil {
		return "", err
	}
	text, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("redistest: %v answered %T", args[0], v)
	}
	return text, nil
}

// Int is Do for a command that answers with a number.
func (s *Server) Int(args ...any) (int64, error) {
	v, err := s.Do(args...)
	if err != nil {
		return 0, err
	}
	n, ok := v.(int64)
	if !ok {
		return 0, fmt.Errorf("redistest: %v answered %T", args[0], v)
	}
	return n, nil
}

// run is Do for commands of which only failure is of interest.
func (s *Server) run(args ...any) error {
	_, err := s.Do(args...)
	return err
}

func (c *conn) do(args ...any) (any, error) {
	if err := c.SetDeadline(time.Now().Add(callTime)); err != nil {
		return nil, err
	}
	if _, err := c.Write(appendCommand(nil, args)); err != nil {
		return nil, fmt.Errorf("redistest: send %v: %w", args[0], err)
	}
	v, err := c.reply()
	if err != nil {
		return nil, fmt.Errorf("redistest: %v: %w", args[0], err)
	}
	return v, nil
}

func appendCommand(b []byte, args []any) []byte {
	b = append(b, '*')
	b = strconv.AppendInt(b, int64(len(args)), 10)
	for _, a := range args {
		text := fmt.Sprint(a)
		if raw, ok := a.([]byte); ok {
			text = string(raw)
		}
		b = append(b, "\r\n$"...)
		b = strconv.AppendInt(b, int64(len(text)), 10)
		b = append(b, "\r\n"...)
		b = append(b, text...)
	}
	return append(b, "\r\n"...)
}

func (c *conn) reply() (any, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	if len(line) < 3 {
		return nil, fmt.Errorf("a reply of %q", line)
	}
	body := line[1 : len(line)-2]
	switch line[0] {
	case '+':
		return body, nil
	case '-':
		return nil, Error(body)
	}
	n, err := strconv.ParseInt(body, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("a reply of %q: %w", line, err)
	}
	switch line[0] {
	case ':':
		return n, nil
	case '$':
		return c.bulk(n)
	case '*':
		return c.array(n)
	}
	return nil, fmt.Errorf("a reply of %q", line)
}

func (c *conn) bulk(n int64) (any, error) {
	if n < 0 {
		return nil, nil
	}
	b := make([]byte, n+2)
	if _, err := io.ReadFull(c.r, b); err != nil {
		return nil, err
	}
	return string(b[:n]), nil
}

func (c *conn) array(n int64) (any, error) {
	if n < 0 {
		return nil, nil
	}
	out := make([]any, n)
	for i := range out {
		v, err := c.reply()
		var answered Error
		switch {
		case errors.As(err, &answered):
			v = answered
		case err != nil:
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}
