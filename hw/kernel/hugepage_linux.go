package kernel

import "golang.org/x/sys/unix"

// adviseHugePages asks for huge pages behind memory that is made of whole ones. That it is
// refused, as by kernels before 6.1 for memory in use already, costs nothing but speed.
func adviseHugePages(memory []byte) {
	_ = unix.Madvise(memory, unix.MADV_HUGEPAGE)
	_ = unix.Madvise(memory, unix.MADV_COLLAPSE)
}
