package engine

import (
	"context"
	"slices"
	"testing"

	"galen/agents"
)

// inTurn is an agent that decides on all layers alike, on one sparsity after the other.
type inTurn struct {
	*agents.Uniform // for what nothing depends on
	sparsities      []float64
	thoughts        int // so far
	rollouts        int
	lead            [][]float64
}

func (a *inTurn) Act([]float64) []float64 {
	return []float64{a.sparsities[(a.thoughts-1)%len(a.sparsities)], 0.35, 0.35}
}

func (a *inTurn) Finish(agents.Episode) error { a.thoughts = 0; return nil }
func (a *inTurn) Rollouts() int               { return a.rollouts }
func (a *inTurn) Think()                      { a.thoughts++ }
func (a *inTurn) Lead(actions [][]float64)    { a.lead = actions }

func TestTheMostPromisingPolicyThatIsNewIsTried(t *testing.T) {
	ctx := context.Background()
	load := smallWorkload(t)
	db, id := createRun(t, testSettings(random, 10))
	s := openSearch(t, db, id, load)
	s.state = Running
	if err := s.prepare(ctx); err != nil {
		t.Fatal(err)
	}
	next := func() float64 {
		t.Helper()
		if err := s.nextEpisode(ctx); err != nil {
			t.Fatal(err)
		}
		return s.episodes[len(s.episodes)-1].Actions[0][0]
	}
	agent := &inTurn{Uniform: agents.NewUniform(s.space), rollouts: 1}
	s.agent = agent
	for _, sparsity := range []float64{0, 0.8} {
		if agent.sparsities = []float64{sparsity}; next() != sparsity {
			t.Errorf("the first thought, %v, was not tried", sparsity)
		}
	}
	// 16 channels in steps of 4: 0.6 and 0.61 keep as many.
	agent.sparsities, agent.rollouts = []float64{0.8, 0.6, 0.61, 0.3}, 4
	accuracy, cost := s.newAccuracyModel(), newCostModel(s.episodes)
	promises := func(sparsity float64) float64 {
		d, err := s.decide(ctx, plan{actions: slices.Repeat([][]float64{{sparsity, 0.35, 0.35}}, len(s.layers)), rehearsal: true})
		if err != nil {
			t.Fatal(err)
		}
		sizes := s.compressor.Sizes(d.policy)
		return s.settings.reward()(s.outcome(accuracy.predict(d.policy, sizes), cost.predict(d.policy, sizes)))
	}
	want := []float64{0.3, 0.6, 0.8} // in the end all were tried
	if promises(0.6) > promises(0.3) {
		want = []float64{0.6, 0.3, 0.8}
	}
	leader := s.leader(accuracy)
	for i, sparsity := range want {
		if got := next(); got != sparsity {
			t.Errorf("%v was tried, want %v", got, sparsity)
		}
		if i == 0 && agent.lead[0][0] != leader.Actions[0][0] {
			t.Errorf("the agent follows a sparsity of %v, the best has %v", agent.lead[0][0], leader.Actions[0][0])
		}
	}
}
