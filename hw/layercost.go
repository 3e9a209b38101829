package hw

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"galen/hw/graph"
)

// LayerCost is what one layer by itself costs on this machine in one form.
type LayerCost struct {
	Kept   int // output channels
	Bits   int // of weights and activations; graph.FloatBits: float
	Kernel string
	MS     float64
}

// TimesLayers tells why a device cannot time the choices of single layers; nil: it can.
func TimesLayers(device string) error {
	if device == "local" {
		return nil
	}
	return fmt.Errorf("%s does not tell how long a layer by itself takes; only local does", Label(device))
}

// LayerCosts times a layer of g alone at its sizes on galen's own runtime, with random weights, for
// every number of output channels and bits (of weights and activations alike). Grouped convolutions
// keep all channels.
func LayerCosts(ctx context.Context, g *graph.Graph, node int, channels, bits []int) ([]LayerCost, error) {
	var out []LayerCost
	for _, kept := range channels {
		for _, b := range bits {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			t, err := timeAlone(g, node, kept, b)
			if err != nil {
				return nil, fmt.Errorf("time %s with %d channels and %d bits: %w", g.Nodes[node].Name, kept, b, err)
			}
			out = append(out, LayerCost{kept, b, t.Kernel, t.MS})
		}
	}
	return out, nil
}

// timeAlone times a layer in one form. Measuring begins when that is compiled: as long as it goes on garbage is
// left lying, and what many forms of a large layer leave would fill the memory.
func timeAlone(g *graph.Graph, node, kept, bits int) (LayerTime, error) {
	alone, err := layerAlone(g, node, kept, bits)
	if err != nil {
		return LayerTime{}, err
	}
	c, err := compile(alone, latency)
	if err != nil {
		return LayerTime{}, err
	}
	release := undisturbed(latency.Threads)
	defer release()
	if err := newSubject(c, latency.Threads).warmUp(shortestSample); err != nil {
		return LayerTime{}, err
	}
	times := c.layerTimes()
	return times[slices.IndexFunc(times, func(t LayerTime) bool { return t.Layer == layerName })], nil
}

// layerName is the one that is timed of the network around it.
const layerName = "layer"

// layerAlone is a network of the layer in a form. A convolution stands between two small ones, which
// hand images over as the network would: else its time would include what happens to the network's
// input and output.
func layerAlone(g *graph.Graph, node, kept, bits int) (*graph.Graph, error) {
	n := &g.Nodes[node]
	if n.Weight() == nil {
		return nil, fmt.Errorf("%s is not a layer", n.Op.Kind())
	}
	input := g.Values[n.Inputs[0]].Shape
	alone := graph.NewGraph("layer", "input", input)
	quantized := bits < graph.FloatBits
	add := func(name string, op graph.Op, bits int) error {
		id, err := alone.Append(name, op, name, alone.Output)
		if err == nil && quantized {
			alone.Values[id].Quant = &graph.Quant{Scale: 1 / float32(int(1)<<bits), Bits: bits}
		}
		return err
	}
	if _, ok := n.Op.(*graph.Conv); ok {
		if quantized {
			if err := add("quantize", graph.Quantize{}, 8); err != nil {
				return nil, err
			}
		}
		if err := add("before", handOver(input[0], quantized), bits); err != nil {
			return nil, err
		}
	} else if quantized {
		if err := add("quantize", graph.Quantize{}, bits); err != nil {
			return nil, err
		}
	}
	shape := append([]int{kept}, n.Weight().Shape[1:]...)
	if conv, ok := n.Op.(*graph.Conv); ok && conv.Groups > 1 {
		shape[0] = conv.Weight.Shape[0]
	}
	op := n.WithWeight(randomWeight(shape, bits, quantized), make([]float32, shape[0]))
	if err := add(layerName, op, 8); err != nil {
		return nil, err
	}
	if _, ok := op.(*graph.Conv); ok {
		return alone, add("after", handOver(shape[0], quantized), 8)
	}
	return alone, nil
}

// handOver is the smallest convolution: one number for each channel.
func handOver(channels int, quantized bool) *graph.Conv {
	return &graph.Conv{
		Kernel: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: channels,
		Weight: randomWeight([]int{channels, 1, 1, 1}, 8, quantized),
	}
}

// randomWeight is a weight whose values do not matter.
func randomWeight(shape []int, bits int, quantized bool) graph.Weight {
	rng := rand.New(rand.NewPCG(5, 6))
	w := graph.Weight{Shape: shape}
	if !quantized {
		w.Float = make([]float32, w.Elements())
		for i := range w.Float {
			w.Float[i] = float32(rng.NormFloat64())
		}
		return w
	}
	limit := graph.WeightLimit(bits)
	w.Bits, w.Int, w.Scale = bits, make([]int8, w.Elements()), make([]float32, shape[0])
	for i := range w.Int {
		if bits == 1 {
			w.Int[i] = int8(2*rng.IntN(2) - 1)
		} else {
			w.Int[i] = int8(rng.IntN(2*limit+1) - limit)
		}
	}
	for i := range w.Scale {
		w.Scale[i] = 0.01
	}
	return w
}
