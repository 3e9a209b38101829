package kernel

import (
	"sync"
	"unsafe"
)

// Weights that do not fit the caches are read from memory in every run, and looking their pages up
// takes time too: with pages of 4 KiB, a network with 45 MB of weights takes 2 to 6 % longer,
// which of these being a matter of the pages that the process happened to get. So weights lie
// side by side in huge pages, where the system has them, and latency is the same in every process.

const (
	hugePage  = 2 << 20 // bytes, on amd64 and on most arm64 systems
	blockSize = 4 * hugePage
)

// weightBlocks is where the weights of all networks lie.
var weightBlocks blocks

// packed returns n zeros for weights, aligned as kernels need.
func packed[T any](n int) []T {
	return reinterpret[T](weightBlocks.cut(n * int(unsafe.Sizeof(*new(T)))))
}

// blocks cuts buffers off blocks of huge pages. A block is garbage once all its buffers are.
type blocks struct {
	mutex sync.Mutex
	left  []byte // of the latest block
}

// cut returns zeros that are aligned as kernels need.
func (b *blocks) cut(bytes int) []byte {
	size := roundUp(bytes, alignment)
	if size > blockSize/2 {
		return hugePages(roundUp(size, hugePage))[:bytes:bytes]
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if size > len(b.left) {
		b.left = hugePages(blockSize)
	}
	buffer := b.left[:bytes:bytes]
	b.left = b.left[size:]
	return buffer
}

// hugePages returns zeros that fill a number of huge pages, if the system has them.
func hugePages(bytes int) []byte {
	buffer := make([]byte, bytes+hugePage)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(buffer))) % hugePage)
	pages := buffer[skip : skip+bytes]
	adviseHugePages(pages)
	return pages
}
