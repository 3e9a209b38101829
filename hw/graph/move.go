package graph

import (
	"errors"
	"fmt"
	"slices"
)

// Slice keeps Start, Start+Step, … below End along every dimension.
type Slice struct{ Start, End, Step []int }

func (*Slice) Kind() string       { return "Slice" }
func (*Slice) Locality() Locality { return Moving }
func (s *Slice) validate() error  { return extents(s.Start, s.End, s.Step) }
func (*Slice) code() uint64       { return codeSlice }

func (s *Slice) OutputShape(inputs []Shape) (Shape, error) {
	in, err := one(inputs)
	if err != nil {
		return nil, err
	}
	if len(s.Start) != len(in) || len(s.End) != len(in) || len(s.Step) != len(in) {
		return nil, fmt.Errorf("slices %d dimensions of %v", len(s.Start), in)
	}
	out := make(Shape, len(in))
	for i := range in {
		if s.Step[i] < 1 || s.Start[i] < 0 || s.End[i] > in[i] || s.Start[i] >= s.End[i] {
			return nil, fmt.Errorf("takes %d:%d:%d of dimension %d of %v", s.Start[i], s.End[i], s.Step[i], i, in)
		}
		out[i] = (s.End[i]-s.Start[i]-1)/s.Step[i] + 1
	}
	return out, nil
}

func (s *Slice) Picks(axis int, inputs []Shape, output Shape) [][]int32 {
	return [][]int32{picks(inputs[0][axis], output[axis], func(i int) int { return s.Start[axis] + i*s.Step[axis] })}
}

// KeepChannels is a Gather where the channels are taken at a stride: what is left of them may lie at none.
func (s *Slice) KeepChannels(_ Shape, inputs, outputs []int) Op {
	if s.Step[0] != 1 {
		return gatherKept(inputs, outputs, func(o int) int { return s.Start[0] + o*s.Step[0] })
	}
	kept := *s
	kept.Start, kept.End = slices.Clone(s.Start), slices.Clone(s.End)
	kept.Start[0], kept.End[0] = below(inputs, s.Start[0]), below(inputs, s.End[0])
	return &kept
}

func (s *Slice) encode(e *encoder) {
	e.ints(s.Start)
	e.ints(s.End)
	e.ints(s.Step)
}

// Pad surrounds every dimension with a constant.
type Pad struct {
	Before, After []int
	Value         float32
}

func (*Pad) Kind() string       { return "Pad" }
func (*Pad) Locality() Locality { return Moving }
func (*Pad) code() uint64       { return codePad }

func (p *Pad) OutputShape(inputs []Shape) (Shape, error) {
	in, err := one(inputs)
	if err != nil {
		return nil, err
	}
	if len(p.Before) != len(in) || len(p.After) != len(in) {
		return nil, fmt.Errorf("pads %d dimensions of %v", len(p.Before), in)
	}
	out := make(Shape, len(in))
	for i := range in {
		if p.Before[i] < 0 || p.After[i] < 0 {
			return nil, fmt.Errorf("pads dimension %d by %d and %d", i, p.Before[i], p.After[i])
		}
		out[i] = p.Before[i] + in[i] + p.After[i]
	}
	return out, nil
}

func (p *Pad) Picks(axis int, inputs []Shape, output Shape) [][]int32 {
	return [][]int32{picks(inputs[0][axis], output[axis], func(i int) int { return i - p.Before[axis] })}
}

func (p *Pad) KeepChannels(_ Shape, inputs, outputs []int) Op {
	kept := *p
	kept.Before, kept.After = slices.Clone(p.Before), slices.Clone(p.After)
	kept.Before[0] = below(outputs, p.Before[0])
	kept.After[0] = len(outputs) - kept.Before[0] - len(inputs)
	return &kept
}

func (p *Pad) validate() error {
	if err := extents(p.Before, p.After); err != nil {
		return err
	}
	return finite([]float32{p.Value})
}

func (p *Pad) encode(e *encoder) {
	e.ints(p.Before)
	e.ints(p.After)
	e.float(p.Value)
}

