package kernel

import (
	"sync"
	"testing"
	"unsafe"
)

func TestBuffersAreAligned(t *testing.T) {
	for n := range 200 {
		if floats := Floats(n); len(floats) != n || cap(floats) != n || !isAligned(floats) {
			t.Fatalf("Floats(%d) is misaligned or has length %d", n, len(floats))
		}
		if bytes := Bytes(n); len(bytes) != n || cap(bytes) != n || !isAligned(bytes) {
			t.Fatalf("Bytes(%d) is misaligned or has length %d", n, len(bytes))
		}
	}
}

func TestPackedWeightsAreZerosOfTheirOwn(t *testing.T) {
	sizes := []int{0, 1, 15, 16, 17, 1000, hugePage / 4, hugePage/4 + 1, blockSize / 4, blockSize}
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			mark := float32(worker + 1)
			var buffers [][]float32
			for _, n := range sizes {
				b := packed[float32](n)
				for i := range b {
					if b[i] != 0 {
						t.Fatalf("%d floats: %g at %d", n, b[i], i)
					}
					b[i] = mark
				}
				buffers = append(buffers, b)
			}
			for _, b := range buffers {
				for i := range b {
					if b[i] != mark {
						t.Fatalf("%d floats: another buffer's %g at %d", len(b), b[i], i)
					}
				}
			}
		})
	}
	group.Wait()
}

func TestHugePagesBeginWithOne(t *testing.T) {
	for _, n := range []int{hugePage, blockSize} {
		if b := hugePages(n); len(b) != n || uintptr(unsafe.Pointer(&b[0]))%hugePage != 0 {
			t.Errorf("%d bytes: %d at %p", n, len(b), &b[0])
		}
	}
}
