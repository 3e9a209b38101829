package planner

import (
	"math"
	"testing"

	"galen/agents"
	"galen/engine/compress"
)

func TestTrials(t *testing.T) {
	for _, c := range []struct {
		name   string
		target float64
		missed float64 // by which the first landing of a blend misses the target
		floats bool
		float  float64 // what a float network takes, ÷ int8
		want   int
		ends   bool // as float
	}{
		{"int8 is fast enough", 0.8, 0, true, 0.5, 1, false},
		{"every landing hits", 0.3, 0.01, true, 0.5, len(probeLevels) + len(blends), false},
		{"every first landing misses", 0.3, 0.05, true, 0.5, len(probeLevels) + 2*len(blends), false},
		{"every landing misses", 0.3, 0.5, true, 0.5, len(probeLevels) + 2*len(blends), false},
		{"float is faster where the target is hard", 0.15, 0.01, true, 0.5, len(probeLevels) + 1 + len(blends), true},
		{"float is slower there", 0.15, 0.01, true, 2, len(probeLevels) + 1 + len(blends), false},
		{"float is not for the agent to choose", 0.15, 0.01, false, 0.5, len(probeLevels) + len(blends), false},
	} {
		var trials []trial
		landed := make(map[float64]int)
		for {
			next, over := nextTrial(trials, c.target, c.floats)
			if over {
				break
			}
			if len(trials) > 100 {
				t.Fatalf("%s: no end", c.name)
			}
			next.Ratio = 0.7 - 0.6*next.Level
			if next.Float {
				next.Ratio *= c.float
			}
			if math.IsNaN(next.Level) {
				next.Ratio = c.target * (1 + c.missed/math.Pow(10, float64(landed[next.Blend])))
				landed[next.Blend]++
			}
			next.Episode = len(trials) + 1
			trials = append(trials, next)
		}
		if len(trials) != c.want || trials[len(trials)-1].Float != c.ends {
			t.Errorf("%s: %d trials, the last one %+v, want %d", c.name, len(trials), trials[len(trials)-1], c.want)
		}
	}
}

func TestBlended(t *testing.T) {
	rising := func(from float64) []float64 {
		curve := make([]float64, 10)
		for i := 1; i < 10; i++ {
			curve[i] = from * math.Pow(4, float64(i))
		}
		return curve
	}
	forbidden := make([]float64, 10)
	for i := range forbidden {
		forbidden[i] = compress.NotAllowed
	}
	layers := []Layer{
		{Name: "sensitive", Sensitivity: compress.Curve{Sparsity: rising(1e-2), WeightBits: rising(1e-2), ActivationBits: rising(1e-3)}},
		{Name: "robust", Sensitivity: compress.Curve{Sparsity: rising(1e-5), WeightBits: rising(1e-5), ActivationBits: rising(1e-6)}},
		{Name: "frozen", Sensitivity: compress.Curve{Sparsity: forbidden, WeightBits: forbidden, ActivationBits: forbidden}},
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
		for _, blend := range blends {
			var last [][]float64
			for level := 0.0; level <= 1; level += 0.125 {
				actions := blended(space, layers, blend, level, false)
				for i, action := range actions {
					if len(action) != space.Actions() {
						t.Fatalf("%s: %d actions, want %d", kind, len(action), space.Actions())
					}
					for j := range action {
						if last != nil && action[j] < last[i][j]-slack {
							t.Errorf("%s: level %v of blend %v compresses %s less than the one before", kind, level, blend, layers[i].Name)
						}
					}
				}
				if kind != agents.Quantize3 && actions[0][0] > actions[1][0] || blend == 1 && actions[0][0] != actions[1][0] {
					t.Errorf("%s: level %v of blend %v compresses the sensitive layer by %v, the robust one by %v", kind, level, blend, actions[0][0], actions[1][0])
				}
				if c := space.Choice(actions[2]); c.Sparsity != 0 || !kind.Prunes() && c.Method != agents.Int8 {
					t.Errorf("%s: level %v of blend %v compresses the frozen layer: %+v", kind, level, blend, c)
				}
				last = actions
				for i, action := range blended(space, layers, blend, level, true) {
					if c := space.Choice(action); kind == agents.Joint && (c.Method != agents.Float || c.Sparsity != space.Choice(actions[i]).Sparsity) {
						t.Errorf("level %v of blend %v as float is %+v", level, blend, c)
					}
				}
			}
		}
	}
}
