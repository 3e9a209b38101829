package hw

import (
	"fmt"
	"math/rand/v2"
	"time"

	"galen/hw/graph"
)

// LayerSpeed is how well one layer uses the machine.
type LayerSpeed struct {
	LayerTime
	Integer  bool    // multiplies integers
	MACs     int64   // per image
	Share    float64 // of the time of all layers
	Rate     float64 // 10⁹ operations per second: two per multiply-accumulate
	PeakPart float64 // Rate as a share of the machine's peak; above 1 for algorithms that save operations
}

// Peak is the fastest that galen's kernels compute on one core of this machine, in 10⁹ operations per
// second, measured.
type Peak struct {
	Float   float64 // 32-bit floating point
	Integer float64 // 8-bit integers
}

// timeLayers times each layer by itself and relates it to the machine's peak.
func (b *Bench) timeLayers(g *graph.Graph, c *compiled) error {
	release := undisturbed(1)
	defer release()
	var err error
	if b.Peak, err = measurePeak(); err != nil {
		return err
	}
	plans, nodes := c.plan.Layers(), g.Layers()
	for i, t := range c.layerTimes() {
		l := LayerSpeed{LayerTime: t, Integer: integer(g, nodes[i]), MACs: plans[i].MACs}
		l.Rate = rate(l.MACs, l.MS)
		peak := b.Peak.Float
		if l.Integer {
			peak = b.Peak.Integer
		}
		l.PeakPart = l.Rate / peak
		b.Layers = append(b.Layers, l)
		b.LayersMS += l.MS
	}
	for i := range b.Layers {
		b.Layers[i].Share = b.Layers[i].MS / b.LayersMS
	}
	return nil
}

// integer tells whether a layer's weights and input are both quantized.
func integer(g *graph.Graph, node int) bool {
	n := &g.Nodes[node]
	return n.Weight().Quantized() && g.Values[n.Inputs[0]].Quant != nil
}

// rate is in 10⁹ operations per second; 0 for what took no time that the clock could see.
func rate(macs int64, ms float64) float64 {
	if ms <= 0 {
		return 0
	}
	return 2 * float64(macs) / ms / 1e6
}

// The network whose layers come nearest to the machine's peak: 1×1 convolutions, which no algorithm
// can shorten, on tensors that stay in the nearest caches.
const (
	peakChannels = 256
	peakSize     = 8 // height and width
	peakLayers   = 4
	peakRounds   = 300
)

// measurePeak takes the best of many layers.
func measurePeak() (Peak, error) {
	var peak Peak
	for _, quantized := range []bool{false, true} {
		g, err := peakNetwork(quantized)
		if err != nil {
			return Peak{}, fmt.Errorf("measure the machine's peak: %w", err)
		}
		c, err := compile(g, latency)
		if err != nil {
			return Peak{}, fmt.Errorf("measure the machine's peak: %w", err)
		}
		best, layers := 0.0, c.plan.Layers()
		times := make([]time.Duration, len(layers))
		for range peakRounds {
			clear(times)
			c.workers[0].RunTimed(c.output, c.input, times)
			// The first layer also quantizes its input.
			for i := 1; i < len(layers); i++ {
				best = max(best, rate(layers[i].MACs, milliseconds(times[i])))
			}
		}
		if quantized {
			peak.Integer = best
		} else {
			peak.Float = best
		}
	}
	return peak, nil
}

func peakNetwork(quantized bool) (*graph.Graph, error) {
	rng := rand.New(rand.NewPCG(3, 4))
	quant := &graph.Quant{Scale: 0.05, Zero: 128, Bits: 8}
	g := graph.NewGraph("peak", "input", graph.Shape{peakChannels, peakSize, peakSize})
	add := func(name string, op graph.Op) error {
		id, err := g.Append(name, op, name, g.Output)
		if err == nil && quantized {
			g.Values[id].Quant = quant
		}
		return err
	}
	if quantized {
		if err := add("quantize", graph.Quantize{}); err != nil {
			return nil, err
		}
	}
	for i := range peakLayers {
		const n = peakChannels * peakChannels
		w := graph.Weight{Shape: []int{peakChannels, peakChannels, 1, 1}}
		if quantized {
			w.Bits, w.Int, w.Scale = 8, make([]int8, n), make([]float32, peakChannels)
			for j := range w.Int {
				w.Int[j] = int8(rng.IntN(255) - 127)
			}
			for j := range w.Scale {
				w.Scale[j] = 0.001
			}
		} else {
			w.Float = make([]float32, n)
			for j := range w.Float {
				w.Float[j] = float32(rng.NormFloat64() / 12)
			}
		}
		conv := &graph.Conv{Kernel: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1, Weight: w}
		if err := add(fmt.Sprintf("conv%d", i), conv); err != nil {
			return nil, err
		}
	}
	return g, nil
}
