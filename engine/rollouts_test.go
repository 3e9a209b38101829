package engine

import (
	"context"
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
	led             [][]float64
}

func (a *inTurn) Act([]float64) []float64 {
	turn := a.asked / a.layers
	a.asked++
	return []float64{a.sparsities[turn%len(a.sparsities)], 0.35, 0.35}
}

func (a *inTurn) Finish(agents.Episode) error { a.asked = 0; return nil }
func (a *inTurn) Rollouts() int               { return len(a.sparsities) }
func (a *inTurn) Think()                      {}
func (a *inTurn) Lead(actions [][]float64)    { a.led = actions }

func (a *inTurn) Value(_, actions [][]float64) float64 { return actions[0][0] }

// TestTheBestPolicyThatIsNewIsTried has the critic and the accuracy model choose in turns.
func TestTheBestPolicyThatIsNewIsTried(t *testing.T) {
	ctx := context.Background()
	load := smallWorkload(t)
	db, id := createRun(t, testSettings(random, 10))
	s := openSearch(t, db, id, load)
	s.state = Running
	if err := s.prepare(ctx); err != nil {
		t.Fatal(err)
	}
	// 16 channels in steps of 4: 0.6 and 0.61 keep as many.
	left := []float64{0.1, 0.3, 0.6, 0.61, 0.8}
	agent := &inTurn{Uniform: agents.NewUniform(s.space), sparsities: slices.Clone(left), layers: len(s.layers)}
	s.agent = agent
	next := func() float64 {
		t.Helper()
		if err := s.nextEpisode(ctx); err != nil {
			t.Fatal(err)
		}
		tried := s.episodes[len(s.episodes)-1].Actions[0][0]
		left = slices.DeleteFunc(left, func(x float64) bool { return x == tried || tried > 0.5 && x > 0.5 && x < 0.7 && tried < 0.7 })
		return tried
	}
	for range 2 {
		want := slices.Max(left)
		if got := next(); got != want {
			t.Errorf("episode %d has sparsity %v, the critic prefers %v", len(s.episodes), got, want)
		}
		accuracy, cost := s.newAccuracyModel(), newCostModel(s.episodes)
		most, promised := math.Inf(-1), 0.0
		for _, sparsity := range left {
			d, err := s.decide(ctx, plan{actions: slices.Repeat([][]float64{{sparsity, 0.35, 0.35}}, len(s.layers)), rehearsal: true})
			if err != nil {
				t.Fatal(err)
			}
			if promise := s.promise(accuracy, cost, d.policy); promise > most {
				most, promised = promise, sparsity
			}
		}
		leader := s.leader(accuracy)
		if got := next(); got != promised {
			t.Errorf("episode %d has sparsity %v, the models prefer %v", len(s.episodes), got, promised)
		}
		if agent.led[0][0] != leader.Actions[0][0] {
			t.Errorf("the agent follows a sparsity of %v, the best has %v", agent.led[0][0], leader.Actions[0][0])
		}
	}
	if got := next(); len(left) != 0 || got != 0.1 {
		t.Errorf("with all tried, %v is tried again, want the agent's first decision 0.1", got)
	}
}
