package engine

import (
	"context"
	"testing"
)

func TestForkedIterativeSearchGoesOn(t *testing.T) {
	load := smallWorkload(t)
	db, id := createRun(t, testSettings("quantize-iterative", 10))
	search(t, context.Background(), db, id, load)
	w := &Workbench{db: db}
	for _, episode := range []int{2, 9} {
		fork, err := w.Fork(id, episode, "")
		if err != nil {
			t.Fatal(err)
		}
		if s := search(t, context.Background(), db, fork.ID, load); s.state != Finished || len(s.episodes) != 10 {
			t.Errorf("the fork from episode %d ends %s after %d: %s", episode, s.state, len(s.episodes), s.problem)
		}
	}
}
