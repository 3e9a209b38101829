package remote

import (
	"reflect"
	"slices"
	"testing"

	"galen/engine"
	"galen/store"
)

// TestUpdatesMakeTheSnapshot brings a client from one snapshot to the next, and checks that what it
// has stays as it was.
func TestUpdatesMakeTheSnapshot(t *testing.T) {
	first, second, third := &store.Episode{Number: 1}, &store.Episode{Number: 2}, &store.Episode{Number: 3}
	confirmed := &store.Episode{Number: 2, Confirmed: &store.Confirmation{Accuracy: 0.9}}
	one, two := &store.Run{ID: "r0001"}, &store.Run{ID: "r0002"}
	pause, resume := store.JournalEntry{Command: "pause"}, store.JournalEntry{Command: "resume"}
	layers := []engine.Layer{{Name: "conv1"}}
	var latest *engine.Snapshot
	generation := 0
	for n, step := range []struct {
		snapshot   engine.Snapshot
		generation int
		sent       int // episodes
	}{
		{engine.Snapshot{Run: one}, 1, 0},
		{engine.Snapshot{Run: one, Episodes: []*store.Episode{first, second}, Best: second, Journal: []store.JournalEntry{pause}, Layers: layers}, 2, 2},
		{engine.Snapshot{Run: one, Episodes: []*store.Episode{first, second, third}, Best: second, Journal: []store.JournalEntry{pause, resume}, Layers: layers}, 2, 1},
		{engine.Snapshot{Run: one, Episodes: []*store.Episode{first, confirmed, third}, Best: confirmed, Journal: []store.JournalEntry{pause, resume}, Layers: layers}, 2, 0},
		{engine.Snapshot{Run: two, Episodes: []*store.Episode{first}, Best: first, Layers: layers}, 2, 1},
	} {
		known := seen(7, latest, generation)
		u := known.without(&step.snapshot, step.generation)
		if len(u.Snapshot.Episodes) != step.sent {
			t.Errorf("step %d sends %d episodes", n, len(u.Snapshot.Episodes))
		}
		var before []*store.Episode
		if latest != nil {
			before = slices.Clone(latest.Episodes)
		}
		got := known.with(u, latest)
		if latest != nil && !slices.Equal(latest.Episodes, before) {
			t.Errorf("step %d changes what was there", n)
		}
		if len(got.Journal) == 0 {
			got.Journal = nil
		}
		if !reflect.DeepEqual(got, &step.snapshot) {
			t.Errorf("step %d gives\n%+v, want\n%+v", n, got, step.snapshot)
		}
		if known.After != 7 {
			t.Errorf("step %d waits after version %d", n, known.After)
		}
		latest, generation = got, step.generation
	}
}
