package engine

import (
	"context"
	"testing"

	"galen/agents"
)

// inTurn is an agent that decides on all layers alike, on one sparsity after the other, and thinks
// most of the highest.
type inTurn struct {
	*agents.Uniform // for what nothing depends on
	sparsities      []float64
	layers, asked   int
}

func (a *inTurn) Act([]float64) []float64 {
	turn := a.asked / a.layers
	a.asked++
	return []float64{a.sparsities[turn%len(a.sparsities)], 0.35, 0.35}
}

func (a *inTurn) Finish(agents.Episode) error { a.asked = 0; return nil }
func (a *inTurn) Rollouts() int               { return len(a.sparsities) }

func (a *inTurn) Value(_, actions [][]float64) float64 { return actions[0][0] }

func TestTheBestPolicyThatIsNewIsTried(t *testing.T) {
	ctx := context.Background()
	load := smallWorkload(t)
	db, id := createRun(t, testSettings(random, 10))
	s := openSearch(t, db, id, load)
	s.state = Running
	if err := s.prepare(ctx); err != nil {
		t.Fatal(err)
	}
	s.agent = &inTurn{Uniform: agents.NewUniform(s.space), sparsities: []float64{0.1, 0.3, 0.6, 0.61}, layers: len(s.layers)}
	// 16 channels in steps of 4: 0.6 and 0.61 keep as many. In the end all were tried.
	for i, want := range []float64{0.61, 0.3, 0.1, 0.1} {
		if err := s.nextEpisode(ctx); err != nil {
			t.Fatal(err)
		}
		if got := s.episodes[i].Actions[0][0]; got != want {
			t.Errorf("episode %d has sparsity %v, want %v", i+1, got, want)
		}
	}
}
