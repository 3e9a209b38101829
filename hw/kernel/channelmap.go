package kernel

import "slices"

// ChannelMap computes a tensor each of whose channels is a channel of one of several others: a shuffle, a part, a
// concatenation, or one after the other. It is immutable and safe for concurrent use.
type ChannelMap struct {
	vector  *vector // nil: portable
	pixels  int
	stride  int   // of the output
	strides []int // of the inputs
	from    []Channel
	vectors []mapVector
	tables  []int32 // see mapChannels in gen
}

// Channel is a channel of one of several tensors.
type Channel struct{ Input, Channel int }

// mapVector is a vector of the output: it comes from a vector at a channel of one input and one of another.
type mapVector struct{ a, b Channel }

// mapRun is the number of pixels computed vector by vector: they should stay in the first-level cache.
const mapRun = 32

// NewChannelMap plans a tensor of the given channels. All tensors have as many pixels; inputs are their channels.
func NewChannelMap(isa ISA, pixels int, inputs []int, from []Channel) *ChannelMap {
	m := &ChannelMap{pixels: pixels, stride: ChannelStride(len(from)), from: slices.Clone(from)}
	for _, channels := range inputs {
		m.strides = append(m.strides, ChannelStride(channels))
	}
	if v := vectorOf(isa); v != nil && v.mapChannels != nil && m.planVectors(v.mapWidth) {
		m.vector = v
	}
	return m
}

// planVectors fills the tables; false if some vector needs more than two of the inputs'.
func (m *ChannelMap) planVectors(width int) bool {
	for first := 0; first < m.stride; first += width {
		channels := m.from[min(first, len(m.from)):min(first+width, len(m.from))]
		var v mapVector
		table := make([]int32, 4*width)
		rest := m.window(channels, nil, width, &v.a, table[:width], table[2*width:3*width])
		v.b = v.a
		rest = m.window(channels, rest, width, &v.b, table[width:2*width], table[3*width:])
		if len(rest) > 0 {
			return false
		}
		m.vectors, m.tables = append(m.vectors, v), append(m.tables, table...)
	}
	return true
}

// window finds a vector of an input that has the first of the lanes left to find (nil: all) and what else it has of them. It
// writes which of its lanes go where and gives the lanes still left.
func (m *ChannelMap) window(channels []Channel, left []int, width int, at *Channel, order, mask []int32) (rest []int) {
	if left == nil {
		left = make([]int, len(channels))
		for i := range left {
			left[i] = i
		}
	}
	if len(left) == 0 {
		return left
	}
	*at = channels[left[0]]
	for _, lane := range left {
		if c := channels[lane]; c.Input == at.Input {
			at.Channel = min(at.Channel, c.Channel)
		}
	}
	at.Channel = min(at.Channel, m.strides[at.Input]-width)
	rest = []int{}
	for _, lane := range left {
		c := channels[lane]
		if c.Input != at.Input || c.Channel >= at.Channel+width {
			rest = append(rest, lane)
			continue
		}
		order[lane], mask[lane] = int32(c.Channel-at.Channel), -1
	}
	return rest
}

// Run computes the tensor; lanes beyond its channels become zero. The padding pixel is left alone.
func (m *ChannelMap) Run(out []float32, in [][]float32) {
	if m.vector == nil {
		m.runPortable(out, in)
		return
	}
	out = out[:(1+m.pixels)*m.stride]
	width := m.vector.mapWidth
	for first := 1; first <= m.pixels; first += mapRun {
		pixels := min(mapRun, m.pixels+1-first)
		for i, v := range m.vectors {
			aStride, bStride := m.strides[v.a.Input], m.strides[v.b.Input]
			a, b := in[v.a.Input][first*aStride:][:pixels*aStride], in[v.b.Input][first*bStride:][:pixels*bStride]
			m.vector.mapChannels(pixels, &out[first*m.stride+i*width], &a[v.a.Channel], &b[v.b.Channel],
				m.stride*floatBytes, aStride*floatBytes, bStride*floatBytes, &m.tables[4*width*i])
		}
	}
}

func (m *ChannelMap) runPortable(out []float32, in [][]float32) {
	for pixel := 1; pixel <= m.pixels; pixel++ {
		dst := out[pixel*m.stride:][:m.stride]
		for c, from := range m.from {
			dst[c] = in[from.Input][pixel*m.strides[from.Input]+from.Channel]
		}
		clear(dst[len(m.from):])
	}
}
