package planner

import (
	"slices"

	"galen/engine/compress/structure"
	"galen/hw/graph"
)

// costModel predicts what a policy takes on the device from what the finished episodes took. What a
// layer cost in the same size before, it will cost again; else its cost grows linearly with its
// multiply-accumulates, along one line for every way its numbers were represented. Costs are
// shares of the original network's latency.
//
// It is made anew for every episode, from nothing but the episodes: there is no state to save.
type costModel struct {
	layers []map[representation]costs
	rest   float64 // what is in no layer, and what the lines miss by
}

// representation is the bits of a layer's weights and activations.
type representation struct{ weights, activations int }

var eightBits = representation{8, 8}

// costs are what a layer costs in one representation.
type costs struct {
	// By size: from 8 channels to 4 there are as many multiply-accumulates as from 4 to 8, but kernels
	// take different times for them.
	known map[structure.Size]float64
	line  line
}

// line is cost = base + slope·MACs.
type line struct{ base, slope float64 }

// Channels come in steps and costs with them, so that the episodes most like the next one tell
// most about it: the latest. Of these the very latest tell what lines still miss by.
const (
	costEpisodes = 64
	restEpisodes = 8
)

// newCostModel learns from episodes; nil if there are none.
func newCostModel(episodes []Episode) *costModel {
	if len(episodes) == 0 {
		return nil
	}
	episodes = episodes[max(0, len(episodes)-costEpisodes):]
	m := &costModel{layers: make([]map[representation]costs, len(episodes[0].Policy))}
	for l := range m.layers {
		spent := make(map[representation][]expense)
		for _, e := range episodes {
			key := representation{e.Policy[l].WeightBits, e.Policy[l].ActivationBits}
			spent[key] = append(spent[key], expense{e.Sizes[l], e.Shares[l]})
		}
		m.layers[l] = make(map[representation]costs, len(spent))
		for key, s := range spent {
			m.layers[l][key] = newCosts(s)
		}
	}
	var missed []float64
	for _, e := range episodes[max(0, len(episodes)-restEpisodes):] {
		missed = append(missed, e.Latency-m.predict(e.Policy, e.Sizes))
	}
	slices.Sort(missed)
	m.rest = missed[len(missed)/2]
	return m
}

// predict is a policy's latency ÷ the original's; sizes are what it leaves of the layers.
func (m *costModel) predict(p structure.Policy, sizes []structure.Size) float64 {
	ratio := m.rest
	for l := range m.layers {
		ratio += m.cost(l, representation{p[l].WeightBits, p[l].ActivationBits}, sizes[l])
	}
	return ratio
}

// cost is a layer's in a representation and of a size. A representation that was not tried yet is taken for
// eight bits, whose kernels run what has none of its own, or else for the slowest that was.
func (m *costModel) cost(l int, r representation, size structure.Size) float64 {
	known := m.layers[l]
	if found, ok := known[r]; ok {
		return found.at(size)
	}
	if found, ok := known[eightBits]; ok && r.weights != graph.FloatBits {
		return found.at(size)
	}
	slowest := 0.0
	for _, other := range known {
		slowest = max(slowest, other.at(size))
	}
	return slowest
}

// expense is what a layer of a size cost once.
type expense struct {
	size structure.Size
	cost float64
}

// newCosts learns from what a layer cost.
func newCosts(spent []expense) costs {
	var points []point
	known := make(map[structure.Size]float64)
	times := make(map[structure.Size]float64)
	for _, s := range spent {
		points = append(points, point{float64(s.size.MACs), s.cost})
		times[s.size]++
		known[s.size] += (s.cost - known[s.size]) / times[s.size]
	}
	return costs{known, fitLine(points)}
}

func (c costs) at(s structure.Size) float64 {
	if known, ok := c.known[s]; ok {
		return known
	}
	return c.line.base + c.line.slope*float64(s.MACs)
}

type point struct{ x, y float64 }

// fitLine is the least-squares line through points, neither falling nor negative at 0. Through
// points at one place it runs halfway between level and proportional.
func fitLine(points []point) line {
	n := float64(len(points))
	var x, y, xx, xy float64
	for _, p := range points {
		x, y = x+p.x/n, y+p.y/n
	}
	for _, p := range points {
		xx += (p.x - x) * (p.x - x)
		xy += (p.x - x) * (p.y - y)
	}
	switch {
	case x <= 0:
		return line{base: y}
	case xx <= 1e-9*x*x*n:
		return line{y / 2, y / 2 / x}
	}
	slope := max(xy/xx, 0)
	if slope*x > y {
		return line{slope: y / x}
	}
	return line{y - slope*x, slope}
}
