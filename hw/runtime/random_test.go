package runtime

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"galen/hw/graph"
)

// sampler draws random graphs. Quantizations are fitted to the values that the
// reference computes for a sample image, so that few integers saturate.
type sampler struct {
	*rand.Rand
	// exact draws only numbers that float32 arithmetic is exact on (small multiples
	// of powers of two), so that every result must be equal, ties included.
	exact bool

	g      *graph.Graph
	values []*tensor
	image  []float32
}

func newSampler(seed uint64, exact bool) *sampler {
	s := &sampler{Rand: rand.New(rand.NewPCG(seed, 5)), exact: exact}
	s.g = graph.NewGraph(fmt.Sprint("random ", seed), "image", graph.Shape{1 + s.IntN(5), 3 + s.IntN(8), 3 + s.IntN(8)})
	s.image = s.Image()
	t := newTensor(s.g.Values[0].Shape)
	for i, v := range s.image {
		t.real[i] = float64(v)
	}
	s.values = []*tensor{t}
	s.quantize(0)
	return s
}

// Image draws an input.
func (s *sampler) Image() []float32 {
	image := make([]float32, s.g.Values[0].Shape.Elements())
	for i := range image {
		image[i] = float32(s.NormFloat64())
		if s.exact {
			image[i] = float32(math.Round(float64(image[i])*8) / 8)
		}
	}
	return image
}

// quantize gives the value a quantization, usually.
func (s *sampler) quantize(id graph.ValueID) {
	t := s.values[id]
	if s.IntN(4) > 0 {
		bits := 1 + s.IntN(8)
		lo, hi := min(slices.Min(t.real), 0), max(slices.Max(t.real), 0)
		scale := max(hi-lo, 1e-3) / float64(int(1)<<bits-1) * (0.6 + s.Float64()*0.6)
		if s.exact {
			scale = math.Exp2(math.Round(math.Log2(scale)))
		}
		q := &graph.Quant{Scale: float32(scale), Bits: bits}
		q.Zero = uint8(min(max(math.Round(-lo/scale), 0), float64(q.Max())))
		s.g.Values[id].Quant = q
		if id > 0 && s.IntN(3) == 0 { // as layers and what follows them often share one
			producer := s.g.Nodes[s.g.Producer(id)]
			if in := s.g.Values[producer.Inputs[0]].Quant; in != nil {
				same := *in
				s.g.Values[id].Quant = &same
			}
		}
	}
	s.values[id] = t.rounded(s.g.Values[id].Quant)
}

// grow appends a random operator if one drawn at random fits.
func (s *sampler) grow() {
	ids := len(s.values)
	from := graph.ValueID(max(s.IntN(ids), s.IntN(ids), s.IntN(ids)))
	inputs := []graph.ValueID{from}
	shape := s.g.Values[from].Shape
	image := len(shape) == 3
	var op graph.Op
	switch kind := s.IntN(26); {
	case kind >= 18:
		op, inputs = s.later(kind-18, from)
		if op == nil {
			return
		}
	case kind == 17 && image:
		s.residual(from)
		return
	case kind < 5 && image:
		op = s.conv(shape)
	case kind < 3 && !image:
		out := 1 + s.IntN(20)
		op = &graph.Gemm{Weight: s.weight([]int{out, shape[0]}), Bias: s.bias(out)}
	case kind == 5:
		op = graph.Relu{}
	case kind == 6:
		lo := float32(s.IntN(4)-2) / 2
		op = graph.Clip{Min: lo, Max: lo + float32(s.IntN(4))/2}
	case kind <= 8:
		op = graph.Add{}
		for id, v := range s.g.Values { // preferably another one
			if slices.Equal(v.Shape, shape) && (len(inputs) < 2 || s.IntN(2) == 0) {
				inputs = append(inputs[:1], graph.ValueID(id))
			}
		}
	case kind == 9:
		op = graph.MaxPool{Kernel: [2]int{2, 3}, Stride: [2]int{1 + s.IntN(2), 2}, Dilation: [2]int{s.IntN(3), s.IntN(2)}, Pad: [4]int{s.IntN(2), s.IntN(2), s.IntN(2), s.IntN(2)}}
	case kind == 10:
		// Divisors are powers of two where results must be exact.
		pool := graph.AveragePool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 1}, Dilation: [2]int{s.IntN(2), s.IntN(3)}, Pad: [4]int{s.IntN(2), s.IntN(2), s.IntN(2), 0}, CountIncludePad: s.IntN(2) == 0}
		pool.Uncounted[0] = s.IntN(1 + pool.Pad[2])
		op = pool
	case kind == 11 && s.IntN(3) == 0 && (!s.exact || shape.Elements()/shape[0]&(shape.Elements()/shape[0]-1) == 0):
		op = graph.GlobalAveragePool{}
	case kind == 12:
		slice := &graph.Slice{}
		for _, d := range shape {
			start := s.IntN((d + 1) / 2)
			slice.Start = append(slice.Start, start)
			slice.End = append(slice.End, d-s.IntN((d-start+1)/2))
			slice.Step = append(slice.Step, 1+s.IntN(2))
		}
		op = slice
	case kind == 13:
		pad := &graph.Pad{Value: float32(s.IntN(3)-1) / 4}
		for range shape {
			pad.Before = append(pad.Before, s.IntN(2))
			pad.After = append(pad.After, s.IntN(3))
		}
		op = pad
	case kind == 14:
		concat := graph.Concat{Axis: s.IntN(len(shape))}
		for range s.IntN(6) {
			id := graph.ValueID(s.IntN(ids))
			if _, err := concat.OutputShape([]graph.Shape{shape, s.g.Values[id].Shape}); err == nil {
				inputs = append(inputs, id)
			}
		}
		op = concat
	case kind == 15 && s.IntN(3) == 0:
		op = graph.Flatten{}
	case kind == 16 && !s.exact && image && s.IntN(3) == 0:
		op = graph.Softmax{Axis: s.IntN(3), Log: s.IntN(2) == 0}
	case kind == 16 && !s.exact && (image || s.IntN(2) == 0):
		op = s.batchNorm(shape[0])
	case kind == 16 && !s.exact && !image:
		op = graph.Softmax{Log: s.IntN(2) == 0}
	default:
		op = graph.Quantize{}
	}
	s.append(op, inputs...)
}

