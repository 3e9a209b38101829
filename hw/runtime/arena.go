package runtime

import (
	"cmp"
	"math"
	"slices"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// slot is an intermediate tensor in kernel layout: a padding pixel, then the image's
// pixels, channels innermost. Its place in the arena is known after place.
type slot struct {
	shape  graph.Shape
	quant  *graph.Quant // nil: floats
	stride int          // scalars per pixel
	pixels int          // without the padding pixel
	border bool         // whether some reader reads the padding pixel

	offset      int // in scalars
	first, last int // steps between which the contents matter
}

func newSlot(shape graph.Shape, quant *graph.Quant) *slot {
	pixels := 1
	if len(shape) == 3 {
		pixels = shape[1] * shape[2]
	}
	return &slot{
		shape: shape, quant: quant, stride: kernel.ChannelStride(shape[0]), pixels: pixels,
		first: math.MaxInt, last: -1,
	}
}

func (s *slot) size() int { return (1 + s.pixels) * s.stride }

// memory is what the slot takes, in bytes.
func (s *slot) memory() int64 {
	if s.quant == nil {
		return 4 * int64(s.size())
	}
	return int64(s.size())
}

// hold extends the slot's lifetime.
func (s *slot) hold(first, last int) {
	s.first, s.last = min(s.first, first), max(s.last, last)
}

// floats and bytes are the tensor within a worker's memory; an offset is a multiple of
// 64 bytes.
func (s *slot) floats(m *memory) []float32 { return m.floats[s.offset : s.offset+s.size()] }
func (s *slot) bytes(m *memory) []uint8    { return m.bytes[s.offset : s.offset+s.size()] }

// fillBorder writes real zeros into the padding pixel, which holds what an earlier
// tensor left there.
func (s *slot) fillBorder(m *memory) {
	if s.quant == nil {
		clear(s.floats(m)[:s.stride])
		return
	}
	pixel := s.bytes(m)[:s.stride]
	for i := range pixel {
		pixel[i] = s.quant.Zero
	}
}

// place gives every slot an offset such that slots which live at the same time do
// not overlap, largest first at the lowest offset that is free, and returns the
// scalars the two arenas need.
func place(slots []*slot) (floats, bytes int) {
	order := slices.Clone(slots)
	slices.SortStableFunc(order, func(a, b *slot) int { return cmp.Compare(b.size(), a.size()) })
	var placedFloats, placedBytes []*slot
	for _, s := range order {
		if s.quant == nil {
			placedFloats = s.placeAmong(placedFloats)
			floats = max(floats, s.end())
		} else {
			placedBytes = s.placeAmong(placedBytes)
			bytes = max(bytes, s.end())
		}
	}
	return floats, bytes
}

// end is the first scalar behind the slot where another may begin: kernels may
// count on 64-byte alignment.
func (s *slot) end() int { return (s.offset + s.size() + 63) &^ 63 }

// placeAmong finds the lowest free offset among the placed slots, which are sorted by
// offset, and inserts s.
func (s *slot) placeAmong(placed []*slot) []*slot {
	for _, other := range placed {
		if other.first > s.last || s.first > other.last {
			continue
		}
		if s.end() <= other.offset {
			break
		}
		s.offset = max(s.offset, other.end())
	}
	at, _ := slices.BinarySearchFunc(placed, s, func(a, b *slot) int { return cmp.Compare(a.offset, b.offset) })
	return slices.Insert(placed, at, s)
}
