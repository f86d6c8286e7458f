package redistest

import "syscall"

// orphaned has the kernel kill a server when this process dies, because a test
// binary that runs into its timeout runs no cleanups. The signal is tied to the
// thread that started the server; the runtime ends threads only with a locked
// goroutine on them, and those start no servers.
func orphaned() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
