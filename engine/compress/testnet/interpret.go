// Package testnet has small random networks for tests, and an interpreter that says naively what a
// network computes.
package testnet

import (
	"galen/hw/graph"
	"galen/hw/graph/reference"
)

// InterpretAll runs a float graph on n images.
func InterpretAll(g *graph.Graph, pixels []float32, n int) (rows [][]float64) {
	size := len(pixels) / n
	for i := range n {
		rows = append(rows, Interpret(g, pixels[i*size:(i+1)*size], nil))
	}
	return rows
}

// Interpret runs a float graph on one image, naively and in float64. zero tells which
// channels of a value a layer reads as zeros; nil: none.
func Interpret(g *graph.Graph, image []float32, zero func(graph.ValueID, int) bool) []float64 {
	values := make([][]float64, len(g.Values))
	values[g.Input] = make([]float64, len(image))
	for i, x := range image {
		values[g.Input][i] = float64(x)
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		inputs, shapes := make([][]float64, len(n.Inputs)), make([]graph.Shape, len(n.Inputs))
		for j, id := range n.Inputs {
			inputs[j], shapes[j] = values[id], g.Values[id].Shape
			if n.Weight() != nil && zero != nil {
				masked := append([]float64(nil), inputs[j]...)
				per := len(masked) / shapes[j][0]
				for k := range masked {
					if zero(id, k/per) {
						masked[k] = 0
					}
				}
				inputs[j] = masked
			}
		}
		values[n.Output] = reference.Compute(n.Op, inputs, shapes)
	}
	return values[g.Output]
}
