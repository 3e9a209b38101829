package planner

import (
	"math"
	"slices"
	"testing"

	"galen/agents"
)

// inTurn is an agent that decides on all layers alike, on one sparsity after the other, and thinks
// most of the highest.
type inTurn struct {
	*agents.Uniform // for what nothing depends on
	sparsities      []float64
	layers, asked   int
	incumbent       [][]float64
}

func (a *inTurn) Act([]float64) []float64 {
	turn := a.asked / a.layers
	a.asked++
	return []float64{a.sparsities[turn%len(a.sparsities)], 0.35, 0.35}
}

func (a *inTurn) Finish(agents.Episode) error      { a.asked = 0; return nil }
func (a *inTurn) Rollouts() int                    { return len(a.sparsities) }
func (a *inTurn) Think()                           {}
func (a *inTurn) SetIncumbent(actions [][]float64) { a.incumbent = actions }

func (a *inTurn) Value(_, actions [][]float64) float64 { return actions[0][0] }

// TestTheBestPolicyThatIsNewIsTried has the critic and the accuracy model choose in turns.
func TestTheBestPolicyThatIsNewIsTried(t *testing.T) {
	r := newRun(t, settingsOf("random"), Progress{})
	// 32 channels in steps of 4: 0.6 and 0.61 keep as many.
	left := []float64{0.1, 0.3, 0.6, 0.61, 0.8}
	agent := &inTurn{Uniform: agents.NewUniform(r.space), sparsities: slices.Clone(left), layers: len(r.layers)}
	r.agent = agent
	next := func() float64 {
		t.Helper()
		tried := r.episode(t).Actions[0][0]
		left = slices.DeleteFunc(left, func(x float64) bool { return x == tried || tried > 0.5 && x > 0.5 && x < 0.7 && tried < 0.7 })
		return tried
	}
	for range 2 {
		want := slices.Max(left)
		if got := next(); got != want {
			t.Errorf("episode %d has sparsity %v, the critic prefers %v", len(r.episodes), got, want)
		}
		accuracy, cost := r.newAccuracyModel(), newCostModel(r.episodes)
		most, preferred := math.Inf(-1), 0.0
		for _, sparsity := range left {
			plan, err := r.dryRun(t.Context(), prescription{actions: slices.Repeat([][]float64{{sparsity, 0.35, 0.35}}, len(r.layers))})
			if err != nil {
				t.Fatal(err)
			}
			if reward := r.predictedReward(accuracy, cost, plan.Policy); reward > most {
				most, preferred = reward, sparsity
			}
		}
		incumbent := *r.incumbent(accuracy)
		if got := next(); got != preferred {
			t.Errorf("episode %d has sparsity %v, the models prefer %v", len(r.episodes), got, preferred)
		}
		if agent.incumbent[0][0] != incumbent.Actions[0][0] {
			t.Errorf("the agent follows a sparsity of %v, the best has %v", agent.incumbent[0][0], incumbent.Actions[0][0])
		}
	}
	if got := next(); len(left) != 0 || got != 0.1 {
		t.Errorf("with all tried, %v is tried again, want the agent's first decision 0.1", got)
	}
}
