package compress

import (
	"slices"

	"galen/engine/compress/refit"
	"galen/engine/compress/structure"
	"galen/hw/graph"
	"galen/hw/runtime"
)

// ranking gives the channel classes their importance while the original network runs, if that is to be
// observed.
type ranking struct {
	structure *structure.Structure
	workers   refit.Workers
	by        structure.Importance
	scores    []float64 // per class

	readers   [][]int                // per group: the layers by whose reconstruction its channels are ranked
	remaining []int                  // per group: how many of those have not run yet
	seen      [][]*refit.Elimination // per group: of those that have
}

func newRanking(s *structure.Structure, workers refit.Workers, by structure.Importance, scores []float64) *ranking {
	n := len(s.Groups)
	r := &ranking{s, workers, by, scores, make([][]int, n), make([]int, n), make([][]*refit.Elimination, n)}
	for g := range s.Groups {
		r.readers[g] = slices.DeleteFunc(s.Readers(g), func(l int) bool { return r.byEnergy(r.node(l)) })
		r.remaining[g] = len(r.readers[g])
	}
	return r
}

func (r *ranking) node(layer int) *graph.Node {
	return &r.structure.Graph.Nodes[r.structure.Layers[layer].Node]
}

// byEnergy tells whether a layer ranks the channels it reads by energy: where elimination would take too long,
// too, if it is the only reader.
func (r *ranking) byEnergy(n *graph.Node) bool {
	return r.by == structure.Energy || !refit.Fittable(n.Weight())
}

// rankInputs ranks the channels that a layer reads by its input and output on the calibration images.
func (r *ranking) rankInputs(layer int, input *runtime.Batch, output refit.Statistics) {
	if !r.by.Observed() || r.structure.Layers[layer].Grouped {
		return // the channels a grouped convolution hands on matter where its own do
	}
	n, classes := r.node(layer), r.structure.Reads(layer)
	if r.byEnergy(n) {
		for channel, energy := range refit.Energies(n.Weight(), refit.StatisticsOf(r.workers, input), output) {
			r.scores[classes[channel]] += energy
		}
		return
	}
	var moments *refit.Gram
	for g, readers := range r.readers {
		if !slices.Contains(readers, layer) {
			continue
		}
		if moments == nil {
			moments = &refit.Grams(r.workers, n, input, r.structure.Graph.Values[n.Output].Shape)[0]
		}
		if e := refit.NewElimination(r.workers, moments, n, classes); e != nil {
			r.seen[g] = append(r.seen[g], e)
		}
		if r.remaining[g]--; r.remaining[g] == 0 && len(r.seen[g]) > 0 {
			refit.Eliminate(r.workers, r.structure.Groups[g].Removable(), r.seen[g], r.scores)
			r.seen[g] = nil
		}
	}
}
