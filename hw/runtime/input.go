package runtime

import (
	"math"
	"slices"

	"galen/hw/graph"
	"galen/hw/kernel"
)

// lowerInput decides how images are loaded and gives the units that are left to do. If all that is done with
// the image is to quantize it, that is done as it is loaded.
func (c *compiler) lowerInput(units []unit) []unit {
	id := c.g.Input
	shape, quant := c.g.Values[id].Shape, c.g.Values[id].Quant
	reader := -1
	if quant == nil {
		reader = c.quantizer(units)
	}
	if reader >= 0 {
		id = units[reader].output
		units, quant = slices.Delete(units, reader, reader+1), c.g.Values[id].Quant
	}
	c.input = c.slot(shape, quant)
	if c.narrow() {
		c.input.stride = narrowStride
	}
	c.values[id] = c.input
	c.input.hold(-1, -1)
	if quant == nil {
		c.input.hold(-1, math.MaxInt) // no other tensor spoils the lanes that stay zero, see load
	}
	return units
}

// quantizer is the unit that only quantizes the image, if no other reads it; else −1.
func (c *compiler) quantizer(units []unit) int {
	reads := 0
	for _, n := range c.g.Nodes {
		for _, in := range n.Inputs {
			if in == c.g.Input {
				reads++
			}
		}
	}
	if reads != 1 || c.g.Input == c.g.Output {
		return -1
	}
	return slices.IndexFunc(units, func(u unit) bool {
		return c.g.Nodes[u.node].Inputs[0] == c.g.Input && c.onlyQuantizes(u)
	})
}

// narrowStride is the pixel of an image with few channels that takes a quarter of the memory others would.
const narrowStride = 4

// narrow tells whether all that read the input are convolutions that take it in narrow pixels.
func (c *compiler) narrow() bool {
	in := c.g.Values[c.g.Input]
	if in.Quant != nil || in.Shape[0] > narrowStride || c.g.Input == c.g.Output {
		return false
	}
	for _, n := range c.g.Nodes {
		if !slices.Contains(n.Inputs, c.g.Input) {
			continue
		}
		conv, ok := n.Op.(*graph.Conv)
		if !ok || conv.Groups > 1 {
			return false
		}
		shape := LayerShape(conv, in.Shape, c.g.Values[n.Output].Shape)
		if !kernel.PlanFloat(c.isa, shape, !c.direct).TakesNarrowPixels() {
			return false
		}
	}
	return true
}
