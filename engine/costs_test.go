package engine

import (
	"bytes"
	"context"
	"testing"

	"galen/agents"
	"galen/store"
)

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
		o := agents.Outcome{Accuracy: e.Accuracy, ReferenceAccuracy: composed.reference.Accuracy, Latency: e.LatencyRatio, ReferenceLatency: 1}
		if want := agents.OneSided(0.1, composed.settings.Beta)(o); e.Reward != want {
			t.Errorf("episode %d is worth %v, want %v", i+1, e.Reward, want)
		}
	}
	states := func(s *Search) []byte {
		data, err := s.planner.Checkpoint()
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
