package kernel

import (
	"fmt"
	"math"
	"slices"
	"unsafe"
)

// Gather computes a tensor whose scalars are those of others or a constant: a part of an image, its surroundings,
// several side by side, a permutation, or one after the other. It is immutable and safe for concurrent use.
type Gather[T float32 | uint8] struct {
	vector  *vector // nil: portable
	pixels  int
	stride  int  // of the output
	shift   uint // of a scalar's index to its first byte
	blank   []T  // a pixel that nothing goes to
	sources []gatherSource
	runs    []gatherRun
}

// Source says what goes from a tensor into a Gather.
type Source struct {
	Pixels, Channels int     // of the tensor
	Pixel            []int32 // for every pixel of the output, the one that goes there; −1: none
	Channel          []int32 // for every channel of the output, the one that goes there; −1: none
}

type gatherSource struct {
	length, stride int
	offsets        []int32 // of the pixel for every pixel of the output, in bytes
	channel        []int32
	spans          []span // the channels, unless they are scattered
}

// span is a run of channels that stay side by side.
type span struct{ from, to, count int }

// gatherRun is a run of output pixels that the same sources go to.
type gatherRun struct {
	first, pixels int
	sources       []int
	partly        bool // some lanes of a pixel remain
	copied        bool // spans are long enough to be copied one by one
	passes        []gatherPass
}

// gatherPass writes a vector of every pixel, or adds to what earlier ones have written.
type gatherPass struct {
	source, window int // the first channel of the vector that is read
	to             int // the first channel that is written
	table          [2 * gatherBytes]uint8
	add            int
}

// gatherBytes is the length of assembly's vectors: a pixel is a whole number of them.
const gatherBytes = 16

// NewGather plans a tensor of the given pixels and channels. No two sources go to the same scalar; where none goes, it
// is fill.
func NewGather[T float32 | uint8](isa ISA, pixels, channels int, fill T, sources []Source) *Gather[T] {
	g := &Gather[T]{pixels: pixels, stride: ChannelStride(channels)}
	if unsafe.Sizeof(fill) == floatBytes {
		g.shift = 2
	}
	if v := vectorOf(isa); v != nil && v.gather != nil {
		g.vector = v
	}
	g.blank = aligned[T](g.stride)
	for c := range channels {
		g.blank[c] = fill
	}
	for _, s := range sources {
		g.sources = append(g.sources, newGatherSource(s, pixels, channels, 1<<g.shift))
	}
	for p := range pixels {
		if n := len(g.runs) - 1; n >= 0 && sameSources(sources, p-1, p) {
			g.runs[n].pixels++
			continue
		}
		run := gatherRun{first: p, pixels: 1}
		for i, s := range sources {
			if s.Pixel[p] >= 0 {
				run.sources = append(run.sources, i)
			}
		}
		g.runs = append(g.runs, run)
	}
	planned := map[string]*gatherRun{}
	for i := range g.runs {
		run := &g.runs[i]
		key := fmt.Sprint(run.sources)
		if other := planned[key]; other != nil {
			run.passes, run.partly, run.copied = other.passes, other.partly, other.copied
			continue
		}
		g.plan(run, channels)
		planned[key] = run
	}
	return g
}

func newGatherSource(s Source, pixels, channels, unit int) gatherSource {
	to := gatherSource{stride: ChannelStride(s.Channels), channel: s.Channel[:channels]}
	to.length = (1 + s.Pixels) * to.stride
	if to.length*unit > math.MaxInt32 {
		panic(fmt.Sprintf("kernel: %d pixels of %d channels exceed what offsets can reach", s.Pixels, s.Channels))
	}
	to.offsets = make([]int32, pixels)
	for p, from := range s.Pixel[:pixels] {
		if int(from) >= s.Pixels {
			panic(fmt.Sprintf("kernel: pixel %d of an image of %d", from, s.Pixels))
		}
		to.offsets[p] = (1 + from) * int32(to.stride*unit)
	}
	for c, from := range to.channel {
		if int(from) >= s.Channels {
			panic(fmt.Sprintf("kernel: channel %d of %d", from, s.Channels))
		}
		if from < 0 {
			continue
		}
		if n := len(to.spans) - 1; n >= 0 && c == to.spans[n].to+to.spans[n].count && int(from) == to.spans[n].from+to.spans[n].count {
			to.spans[n].count++
			continue
		}
		to.spans = append(to.spans, span{int(from), c, 1})
	}
	const short = 4
	if short*len(to.spans) > channels {
		to.spans = nil
	}
	return to
}

func sameSources(sources []Source, p, q int) bool {
	for _, s := range sources {
		if (s.Pixel[p] < 0) != (s.Pixel[q] < 0) {
			return false
		}
	}
	return true
}

