//go:build !linux

package redistest

import "syscall"

// EndWithParent would have the system kill a process when this process dies; here it
// cannot.
func EndWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
