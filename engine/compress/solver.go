package compress

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"galen/engine/compress/refit"
	"galen/engine/compress/structure"
	"galen/hw/graph"
	"galen/hw/runtime"
)

// layerSolver finds the weights of single layers, each repaired by itself, from the Database as far as that
// has them. Many goroutines may ask it at once.
type layerSolver struct {
	structure *structure.Structure
	workers   refit.Workers
	rounding  refit.WeightRounding
	database  *Database
	input     *runtime.Batch // the calibration images
	identity  entryKey       // of model, calibration images and settings
}

// solverVersion changes when the same inputs give other solutions.
const solverVersion = 2

// newLayerSolver is the solver for a network and its calibration images, as numbers and as a batch.
func newLayerSolver(s *structure.Structure, workers refit.Workers, o Options, calibration []float32, input *runtime.Batch) (*layerSolver, error) {
	solver := &layerSolver{structure: s, workers: workers, rounding: o.rounding(), database: o.Database, input: input}
	h := sha256.New()
	fmt.Fprintf(h, "galen layers %d %s %s %s %g %d\n", solverVersion, o.ISA, o.Rounding, o.WeightRange, refit.Ridge, workers.Pixels)
	if err := graph.Write(h, s.Graph); err != nil {
		return nil, fmt.Errorf("identify the model: %w", err)
	}
	if err := hashFloats(h, calibration); err != nil {
		return nil, err
	}
	h.Sum(solver.identity[:0])
	return solver, nil
}

// key names what was found about a layer.
func (s *layerSolver) key(kind string, l int, inputs []int, bits int) entryKey {
	h := sha256.New()
	h.Write(s.identity[:])
	fmt.Fprintf(h, "%s %d %d %v", kind, l, bits, inputs)
	var key entryKey
	h.Sum(key[:0])
	return key
}

// momentsKey names the moments of what a layer reads.
func (s *layerSolver) momentsKey(l int) entryKey { return s.key("moments", l, nil, 0) }

func (s *layerSolver) node(l int) *graph.Node {
	return &s.structure.Graph.Nodes[s.structure.Layers[l].Node]
}

// solvable tells whether a layer's weights are refitted: those of a grouped convolution lose
// whole groups and have nothing to make up for.
func (s *layerSolver) solvable(l int) bool {
	return refit.Fittable(s.node(l).Weight()) && !s.structure.Layers[l].Grouped
}

// solution is a layer's weights for some of its inputs at some bits, from the Database or found anew.
func (s *layerSolver) solution(l int, inputs []int, bits int) (*refit.Solution, error) {
	n := s.node(l)
	shape := slices.Clone(n.Weight().Shape)
	shape[1] = len(inputs)
	key := s.key("solution", l, inputs, bits)
	if content, ok := s.database.get(key); ok {
		if found, ok := refit.DecodeSolution(content, shape, bits); ok {
			return found, nil
		}
		s.database.drop(key)
	}
	var moments *refit.Gram
	if s.solvable(l) {
		var err error
		if moments, err = s.moments(l); err != nil {
			return nil, err
		}
	}
	solved := refit.Solve(s.workers, n, moments, inputs, bits, s.rounding)
	s.database.put(key, solved.Encode())
	return solved, nil
}

// moments are those of what a layer reads in the original network, from the Database or found anew.
func (s *layerSolver) moments(l int) (*refit.Gram, error) {
	key := s.momentsKey(l)
	if content, ok := s.database.get(key); ok {
		if g, ok := refit.DecodeGram(content, s.node(l).Weight().Channel()); ok {
			return g, nil
		}
		s.database.drop(key)
	}
	input, err := s.inputOf(l)
	if err != nil {
		return nil, err
	}
	return s.storeMoments(l, input), nil
}

// inputOf runs the original network up to a layer and returns what that reads.
func (s *layerSolver) inputOf(l int) (*runtime.Batch, error) {
	t := refit.NewTrace(s.structure.Graph, s.workers.Tracer(), s.input)
	for i := range s.structure.Layers[l].Node {
		out, err := t.Compute(i)
		if err != nil {
			return nil, err
		}
		t.Keep(i, out)
	}
	return t.Values[s.node(l).Inputs[0]], nil
}

// observeInput takes account of what a layer reads in the original network.
func (s *layerSolver) observeInput(l int, input *runtime.Batch) {
	if s.solvable(l) && !s.database.has(s.momentsKey(l)) {
		s.storeMoments(l, input)
	}
}

// storeMoments takes the moments of what a layer reads and puts them into the Database. They
// are the same as if they had been read from there.
func (s *layerSolver) storeMoments(l int, input *runtime.Batch) *refit.Gram {
	n := s.node(l)
	content := refit.Grams(s.workers, n, input, s.structure.Graph.Values[n.Output].Shape)[0].Encode()
	s.database.put(s.momentsKey(l), content)
	g, _ := refit.DecodeGram(content, n.Weight().Channel())
	return g
}
