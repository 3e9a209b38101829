package agents

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// network is a fully connected network with ReLU between its layers and, for actors,
// a sigmoid at its end. All parameters lie in one vector, layer by layer, weights
// (inputs × outputs, row-major) before biases, so that an optimizer or a target network
// needs no knowledge of layers.
type network struct {
	sizes   []int // inputs, hidden layers, outputs
	sigmoid bool
	params  []float64
}

// newNetwork draws hidden layers uniformly from ±1/√inputs and the last one from ±last
// (Lillicrap et al. 2015, §7).
func newNetwork(sizes []int, sigmoid bool, last float64, rng *rand.Rand) *network {
	n := &network{sizes: sizes, sigmoid: sigmoid}
	n.params = make([]float64, parameters(sizes))
	rest := n.params
	for l := 0; l+1 < len(sizes); l++ {
		limit := 1 / math.Sqrt(float64(sizes[l]))
		if l+2 == len(sizes) {
			limit = last
		}
		size := (sizes[l] + 1) * sizes[l+1]
		for i := range rest[:size] {
			rest[i] = limit * (2*rng.Float64() - 1)
		}
		rest = rest[size:]
	}
	return n
}

func (n *network) clone() *network {
	c := *n
	c.params = append([]float64(nil), n.params...)
	return &c
}

func parameters(sizes []int) int {
	total := 0
	for l := 0; l+1 < len(sizes); l++ {
		total += (sizes[l] + 1) * sizes[l+1]
	}
	return total
}

// layer views layer l of a vector laid out like params.
func (n *network) layer(vector []float64, l int) (weight blas64.General, bias []float64) {
	in, out := n.sizes[l], n.sizes[l+1]
	start := parameters(n.sizes[:l+1])
	weight = blas64.General{Rows: in, Cols: out, Stride: out, Data: vector[start : start+in*out]}
	return weight, vector[start+in*out : start+in*out+out]
}

// pass is the scratch of one forward and backward pass over a batch.
type pass struct {
	values []blas64.General // input and every layer's output, batch × size
	deltas []blas64.General // gradients of the loss by values
}

func newPass(sizes []int, batch int) *pass {
	p := &pass{}
	for _, size := range sizes {
		p.values = append(p.values, matrix(batch, size))
		p.deltas = append(p.deltas, matrix(batch, size))
	}
	return p
}

func matrix(rows, cols int) blas64.General {
	return blas64.General{Rows: rows, Cols: cols, Stride: cols, Data: make([]float64, rows*cols)}
}

func (p *pass) input() blas64.General  { return p.values[0] }
func (p *pass) output() blas64.General { return p.values[len(p.values)-1] }

// outputDelta is where the caller puts the loss's gradient by the output before backward.
func (p *pass) outputDelta() blas64.General { return p.deltas[len(p.deltas)-1] }

// inputDelta is where backward leaves the loss's gradient by the input.
func (p *pass) inputDelta() blas64.General { return p.deltas[0] }

// forward computes p.output() from p.input().
func (n *network) forward(p *pass) {
	for l := 0; l+1 < len(n.sizes); l++ {
		weight, bias := n.layer(n.params, l)
		out := p.values[l+1]
		for i := 0; i < out.Rows; i++ {
			copy(out.Data[i*out.Stride:], bias)
		}
		blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, p.values[l], weight, 1, out)
		switch {
		case l+2 < len(n.sizes):
			for i, x := range out.Data {
				out.Data[i] = max(x, 0)
			}
		case n.sigmoid:
			for i, x := range out.Data {
				out.Data[i] = 1 / (1 + math.Exp(-x))
			}
		}
	}
}

// backward turns p.outputDelta() into gradients, after a forward of the same pass: by the
// parameters into gradient (laid out like params; nil: not wanted), and by the input
// into p.inputDelta() if byInput. It overwrites the deltas.
func (n *network) backward(p *pass, gradient []float64, byInput bool) {
	last := len(n.sizes) - 2
	for l := last; l >= 0; l-- {
		out, delta := p.values[l+1], p.deltas[l+1]
		switch {
		case l < last:
			for i, y := range out.Data {
				if y == 0 {
					delta.Data[i] = 0
				}
			}
		case n.sigmoid:
			for i, y := range out.Data {
				delta.Data[i] *= y * (1 - y)
			}
		}
		if gradient != nil {
			weight, bias := n.layer(gradient, l)
			blas64.Gemm(blas.Trans, blas.NoTrans, 1, p.values[l], delta, 0, weight)
			clear(bias)
			for i := 0; i < delta.Rows; i++ {
				for j, d := range delta.Data[i*delta.Stride : i*delta.Stride+delta.Cols] {
					bias[j] += d
				}
			}
		}
		if l > 0 || byInput {
			weight, _ := n.layer(n.params, l)
			blas64.Gemm(blas.NoTrans, blas.Trans, 1, delta, weight, 0, p.deltas[l])
		}
	}
}

// follow moves the parameters a share tau of the way to those of leader.
func (n *network) follow(leader *network, tau float64) {
	for i, x := range leader.params {
		n.params[i] += tau * (x - n.params[i])
	}
}
