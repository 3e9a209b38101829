package refit

import "galen/hw/graph"

// Energies are what the outputs of a layer owe to each of its input channels: the channel's variance times the
// squared weights it meets, as a share of the outputs' variance. Nil: the outputs never change.
func Energies(w *graph.Weight, input, output Statistics) []float64 {
	total := 0.0
	for _, d := range output.Deviation {
		total += d * d
	}
	if total == 0 {
		return nil
	}
	taps := graph.Shape(w.Shape[2:]).Elements()
	energies := make([]float64, w.Shape[1])
	for channel := range energies {
		squares := 0.0
		for at := channel * taps; at < len(w.Float); at += w.Channel() {
			for _, x := range w.Float[at : at+taps] {
				squares += float64(x) * float64(x)
			}
		}
		energies[channel] = squares * input.Deviation[channel] * input.Deviation[channel] / total
	}
	return energies
}
