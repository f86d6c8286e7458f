//go:build !linux

package redistest

import "syscall"

// orphaned would have the system kill a server when this process dies; here it
// cannot.
func orphaned() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
