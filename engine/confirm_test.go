package engine

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"galen/engine/planner"
	"galen/engine/records"
	"galen/engine/workload"
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
		if c.LatencyRatio != e.LatencyRatio || c.Images != load.Reserve.Len() {
			t.Errorf("episode %d is confirmed at %.3f× on %d images", e.Number, c.LatencyRatio, c.Images)
		}
		compressed, err := s.compressor.Compress(context.Background(), records.PolicyOf(e))
		if err != nil {
			t.Fatal(err)
		}
		if want, err := workload.Evaluate(context.Background(), compressed.Graph, load.Reserve); err != nil || want.Top1 != c.Accuracy {
			t.Errorf("episode %d is confirmed at %v, its network scores %v, %v", e.Number, c.Accuracy, want.Top1, err)
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
	s := openSearch(t, db, id, load)
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
	var err error
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

// TestLooksAreBounded plays searches in which every careful look disappoints.
func TestLooksAreBounded(t *testing.T) {
	const target = 0.3
	limit := target * (1 + planner.TargetTolerance)
	many := func(add ...*store.Episode) (all []*store.Episode) {
		for n := 1; n <= 20; n++ {
			all = append(all, &store.Episode{Number: n, Accuracy: 0.9 - float64(n)/100, LatencyRatio: 0.3, Layers: []store.LayerResult{{WeightBits: n}}})
		}
		for _, e := range add {
			e.Number = len(all) + 1
			all = append(all, e)
		}
		return all
	}
	play := func(episodes []*store.Episode, look func(e *store.Episode) store.Confirmation) (looked []int) {
		for e := nextLook(episodes, target); e != nil; e = nextLook(episodes, target) {
			looked = append(looked, e.Number)
			if len(looked) > 100 {
				t.Fatal("there is no end of looks")
			}
			c := look(e)
			c.Episodes, c.Looks = len(episodes), 1
			if e.Confirmed != nil {
				c.Looks += e.Confirmed.Looks
			}
			again := *e
			again.Confirmed = &c
			episodes[e.Number-1] = &again
		}
		return looked
	}

	slower := func(by float64) func(e *store.Episode) store.Confirmation {
		return func(e *store.Episode) store.Confirmation {
			return store.Confirmation{Accuracy: e.Accuracy, LatencyRatio: e.LatencyRatio + by + float64(e.Number)/1e4}
		}
	}
	episodes := many()
	if looked := play(episodes, slower(0.01)); len(looked) != mostLooks {
		t.Errorf("episodes %v were looked at, want %d", looked, mostLooks)
	}
	if best := bestOf(episodes, target); best.Number != 1 {
		t.Errorf("where all that were confirmed miss the target, episode %d wins, not the fastest of them", best.Number)
	}

	episodes = many(&store.Episode{Accuracy: 0.1, LatencyRatio: 0.2})
	looked := play(episodes, slower(0.01))
	if len(looked) != mostLooks || looked[mostLooks-1] != 21 {
		t.Errorf("episodes %v were looked at, the fastest not with the last look", looked)
	}
	if best := bestOf(episodes, target); best.Number != 21 || ratioOf(best) > limit {
		t.Errorf("episode %d wins, not the one that was confirmed to meet the target", best.Number)
	}

	// A longer run is looked at anew, and what was found before counts.
	for n := 22; n <= 24; n++ {
		episodes = append(episodes, &store.Episode{Number: n, Accuracy: 0.95, LatencyRatio: 0.29, Layers: []store.LayerResult{{WeightBits: n}}})
	}
	if looked := play(episodes, slower(0)); !slices.Equal(looked, []int{22, 23, 24}) || bestOf(episodes, target).Number != 22 {
		t.Errorf("of the longer run episodes %v were looked at, episode %d wins", looked, bestOf(episodes, target).Number)
	}

	episodes = many()
	noisy := func(e *store.Episode) store.Confirmation {
		return store.Confirmation{Accuracy: e.Accuracy, LatencyRatio: e.LatencyRatio, Flags: []string{"noisy"}}
	}
	if looked, want := play(episodes, noisy), []int{1, 2, 3, 1, 2, 3, 1, 2}; !slices.Equal(looked, want) {
		t.Errorf("under noise episodes %v were looked at, want %v", looked, want)
	}
	episodes = many()[:1]
	if looked := play(episodes, noisy); len(looked) != mostRepeats {
		t.Errorf("one episode was looked at %d times, want %d", len(looked), mostRepeats)
	}
}

// noisyDevice flags its first thorough measurements, which are also too slow.
type noisyDevice struct {
	hw.Device
	noisy, thorough int
}

func (d *noisyDevice) MeasureThoroughly(ctx context.Context, g *graph.Graph) (hw.Measurement, error) {
	m, err := d.Device.MeasureThoroughly(ctx, g)
	m.RatioError = 0.001
	if d.thorough++; d.thorough <= d.noisy {
		m.Ratio, m.RatioError, m.Flags = 2*m.Ratio, 0.1/float64(d.thorough), []string{"noisy"}
	}
	return m, err
}

func TestNoisyConfirmationIsRepeated(t *testing.T) {
	for noisy, want := range []struct {
		thorough int
		flagged  bool
	}{{1, false}, {2, false}, {3, false}, {3, true}} {
		db, id := createRun(t, testSettings("uniform", 1))
		s := openSearch(t, db, id, smallWorkload(t))
		ctx := context.Background()
		s.clock.start()
		if err := s.prepare(ctx); err != nil {
			t.Fatal(err)
		}
		device := &noisyDevice{Device: s.device, noisy: noisy}
		s.device = device
		if err := s.nextEpisode(ctx); err != nil {
			t.Fatal(err)
		}
		for done := false; !done; {
			var err error
			if done, err = s.confirmNext(ctx); err != nil {
				t.Fatal(err)
			}
		}
		e, err := db.Episode(id, 1)
		if err != nil {
			t.Fatal(err)
		}
		c := e.Confirmed
		if device.thorough != want.thorough || c.Looks != want.thorough || c.Images != s.workload.Reserve.Len() {
			t.Errorf("with %d noisy timings there were %d looks, on record %+v", noisy, device.thorough, c)
		}
		if flagged := len(c.Flags) > 0; flagged != want.flagged || !flagged && c.LatencyRatio != e.LatencyRatio {
			t.Errorf("with %d noisy timings the confirmation is %+v of an episode at %v", noisy, c, e.LatencyRatio)
		}
		if want.flagged && c.RatioError != 0.1/3 {
			t.Errorf("of noisy timings the one with error %v stayed", c.RatioError)
		}
	}
}
