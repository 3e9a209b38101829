package engine

import (
	"bytes"
	"context"
	"reflect"
	"testing"

	"galen/agents"
	"galen/store"
)

func TestCostsAreTimesOrBitOperations(t *testing.T) {
	layers := []store.LayerResult{
		{MS: 0.5, MACs: 100, WeightBits: 8, ActivationBits: 8},
		{MS: 0, MACs: 50, WeightBits: 4, ActivationBits: 2},
	}
	if got, want := costsOf(layers), []float64{0.5, 0}; !reflect.DeepEqual(got, want) {
		t.Errorf("timed layers cost %v, want %v", got, want)
	}
	layers[0].MS = 0
	if got, want := costsOf(layers), []float64{6400, 400}; !reflect.DeepEqual(got, want) {
		t.Errorf("layers without times cost %v, want %v", got, want)
	}
}

// TestComposedRewardOfASearch compares searches with r3 and r7, whose episodes are worth the
// same but teach other things, and a fork that learns from r3 anew.
func TestComposedRewardOfASearch(t *testing.T) {
	load := smallWorkload(t)
	run := func(reward string) (*Search, *store.DB, string) {
		settings := testSettings("joint", 16)
		settings.Reward, settings.Target = reward, 0.1 // out of reach: all pay for what they cost
		db, id := createRun(t, settings)
		return search(t, context.Background(), db, id, load), db, id
	}
	composed, db, id := run("r3")
	shared, _, _ := run("r7")
	for i, e := range composed.episodes {
		o := composed.outcome(e.Accuracy, e.LatencyRatio)
		if want := agents.OneSided(0.1, composed.settings.Beta)(o); e.Reward != want {
			t.Errorf("episode %d is worth %v, want %v", i+1, e.Reward, want)
		}
	}
	states := func(s *Search) []byte {
		data, err := s.agent.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if bytes.Equal(states(composed), states(shared)) {
		t.Error("r3 teaches what r7 does")
	}
	fork, err := (&Workbench{db: db}).Fork(id, 12, "")
	if err != nil {
		t.Fatal(err)
	}
	if s := search(t, context.Background(), db, fork.ID, load); s.state != Finished {
		t.Errorf("the fork ends %s: %s", s.state, s.problem)
	}
}