// Concat joins tensors along an axis (0: channels).
type Concat struct{ Axis int }

func (Concat) Kind() string        { return "Concat" }
func (Concat) Locality() Locality  { return Moving }
func (Concat) validate() error     { return nil }
func (Concat) code() uint64        { return codeConcat }
func (c Concat) encode(e *encoder) { e.int(c.Axis) }

func (c Concat) OutputShape(inputs []Shape) (Shape, error) {
	if len(inputs) == 0 {
		return nil, errors.New("has no inputs")
	}
	out := slices.Clone(inputs[0])
	if c.Axis < 0 || c.Axis >= len(out) {
		return nil, fmt.Errorf("axis %d of %v", c.Axis, out)
	}
	for _, in := range inputs[1:] {
		if len(in) != len(out) {
			return nil, fmt.Errorf("joins %v with %v", out, in)
		}
		for i := range in {
			if i != c.Axis && in[i] != out[i] {
				return nil, fmt.Errorf("joins %v with %v along dimension %d", out, in, c.Axis)
			}
		}
		out[c.Axis] += in[c.Axis]
	}
	return out, nil
}

func (c Concat) Picks(axis int, inputs []Shape, output Shape) [][]int32 {
	all, before := make([][]int32, len(inputs)), 0
	for k, in := range inputs {
		all[k] = picks(in[axis], output[axis], func(i int) int { return i - before })
		if axis == c.Axis {
			before += in[axis]
		}
	}
	return all
}

// Gather picks along an axis: place i of the output is place Index[i] of the input. On axis 0 it permutes
// channels, as channel shuffles do; on the others it enlarges or mirrors images by the nearest pixel.
type Gather struct {
	Axis  int
	Index []int
}

func (*Gather) Kind() string       { return "Gather" }
func (*Gather) Locality() Locality { return Moving }
func (*Gather) validate() error    { return nil }
func (*Gather) code() uint64       { return codeGather }

func (g *Gather) OutputShape(inputs []Shape) (Shape, error) {
	in, err := one(inputs)
	if err != nil {
		return nil, err
	}
	if g.Axis < 0 || g.Axis >= len(in) || len(g.Index) == 0 {
		return nil, fmt.Errorf("picks %d places along axis %d of %v", len(g.Index), g.Axis, in)
	}
	if err := within(g.Index, in[g.Axis]); err != nil {
		return nil, err
	}
	out := slices.Clone(in)
	out[g.Axis] = len(g.Index)
	return out, nil
}

func (g *Gather) Picks(axis int, inputs []Shape, output Shape) [][]int32 {
	return [][]int32{picks(inputs[0][axis], output[axis], func(i int) int {
		if axis == g.Axis {
			return g.Index[i]
		}
		return i
	})}
}

func (g *Gather) KeepChannels(_ Shape, inputs, outputs []int) Op {
	if g.Axis != 0 {
		return g
	}
	return gatherKept(inputs, outputs, func(o int) int { return g.Index[o] })
}

func (g *Gather) encode(e *encoder) {
	e.int(g.Axis)
	e.ints(g.Index)
}

// picks lists what from gives for every place of an output, −1 where the input has no such place.
func picks(input, output int, from func(i int) int) []int32 {
	all := make([]int32, output)
	for i := range all {
		all[i] = int32(from(i))
		if all[i] < 0 || int(all[i]) >= input {
			all[i] = -1
		}
	}
	return all
}

// gatherKept picks, for each output channel that is left, the one it was picked from among the input channels left.
func gatherKept(inputs, outputs []int, from func(output int) int) *Gather {
	g := &Gather{Index: make([]int, len(outputs))}
	for i, o := range outputs {
		g.Index[i] = below(inputs, from(o))
	}
	return g
}

// below counts the positions, which ascend, that lie before a limit.
func below(positions []int, limit int) int {
	n, _ := slices.BinarySearch(positions, limit)
	return n
}

func within(index []int, size int) error {
	for _, i := range index {
		if i < 0 || i >= size {
			return fmt.Errorf("picks place %d of %d", i, size)
		}
	}
	return nil
}