// append adds a node, unless it does not fit, and gives its output a quantization.
func (s *sampler) append(op graph.Op, inputs ...graph.ValueID) (graph.ValueID, bool) {
	id, err := s.g.Append(fmt.Sprintf("n%d", len(s.g.Nodes)), op, fmt.Sprintf("v%d", len(s.values)), inputs...)
	if err != nil {
		return 0, false
	}
	in := make([]*tensor, len(inputs))
	for i, id := range inputs {
		in[i] = s.values[id]
	}
	s.values = append(s.values, interpret(s.g, len(s.g.Nodes)-1, in))
	s.quantize(id)
	return id, true
}

// residual appends a convolution whose result is added to its input, in either order, and
// perhaps what follows that in networks.
func (s *sampler) residual(from graph.ValueID) {
	channels := s.g.Values[from].Shape[0]
	id, _ := s.append(&graph.Conv{
		Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: [4]int{1, 1, 1, 1}, Groups: 1,
		Weight: s.weight([]int{channels, channels, 3, 3}), Bias: s.bias(channels),
	}, from)
	if s.IntN(4) == 0 {
		id, _ = s.append(graph.Relu{}, id)
	}
	pair := []graph.ValueID{id, from}
	if s.IntN(2) == 0 {
		slices.Reverse(pair)
	}
	sum, _ := s.append(graph.Add{}, pair...)
	if s.IntN(2) == 0 {
		return
	}
	id, _ = s.append(graph.Relu{}, sum)
	if q := s.g.Values[sum].Quant; q != nil && s.IntN(2) == 0 {
		same := *q
		s.g.Values[id].Quant = &same
		s.values[id] = interpret(s.g, len(s.g.Nodes)-1, []*tensor{s.values[sum]}).rounded(&same)
	}
}

func (s *sampler) conv(shape graph.Shape) *graph.Conv {
	in, out, groups := shape[0], 1+s.IntN(37), 1
	switch s.IntN(6) {
	case 0: // depthwise
		out, groups = in, in
	case 1: // grouped
		if in%2 == 0 {
			groups, out = 2, 2+2*s.IntN(9)
		}
	}
	c := &graph.Conv{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: groups}
	c.Kernel = [2]int{1 + s.IntN(3), 1 + s.IntN(3)}
	if s.IntN(2) == 0 {
		c.Kernel = [2]int{3, 3}
	}
	if s.IntN(3) == 0 {
		c.Stride = [2]int{2, 1 + s.IntN(2)}
	}
	if s.IntN(4) == 0 {
		c.Dilation = [2]int{1 + s.IntN(2), 2}
	}
	for i := range c.Pad {
		c.Pad[i] = s.IntN(3)
	}
	c.Weight = s.weight([]int{out, in / groups, c.Kernel[0], c.Kernel[1]})
	c.Bias = s.bias(out)
	return c
}

func (s *sampler) weight(shape []int) graph.Weight {
	w := graph.Weight{Shape: shape}
	n := w.Elements()
	if s.IntN(3) == 0 {
		w.Float = make([]float32, n)
		for i := range w.Float {
			w.Float[i] = float32(s.NormFloat64() / math.Sqrt(float64(w.Channel())))
			if s.exact {
				w.Float[i] = float32(s.IntN(9)-4) / 8
			}
		}
		return w
	}
	w.Bits = 1 + s.IntN(8)
	limit := graph.WeightLimit(w.Bits)
	w.Int, w.Scale = make([]int8, n), make([]float32, shape[0])
	for i := range w.Int {
		w.Int[i] = int8(s.IntN(2*limit+1) - limit)
		if w.Bits == 1 {
			w.Int[i] = int8(2*s.IntN(2) - 1)
		}
	}
	for i := range w.Scale {
		w.Scale[i] = (0.2 + s.Float32()) / float32(limit)
		if s.exact {
			w.Scale[i] = float32(math.Exp2(float64(-w.Bits - s.IntN(2))))
		}
	}
	return w
}

func (s *sampler) bias(n int) []float32 {
	if s.IntN(4) == 0 {
		return nil
	}
	b := make([]float32, n)
	for i := range b {
		b[i] = float32(s.NormFloat64())
		if s.exact {
			b[i] = float32(s.IntN(9)-4) / 4
		}
	}
	return b
}

func (s *sampler) batchNorm(channels int) *graph.BatchNorm {
	b := &graph.BatchNorm{Epsilon: 1e-5}
	for range channels {
		b.Scale = append(b.Scale, 0.5+s.Float32())
		b.Shift = append(b.Shift, float32(s.NormFloat64()))
		b.Mean = append(b.Mean, float32(s.NormFloat64()))
		b.Variance = append(b.Variance, 0.1+s.Float32())
	}
	return b
}

// randomGraph draws a graph of up to n operators.
func randomGraph(seed uint64, n int, exact bool) *sampler {
	s := newSampler(seed, exact)
	for range n {
		s.grow()
	}
	return s
}
