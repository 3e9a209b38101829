package kernel

import "unsafe"

const (
	lanes     = 16 // channels per vector; a pixel is a whole number of them
	alignment = 64 // bytes: a cache line and the widest vector

	floatBytes = 4
)

// ChannelStride is the number of scalars a pixel of the given channels occupies.
func ChannelStride(channels int) int { return roundUp(channels, lanes) }

// Floats returns n zeros, 64-byte aligned.
func Floats(n int) []float32 { return aligned[float32](n) }

// Bytes returns n zeros, 64-byte aligned.
func Bytes(n int) []uint8 { return aligned[uint8](n) }

func aligned[T any](n int) []T {
	size := int(unsafe.Sizeof(*new(T)))
	buffer := make([]T, n+alignment/size)
	skip := 0
	if rest := int(uintptr(unsafe.Pointer(unsafe.SliceData(buffer))) % alignment); rest != 0 {
		skip = (alignment - rest) / size
	}
	return buffer[skip : skip+n : skip+n]
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// reinterpret views aligned memory as numbers of another size.
func reinterpret[T any, Byte int8 | uint8](bytes []Byte) []T {
	if len(bytes) == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&bytes[0])), len(bytes)/int(unsafe.Sizeof(*new(T))))
}
