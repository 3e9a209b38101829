package engine

import (
	"math"
	"testing"

	"galen/agents"
	"galen/store"
)

func TestBisect(t *testing.T) {
	// The latency falls evenly with the level: 0.4 at 0, 0.1 at 1.
	ratioAt := func(level float64) float64 { return 0.4 - 0.3*level }
	for _, c := range []struct{ target, want float64 }{
		{0.25, 0.5},
		{0.12, 0.933},
		{0.5, 0},  // the lightest is fast enough
		{0.05, 1}, // nothing is
	} {
		var trials []trial
		level, found := bisect(nil, c.target)
		for !found {
			if len(trials) >= bisections {
				t.Fatalf("target %v: no end after %d episodes", c.target, len(trials))
			}
			trials = append(trials, trial{Level: level, Ratio: ratioAt(level)})
			level, found = bisect(trials, c.target)
		}
		if math.Abs(level-c.want) > 0.02 {
			t.Errorf("target %v: level %.3f, want about %.3f", c.target, level, c.want)
		}
		if c.want > 0 && c.want < 1 && ratioAt(level) > c.target {
			t.Errorf("target %v: level %.3f takes %.3f", c.target, level, ratioAt(level))
		}
	}
}

func TestEquallySensitive(t *testing.T) {
	rising := func(from float64) []float64 {
		curve := make([]float64, 10)
		for i := 1; i < 10; i++ {
			curve[i] = from * math.Pow(4, float64(i))
		}
		return curve
	}
	forbidden := make([]float64, 10)
	for i := range forbidden {
		forbidden[i] = 1000
	}
	layers := []Layer{
		{Name: "sensitive", Sensitivity: store.Sensitivity{Sparsity: rising(1e-2), WeightBits: rising(1e-2), ActivationBits: rising(1e-3)}},
		{Name: "robust", Sensitivity: store.Sensitivity{Sparsity: rising(1e-5), WeightBits: rising(1e-5), ActivationBits: rising(1e-6)}},
		{Name: "frozen", Sensitivity: store.Sensitivity{Sparsity: forbidden, WeightBits: forbidden, ActivationBits: forbidden}},
	}
	for _, kind := range agents.Kinds() {
		space, err := agents.NewSpace(kind, 6)
		if err != nil {
			t.Fatal(err)
		}
		slack := 0.0
		if kind == agents.Quantize3 {
			slack = 0.1 // what it says of bits with int8 means nothing
		}
		var last [][]float64
		for level := 0.0; level <= 1; level += 0.125 {
			actions := equallySensitive(space, layers, level)
			for i, action := range actions {
				if len(action) != space.Actions() {
					t.Fatalf("%s: %d actions, want %d", kind, len(action), space.Actions())
				}
				for j := range action {
					if last != nil && action[j] < last[i][j]-slack {
						t.Errorf("%s: level %v compresses %s less than the one before", kind, level, layers[i].Name)
					}
				}
			}
			if kind != agents.Quantize3 && actions[0][0] > actions[1][0] {
				t.Errorf("%s: level %v compresses the sensitive layer more than the robust one", kind, level)
			}
			if c := space.Choice(actions[2]); c.Sparsity != 0 || !kind.Prunes() && c.Method != agents.Int8 {
				t.Errorf("%s: level %v compresses the frozen layer: %+v", kind, level, c)
			}
			last = actions
		}
	}
}
