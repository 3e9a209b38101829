package runtime

import (
	"galen/hw/graph"
	"galen/hw/kernel"
)

// view is a tensor whose scalars are those of others, moved, or a constant, and then perhaps converted. It is computed
// when some step reads it; other views look through it, so that a chain of them is one step.
type view struct {
	sources []viewSource
	padded  bool        // whether some scalars are fill
	fill    float32     // or an integer of the sources' quantization
	table   *[256]uint8 // from the sources' integers to the view's; nil: the same
}

// viewSource says what goes from a tensor into a view: the pixel and the channel for each of the view's, −1 for none, or
// nil for the same.
type viewSource struct {
	in             *slot
	pixel, channel []int32
}

// newMoves says what an operator that moves takes from each of its inputs.
func newMoves(op graph.Mover, in []graph.Shape, out graph.Shape) []viewSource {
	channels := op.Picks(0, in, out)
	sources := make([]viewSource, len(in))
	for i := range sources {
		sources[i] = viewSource{channel: channels[i], pixel: []int32{0}}
	}
	if len(out) != 3 {
		return sources
	}
	rows, columns := op.Picks(1, in, out), op.Picks(2, in, out)
	for i := range sources {
		sources[i].pixel = make([]int32, 0, out[1]*out[2])
		for _, row := range rows[i] {
			for _, column := range columns[i] {
				pixel := int32(-1)
				if row >= 0 && column >= 0 {
					pixel = row*int32(in[i][2]) + column
				}
				sources[i].pixel = append(sources[i].pixel, pixel)
			}
		}
	}
	return sources
}

// through are picks from what was itself picked; from is nil if it was not.
func through(picks, from []int32) []int32 {
	if from == nil {
		return picks
	}
	all := make([]int32, len(picks))
	for i, p := range picks {
		all[i] = -1
		if p >= 0 {
			all[i] = from[p]
		}
	}
	return all
}

// newGather is the kernel for what moves; in are the shapes of what the sources take from.
func newGather[T float32 | uint8](isa kernel.ISA, sources []viewSource, in []graph.Shape, out graph.Shape, fill T) *kernel.Gather[T] {
	from := make([]kernel.Source, len(sources))
	for i, s := range sources {
		from[i] = kernel.Source{Pixels: pixels(in[i]), Channels: in[i][0], Pixel: s.pixel, Channel: s.channel}
	}
	return kernel.NewGather(isa, pixels(out), out[0], fill, from)
}

func pixels(shape graph.Shape) int { return graph.Shape(shape[1:]).Elements() }
