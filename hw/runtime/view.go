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

// moves tells whether an operator only moves pixels and channels.
func moves(op graph.Op) bool {
	switch op.(type) {
	case *graph.Slice, *graph.Pad, graph.Concat, *graph.Gather:
		return true
	}
	return false
}

// axisPicks are, for every place along an axis of an operator's output, the place along that axis of an input; −1: none.
// joined is the length of the inputs before.
func axisPicks(op graph.Op, axis, in, out, joined int) []int32 {
	picks := make([]int32, out)
	for i := range picks {
		from := i
		switch op := op.(type) {
		case *graph.Slice:
			from = op.Start[axis] + i*op.Step[axis]
		case *graph.Pad:
			from = i - op.Before[axis]
		case graph.Concat:
			if axis == op.Axis {
				from = i - joined
			}
		case *graph.Gather:
			if axis == op.Axis {
				from = op.Index[i]
			}
		}
		if from < 0 || from >= in {
			from = -1
		}
		picks[i] = int32(from)
	}
	return picks
}

// newMoves says what an operator that moves takes from each of its inputs.
func newMoves(op graph.Op, in []graph.Shape, out graph.Shape) []viewSource {
	var sources []viewSource
	joined := 0
	for _, shape := range in {
		s := viewSource{channel: axisPicks(op, 0, shape[0], out[0], joined), pixel: []int32{0}}
		if len(shape) == 3 {
			columns := axisPicks(op, 2, shape[2], out[2], joined)
			s.pixel = s.pixel[:0]
			for _, row := range axisPicks(op, 1, shape[1], out[1], joined) {
				for _, column := range columns {
					if row < 0 || column < 0 {
						s.pixel = append(s.pixel, -1)
					} else {
						s.pixel = append(s.pixel, row*int32(shape[2])+column)
					}
				}
			}
		}
		sources = append(sources, s)
		if concat, ok := op.(graph.Concat); ok {
			joined += shape[concat.Axis]
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
