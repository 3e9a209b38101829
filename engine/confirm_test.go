package engine

import (
	"context"
	"reflect"
	"testing"

	"galen/hw"
	"galen/hw/graph"
	"galen/store"
)

func TestWinnerIsConfirmed(t *testing.T) {
	load := smallWorkload(t)
	db, id := createRun(t, testSettings("joint", 14))
	s := search(t, context.Background(), db, id, load)
	episodes, err := db.Episodes(id)
	if err != nil {
		t.Fatal(err)
	}
	var confirmed []*store.Episode
	for _, e := range episodes {
		c := e.Confirmed
		if c == nil {
			continue
		}
		confirmed = append(confirmed, e)
		if c.LatencyRatio != e.LatencyRatio || c.Images != load.reserve.len() {
			t.Errorf("episode %d is confirmed at %.3f× on %d images", e.Number, c.LatencyRatio, c.Images)
		}
		compressed, err := s.compressor.Compress(context.Background(), policyOf(e))
		if err != nil {
			t.Fatal(err)
		}
		if want, err := evaluate(context.Background(), compressed.Graph, load.reserve); err != nil || want.top1 != c.Accuracy {
			t.Errorf("episode %d is confirmed at %v, its network scores %v, %v", e.Number, c.Accuracy, want.top1, err)
		}
	}
	run, err := db.Run(id)
	if err != nil {
		t.Fatal(err)
	}
	if len(confirmed) == 0 || len(confirmed) > finalists || run.Best == nil || run.Best.Confirmed == nil {
		t.Fatalf("%d episodes are confirmed, the best is %+v", len(confirmed), run.Best)
	}
	for _, e := range confirmed {
		if e.Confirmed.Accuracy > run.Best.Confirmed.Accuracy {
			t.Errorf("episode %d is confirmed at %v, the best at %v", e.Number, e.Confirmed.Accuracy, run.Best.Confirmed.Accuracy)
		}
	}
	if best := episodes[run.Best.Episode-1]; !reflect.DeepEqual(best.Confirmed, run.Best.Confirmed) {
		t.Errorf("the run's record says %+v, the episode's %+v", run.Best.Confirmed, best.Confirmed)
	}
}

// countingDevice counts thorough measurements, and ends the search during one of them.
type countingDevice struct {
	hw.Device
	thorough, last int
	end            context.CancelFunc
}

func (d *countingDevice) MeasureThoroughly(ctx context.Context, g *graph.Graph) (hw.Measurement, error) {
	d.thorough++
	if d.thorough == d.last {
		d.end()
		return hw.Measurement{}, context.Canceled
	}
	return d.Device.MeasureThoroughly(ctx, g)
}

func TestConfirmationGoesOnWhereItWasCutOff(t *testing.T) {
	load := smallWorkload(t)
	whole, wholeID := createRun(t, testSettings("joint", 14))
	search(t, context.Background(), whole, wholeID, load)
	want, _ := deterministic(t, whole, wholeID)
	all := 0
	for _, e := range want {
		if e.Confirmed != nil {
			all++
		}
	}

	db, id := createRun(t, testSettings("joint", 14))
	run, err := db.Run(id)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSearch(db, run, load, newMailbox())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.clock.start()
	if err := s.prepare(ctx); err != nil {
		t.Fatal(err)
	}
	device := &countingDevice{Device: s.device, last: all, end: cancel}
	s.device = device
	for len(s.episodes) < s.settings.Episodes {
		if err := s.nextEpisode(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for done := false; !done && err == nil; {
		done, err = s.confirmNext(ctx)
	}
	if err == nil || device.thorough != all {
		t.Fatalf("%d thorough measurements before the search was cut off in the last of %d: %v", device.thorough, all, err)
	}
	search(t, context.Background(), db, id, load)
	if got, _ := deterministic(t, db, id); !reflect.DeepEqual(got, want) {
		t.Error("the episodes differ from those of a run that was not cut off")
	}
}

func TestShortlist(t *testing.T) {
	episode := func(n int, accuracy, ratio float64, bits int) *store.Episode {
		return &store.Episode{Number: n, Accuracy: accuracy, LatencyRatio: ratio, Layers: []store.LayerResult{{WeightBits: bits}}}
	}
	confirmed := func(e *store.Episode, accuracy, ratio float64) *store.Episode {
		e.Confirmed = &store.Confirmation{Accuracy: accuracy, LatencyRatio: ratio}
		return e
	}
	for _, c := range []struct {
		name     string
		episodes []*store.Episode
		want     []int
		best     int
	}{
		{"the most accurate", []*store.Episode{episode(1, 0.5, 0.3, 1), episode(2, 0.9, 0.3, 2), episode(3, 0.7, 0.3, 3), episode(4, 0.8, 0.302, 4), episode(5, 1, 0.31, 5)}, []int{2, 4, 3}, 2},
		{"one of each policy", []*store.Episode{episode(1, 0.9, 0.3, 1), episode(2, 0.9, 0.29, 1), episode(3, 0.5, 0.3, 2)}, []int{2, 3}, 2},
		{"the fastest", []*store.Episode{episode(1, 0.9, 0.5, 1), episode(2, 0.1, 0.4, 2)}, []int{2}, 2},
		{"confirmed to be too slow", []*store.Episode{confirmed(episode(1, 0.9, 0.3, 1), 0.9, 0.32), episode(2, 0.9, 0.3, 1), episode(3, 0.5, 0.3, 2)}, []int{3}, 3},
		{"better on other images", []*store.Episode{confirmed(episode(1, 0.9, 0.3, 1), 0.7, 0.3), confirmed(episode(2, 0.8, 0.3, 2), 0.75, 0.3)}, []int{1, 2}, 2},
		{"a newcomer", []*store.Episode{confirmed(episode(1, 0.9, 0.3, 1), 0.7, 0.3), confirmed(episode(2, 0.8, 0.3, 2), 0.75, 0.3), episode(3, 0.85, 0.3, 3)}, []int{1, 3, 2}, 1},
	} {
		var got []int
		for _, e := range shortlist(c.episodes, 0.3) {
			got = append(got, e.Number)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: episodes %v, want %v", c.name, got, c.want)
		}
		if best := bestOf(c.episodes, 0.3); best.Number != c.best {
			t.Errorf("%s: the best is episode %d, want %d", c.name, best.Number, c.best)
		}
	}
}