// plan finds the passes for a run's pixels.
func (g *Gather[T]) plan(run *gatherRun, channels int) {
	spans, scalars := 0, 0
	for _, i := range run.sources {
		s := &g.sources[i]
		spans += len(s.spans)
		for _, c := range s.spans {
			scalars += c.count
		}
		if s.spans == nil {
			spans += channels
		}
	}
	const long = 128 // bytes
	run.copied = g.vector == nil || scalars<<g.shift >= long*spans
	width := gatherBytes >> g.shift
	for first := 0; first < g.stride; first += width {
		from := make([]int, width) // the source of every lane; −1: none
		left := 0
		for lane := range from {
			from[lane] = -1
			for _, s := range run.sources {
				if c := first + lane; c < channels && g.sources[s].channel[c] >= 0 {
					from[lane] = s
					left++
				}
			}
		}
		run.partly = run.partly || left < width
		table := g.constant(first, from)
		for add := 0; len(run.sources) > 0 && (left > 0 || add == 0); add = 1 {
			pass := gatherPass{source: run.sources[0], to: first, table: table, add: add}
			left -= g.take(&pass, from)
			run.passes = append(run.passes, pass)
			table = nothing()
		}
	}
}

// nothing is the table of a pass that writes zeros.
func nothing() (table [2 * gatherBytes]uint8) {
	for i := range gatherBytes {
		table[i] = 0x80
	}
	return table
}

// constant is the table of a pass that writes what stays in the lanes without a source.
func (g *Gather[T]) constant(first int, from []int) [2 * gatherBytes]uint8 {
	table := nothing()
	size := gatherBytes / len(from)
	for lane, source := range from {
		if source < 0 {
			bytes := unsafe.Slice((*uint8)(unsafe.Pointer(&g.blank[first+lane])), size)
			copy(table[gatherBytes+lane*size:], bytes)
		}
	}
	return table
}

// take lets a pass read a vector of the first waiting lane's source, and counts the lanes that then have what they want.
func (g *Gather[T]) take(pass *gatherPass, from []int) (taken int) {
	first := slices.IndexFunc(from, func(source int) bool { return source >= 0 })
	if first < 0 {
		return 0
	}
	width, size := len(from), gatherBytes/len(from)
	pass.source = from[first]
	pass.window = g.window(pass, from)
	for lane, source := range from {
		if source != pass.source {
			continue
		}
		at := int(g.sources[source].channel[pass.to+lane]) - pass.window
		if at >= width {
			continue
		}
		for i := range size {
			pass.table[lane*size+i] = uint8(at*size + i)
		}
		from[lane] = -1
		taken++
	}
	return taken
}

// window is the first channel of the vector that a pass reads from its source.
func (g *Gather[T]) window(pass *gatherPass, from []int) int {
	s := &g.sources[pass.source]
	first := s.stride - len(from)
	for lane, source := range from {
		if source == pass.source {
			first = min(first, int(s.channel[pass.to+lane]))
		}
	}
	return first
}

// Run computes the tensor from those of the sources; lanes beyond its channels become zero if they are floats. The
// padding pixel is left alone.
func (g *Gather[T]) Run(out []T, in [][]T) {
	out = out[:(1+g.pixels)*g.stride]
	for i := range g.sources {
		_ = in[i][:g.sources[i].length]
	}
	for i := range g.runs {
		run := &g.runs[i]
		switch {
		case len(run.sources) == 0:
			repeat(out[(1+run.first)*g.stride:][:run.pixels*g.stride], g.blank)
		case run.copied:
			g.copy(run, out, in)
		default:
			g.permute(run, out, in)
		}
	}
}

// repeat fills out with a pattern.
func repeat[T any](out, pattern []T) {
	copy(out, pattern)
	for done := len(pattern); done < len(out); done *= 2 {
		copy(out[done:], out[:done])
	}
}

// copy computes a run, one source after the other.
func (g *Gather[T]) copy(run *gatherRun, out []T, in [][]T) {
	out = out[(1+run.first)*g.stride:][:run.pixels*g.stride]
	if run.partly {
		repeat(out, g.blank)
	}
	for _, i := range run.sources {
		s := &g.sources[i]
		src, offsets, stride := in[i], s.offsets[run.first:][:run.pixels], g.stride
		for _, c := range s.spans {
			at := c.to
			for _, offset := range offsets {
				copy(out[at:at+c.count], src[int(offset)>>g.shift+c.from:])
				at += stride
			}
		}
		if s.spans != nil {
			continue
		}
		for p, offset := range offsets {
			from, to := src[int(offset)>>g.shift:][:s.stride], out[p*stride:][:stride]
			for c, channel := range s.channel {
				if channel >= 0 {
					to[c] = from[channel]
				}
			}
		}
	}
}

// permute computes a run, one vector of a few pixels after the other.
func (g *Gather[T]) permute(run *gatherRun, out []T, in [][]T) {
	const cached = 1 << 13 // what passes add to stays in the first-level cache
	bytes := g.stride << g.shift
	piece := max(cached/bytes, 16)
	for first, end := run.first, run.first+run.pixels; first < end; first += piece {
		pixels := min(piece, end-first)
		for i := range run.passes {
			p := &run.passes[i]
			g.vector.gather(pixels, (*uint8)(unsafe.Pointer(&out[(1+first)*g.stride+p.to])), (*uint8)(unsafe.Pointer(&in[p.source][p.window])),
				&g.sources[p.source].offsets[first], bytes, &p.table[0], p.add)
		}
	}
}
