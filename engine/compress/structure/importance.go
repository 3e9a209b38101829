package structure

import "math"

// Importance is how channels are ranked when some must go.
type Importance string

const (
	// Energy ranks a channel by what its readers' outputs owe it: its variance on the calibration
	// images times the squared weights it meets, as a share of the outputs' variance,
	// summed over the layers that read it. What a channel gives on average does not count:
	// a bias can give it.
	Energy Importance = "energy"
	// Reconstruction removes channels one after another, each time those whose loss its readers can
	// make up for best with the channels that are left, and ranks them by that order.
	Reconstruction Importance = "reconstruction"
	// GroupL2 ranks a channel by the squared L2 norms of its filters in all layers of its group,
	// each relative to its layer's mean, so that every layer counts the same.
	GroupL2 Importance = "group-l2"
	// RootL1 ranks a channel by the L1 norm of its filter in the first layer that
	// computes it, as the Galen paper does.
	RootL1 Importance = "root-l1"
)

// Observed tells whether channels are ranked by what the original network computes.
func (i Importance) Observed() bool { return i == Energy || i == Reconstruction }

// Scores gives every channel class its importance by the weights alone; zero where it is to be observed.
func (s *Structure) Scores(by Importance) []float64 {
	scores := make([]float64, s.count)
	switch by {
	case GroupL2:
		s.scoreGroups(scores)
	case RootL1:
		s.scoreRoots(scores)
	}
	return scores
}

func (s *Structure) scoreGroups(scores []float64) {
	for _, info := range s.Layers {
		n := &s.Graph.Nodes[info.Node]
		norms := filterNorms(n.Weight().Float, info.Channels, func(w float64) float64 { return w * w })
		total := 0.0
		for _, norm := range norms {
			total += norm
		}
		if total == 0 {
			continue
		}
		for c, class := range s.classes[n.Output] {
			scores[class] += norms[c] / total * float64(info.Channels)
		}
	}
}

func (s *Structure) scoreRoots(scores []float64) {
	scored := make([]bool, s.count)
	for _, info := range s.Layers {
		n := &s.Graph.Nodes[info.Node]
		norms := filterNorms(n.Weight().Float, info.Channels, math.Abs)
		classes := s.classes[n.Output]
		for c, class := range classes {
			if !scored[class] {
				scores[class] += norms[c]
			}
		}
		for _, class := range classes {
			scored[class] = true
		}
	}
}

// filterNorms sums a function of the weights per output channel.
func filterNorms(weights []float32, channels int, of func(float64) float64) []float64 {
	norms := make([]float64, channels)
	per := len(weights) / channels
	for c := range norms {
		for _, w := range weights[c*per : (c+1)*per] {
			norms[c] += of(float64(w))
		}
	}
	return norms
}
