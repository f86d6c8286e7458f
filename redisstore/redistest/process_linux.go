package redistest

import "syscall"

// EndWithParent has the kernel kill a process when this one dies, because a test
// binary that runs into its timeout runs no cleanups. The signal is tied to the
// thread that started the process; the runtime ends threads only with a locked
// goroutine on them, and those should start none.
func EndWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
