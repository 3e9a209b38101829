package engine

import (
	"bytes"
	"context"
	"reflect"
	"testing"

	"galen/engine/planner"
)

func TestForks(t *testing.T) {
	settings, load := testSettings("joint", 10), smallWorkload(t)
	db, id := createRun(t, settings)
	search(t, context.Background(), db, id, load)
	want, checkpoint := deterministic(t, db, id)
	w := &Workbench{db: db}

	whole, err := w.Fork("test", 0, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, copied := deterministic(t, db, whole.ID); !reflect.DeepEqual(got, want) || !bytes.Equal(copied, checkpoint) {
		t.Error("the fork of a whole run is not like it")
	}
	if whole.Name != "test-from-10" || State(whole.State) != Paused || whole.Best == nil || whole.Budget != 11 {
		t.Errorf("the fork is %+v", whole)
	}

	early, err := w.Fork(id, 8, "early")
	if err != nil {
		t.Fatal(err)
	}
	if s := search(t, context.Background(), db, early.ID, load); s.state != Finished {
		t.Errorf("the fork from episode 8 ends %s: %s", s.state, s.problem)
	}
	got, _ := deterministic(t, db, early.ID)
	if len(got) != 10 || !reflect.DeepEqual(got[:8], want[:8]) {
		t.Errorf("the fork from episode 8 has %d episodes, or others than the original", len(got))
	}
	if again, _ := deterministic(t, db, id); !reflect.DeepEqual(again, want) {
		t.Error("forking changed the original")
	}
	for _, n := range []int{-1, 11} {
		if _, err := w.Fork(id, n, ""); err == nil {
			t.Errorf("episode %d can be forked from", n)
		}
	}
}

func TestForkForgetsWhereItsBaseWas(t *testing.T) {
	c := course{settings: Settings{Settings: planner.Settings{Base: &planner.Base{Episode: 57}}}}
	shared := c.settings.Base
	c.truncate(20)
	if c.settings.Base.Episode != 0 || shared.Episode != 57 {
		t.Errorf("the base of a fork from episode 20 is %s, the original's %s", c.settings.Base, shared)
	}
}
