package ui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"galen/engine"
	"galen/engine/planner"
	"galen/engine/steering"
	"galen/hw"
	"galen/store"
)

// epoch is when every sample takes place.
var epoch = time.Date(2026, 3, 14, 14, 2, 10, 0, time.UTC)

// Frames show local times.
func init() { time.Local = time.UTC }

// sampleSnapshot makes up a search over a ResNet-like network: every number follows
// from the seed, and accuracy and latency improve over the episodes as they would.
func sampleSnapshot(layers, finished int) *engine.Snapshot {
	rng := rand.New(rand.NewPCG(1, uint64(layers)))
	var milliseconds []float64 // per layer
	settings := engine.Settings{
		Name: "demo", Demo: true, Device: "local", Images: 2500,
		Settings: planner.Settings{
			Agent: "joint", Target: 0.2, Reward: "r6", Beta: -5, Episodes: 410, Seed: 1, RoundTo: 8, MaxBits: 6,
		},
	}
	raw, _ := json.Marshal(settings)
	s := &engine.Snapshot{
		Version: 100,
		Run: &store.Run{
			ID: "r1", Name: "demo", Created: epoch.Add(-13 * time.Minute), State: string(engine.Running), Settings: raw,
			Model: store.Source{Name: "resnet18-cifar10"}, Data: store.Source{Name: "cifar-10"},
			Device: "local", Episodes: finished, Budget: settings.Episodes,
		},
		State: engine.Running, Activity: "deciding", Done: 3, Total: layers,
		Elapsed: 12*time.Minute + 41*time.Second, Remaining: 25 * time.Minute,
		Settings: settings,
		Device:   hw.Fingerprint{Device: "local", CPU: "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz", Cores: 2, ISA: "avx512"},
		Episode:  finished + 1, Step: min(3, layers-1),
	}
	width, in := 64, 3
	for i := range layers {
		name := fmt.Sprintf("layer%d.%d.conv%d", 1+4*i/layers, i/2%(max(1, layers/8)), 1+i%2)
		kernel := [2]int{3, 3}
		kind := "Conv"
		out := width << (4 * i / layers)
		switch i {
		case 0:
			name = "conv1"
		case layers - 1:
			name, kind, kernel, out = "fc", "Gemm", [2]int{1, 1}, 10
		}
		milliseconds = append(milliseconds, float64(200+rng.IntN(600))/1000)
		l := engine.Layer{
			Name: name, Kind: kind, Kernel: kernel, In: in, Out: out, MACs: int64(in*out*kernel[0]*kernel[1]) * int64(1024>>(8*i/layers)),
			Group: i, Prunable: i < layers-1, Root: true, Mixable: i < layers-1,
		}
		if i%4 == 2 {
			l.Coupled, l.Group = true, 1000+4*i/layers
		}
		if i == layers-1 {
			l.Why = "the classifier keeps its classes"
		}
		for k := range 10 {
			x := float64(k) / 9
			base := math.Pow(10, -3.5+2*rng.Float64())
			l.Sensitivity.Sparsity = append(l.Sensitivity.Sparsity, base*math.Pow(10, 3*x*x))
			l.Sensitivity.WeightBits = append(l.Sensitivity.WeightBits, base*math.Pow(10, 4*x*x*x))
			l.Sensitivity.ActivationBits = append(l.Sensitivity.ActivationBits, base*math.Pow(10, 3.5*x*x*x))
		}
		s.Layers = append(s.Layers, l)
		in = out
	}
	ref := &store.Reference{Accuracy: 0.9462}
	ref.LayerMS = milliseconds
	for i, l := range s.Layers {
		ref.LatencyMS += milliseconds[i]
		ref.MACs += l.MACs
		ref.BOPs += l.MACs * 1024
		ref.Parameters += int64(l.In * l.Out * l.Kernel[0] * l.Kernel[1])
	}
	s.Reference = ref
	for n := 1; n <= finished; n++ {
		e := sampleEpisode(rng, s, n)
		s.Episodes = append(s.Episodes, e)
		if s.Best == nil || e.Reward > s.Best.Reward {
			s.Best = e
		}
	}
	s.Run.Best = nil
	if b := s.Best; b != nil {
		for _, e := range s.Episodes[max(0, finished-32):] {
			s.Run.Trend = append(s.Run.Trend, e.Accuracy)
		}
		s.Run.Best = &store.Best{Episode: b.Number, Accuracy: b.Accuracy, LatencyRatio: b.LatencyRatio}
	}
	s.Journal = []store.JournalEntry{
		{Time: epoch.Add(-3 * time.Minute), Who: "you", Command: "pause", Episode: 98},
		{Time: epoch.Add(-2 * time.Minute), Who: "you", Command: "resume", Episode: 98},
	}
	return s
}

func sampleEpisode(rng *rand.Rand, s *engine.Snapshot, n int) *store.Episode {
	learned := 1 - math.Exp(-float64(n)/60)
	e := &store.Episode{
		Number: n, Noise: 0.5 * math.Pow(0.98, float64(n)), Seconds: 5.6, LatencyMAD: 0.02,
		Timing:   &store.Timing{Deciding: 0.2, Compressing: 1.5 + 0.01*float64(n%10), Scoring: 2.1, Measuring: 1.2, Learning: 0.5, Committing: 0.02},
		Finished: epoch.Add(time.Duration(n) * 5 * time.Second),
	}
	for i, l := range s.Layers {
		r := store.LayerResult{Name: l.Name, Channels: l.Out, Kept: l.Out, WeightBits: 8, ActivationBits: 8, Kernel: "int8"}
		if l.Prunable {
			r.Kept = max(8, l.Out*(3+rng.IntN(5))/8)
			switch rng.IntN(5) {
			case 0:
				r.WeightBits, r.ActivationBits, r.Kernel = 4, 4, "bits"
			case 1:
				r.WeightBits, r.ActivationBits = 6, 6
			case 2:
				if n < 20 {
					r.WeightBits, r.ActivationBits, r.Kernel = 32, 32, "fp32"
				}
			}
		}
		r.Sparsity = 1 - float64(r.Kept)/float64(r.Channels)
		share := float64(r.Kept) / float64(r.Channels)
		r.MACs = int64(float64(l.MACs) * share)
		r.MS = s.Reference.LayerMS[i] * share * (0.25 + 0.4*(1-learned))
		e.Layers = append(e.Layers, r)
		e.LatencyMS += r.MS
		e.MACs += r.MACs
		e.BOPs += r.MACs * int64(r.WeightBits*r.ActivationBits)
		e.Parameters += int64(float64(l.In*l.Out*l.Kernel[0]*l.Kernel[1]) * share)
	}
	for i := range 120 { // a warm-up that fades, and what the system takes now and then
		sample := e.LatencyMS * (1 + 0.01*math.Exp(-float64(i)/20) + 0.002*math.Sin(float64(i*n)))
		if i%37 == 30 {
			sample *= 1.01
		}
		e.Samples = append(e.Samples, sample)
	}
	e.LatencyRatio = e.LatencyMS / s.Reference.LatencyMS
	e.Accuracy = 0.45 + 0.48*learned + 0.02*rng.Float64()
	e.Reward = e.Accuracy + s.Settings.Beta*max(0, e.LatencyRatio/s.Settings.Target-1)
	if n%41 == 0 {
		e.Flags = []string{"noisy"}
	}
	return e
}

// sampleCosts are those of the third layer.
func sampleCosts(s *engine.Snapshot) map[string][]hw.LayerCost {
	var costs []hw.LayerCost
	for _, kept := range []int{64, 48, 32, 16} {
		for _, bits := range []int{32, 8, 6, 5, 4, 3, 2, 1} {
			kernel := map[bool]string{true: "int8", false: "bits"}[bits > 4]
			if bits == 32 {
				kernel = "fp32"
			}
			costs = append(costs, hw.LayerCost{Kept: kept, Bits: bits, Kernel: kernel, MS: float64(kept*min(bits, 12)) / 1200})
		}
	}
	return map[string][]hw.LayerCost{s.Layers[2].Name: costs}
}

// samplePreparing is the same search while it measures sensitivities.
func samplePreparing() *engine.Snapshot {
	s := sampleSnapshot(20, 0)
	s.State, s.Activity, s.Done, s.Total = engine.Preparing, "sensitivity", 7, 20
	s.Elapsed, s.Remaining, s.Step, s.Run.State = 14*time.Second, 0, -1, string(engine.Preparing)
	s.Journal = nil
	for i := 7; i < len(s.Layers); i++ {
		s.Layers[i].Sensitivity = store.Sensitivity{}
	}
	return s
}

// sampleSteered is the same search after several people have taken a hand in it.
func sampleSteered() *engine.Snapshot {
	s := sampleSnapshot(20, 136)
	steered := func(minutes int, who, command, effect string, episode, undoes int) {
		s.Journal = append(s.Journal, store.JournalEntry{
			Time: epoch.Add(time.Duration(minutes-30) * time.Minute), Who: who, Command: command, Effect: effect, Episode: episode, Undoes: undoes, Step: -1,
		})
	}
	s.Journal = nil
	steered(0, "ada", "target 0.3", "0.2 → 0.3", 20, 0)
	steered(3, "grace", "pin layer1.0.conv1 sparsity=0.5 weights=4 activations=8", "free → sparsity 0.5, weights 4, activations 8", 41, 0)
	steered(9, "grace", "noise 0.4", "0.11 → 0.4", 60, 0)
	steered(11, "ada", "undo", "noise 0.4 → 0.11", 66, 3)
	steered(20, "ada", "try 17", "episode 17 is tried again", 99, 0)
	return s
}

// sampleLog is what a search has noted, with a trace of something that went wrong before it.
func sampleLog() []string {
	at := func(minutes int) time.Time { return epoch.Add(time.Duration(minutes-30) * time.Minute) }
	return []string{
		engine.LogLine(at(-24*60), "error", "demo: internal error: index out of range"), "    goroutine 12 [running]:", "    main.main()",
		engine.LogLine(at(0), "info", "demo: the joint agent begins after 0 of 410 episodes, target 0.2"),
		engine.LogLine(at(1), "info", "demo: measured on local · Intel(R) Xeon(R) · avx512"),
		engine.LogLine(at(2), "info", "demo: episode 1: 61.30 % at 0.412×, reward 0.081, in 5.6 s, the best so far"),
		engine.LogLine(at(3), "warning", "demo: episode 2: 60.10 % at 0.405×, reward 0.095, in 5.9 s; the measurement is noisy"),
		engine.LogLine(at(4), "info", "demo: ada: target 0.3   0.2 → 0.3"),
	}
}

// sampleAs is a running search in another state.
func sampleAs(state engine.State, finished int) *engine.Snapshot {
	s := sampleSnapshot(20, finished)
	s.State, s.Run.State = state, string(state)
	s.Step, s.Activity, s.Done, s.Total, s.Remaining = -1, "", 0, 0, 0
	return s
}

// confirm gives an episode of a snapshot other figures from a second look, and makes it the best.
func confirm(s *engine.Snapshot, number int) {
	e := *s.Episodes[number-1]
	e.Confirmed = &store.Confirmation{Accuracy: e.Accuracy - 0.004, Images: 2500, LatencyMS: e.LatencyMS, LatencyRatio: e.LatencyRatio + 0.003, RatioError: 0.001}
	s.Episodes = slices.Clone(s.Episodes)
	s.Episodes[number-1], s.Best = &e, &e
}

// sampleRuns are stored runs of all kinds.
func sampleRuns() []*store.Run {
	live := sampleSnapshot(20, 136).Run
	run := func(id, name, model string, state engine.State, episodes, budget int, agent string, ago time.Duration, best *store.Best) *store.Run {
		raw, _ := json.Marshal(engine.Settings{Name: name, Settings: planner.Settings{Agent: agent, Target: 0.25, Episodes: budget}})
		var trend []float64
		for i := range min(32, episodes) {
			trend = append(trend, math.Sqrt(float64(i))+math.Sin(float64(i*i)))
		}
		if id == "r3" {
			trend = nil // stored by a galen that kept none
		}
		return &store.Run{
			ID: id, Trend: trend, Name: name, Created: epoch.Add(-ago), State: string(state), Settings: raw, Model: store.Source{Name: model},
			Device: "local", Episodes: episodes, Budget: budget, Elapsed: time.Duration(episodes) * 6 * time.Second, Best: best,
		}
	}
	broken := run("r5", "broken", "mobilenet", engine.Failed, 0, 410, "joint", 100*24*time.Hour, nil)
	broken.Problem = "open the device: ssh://board: no route to host"
	return []*store.Run{
		live,
		run("r2", "board-night", "resnet56-cifar10", engine.Paused, 310, 410, "prune-iterative", 19*time.Hour, &store.Best{Episode: 290, Accuracy: 0.921, LatencyRatio: 0.262}),
		run("r3", "first try with a very long name", "resnet20-cifar10", engine.Finished, 200, 200, "quantize-iterative", 50*time.Hour, &store.Best{Episode: 121, Accuracy: 0.9031, LatencyRatio: 0.248}),
		run("r4", "größer 漢字", "résumé-网络", engine.Stopped, 12, 410, "evolution", 9*24*time.Hour, &store.Best{Episode: 3, Accuracy: 0.611, LatencyRatio: 0.31}),
		broken,
	}
}

// fakeWorkbench plays the engine: it records what it is asked and answers at once.
type fakeWorkbench struct {
	mu       sync.Mutex
	runs     []*store.Run
	views    map[string]*engine.Snapshot
	active   string
	asked    []string
	log      []string
	refusal  error // answer to the next request
	panicked bool  // the next request panics
	latest   chan *engine.Snapshot
}

func (w *fakeWorkbench) note(what string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, what)
	if w.panicked {
		panic("index out of range")
	}
	err := w.refusal
	w.refusal = nil
	return err
}

func (w *fakeWorkbench) Log() ([]string, error) { return w.log, nil }

func (w *fakeWorkbench) Runs() ([]*store.Run, error) { return w.runs, nil }
func (w *fakeWorkbench) Active() string              { return w.active }

func (w *fakeWorkbench) Start(s engine.Settings) (string, error) {
	if err := w.note(fmt.Sprintf("start demo=%v", s.Demo)); err != nil {
		return "", err
	}
	w.active = "r1"
	return "r1", nil
}

func (w *fakeWorkbench) Resume(id string) error {
	if err := w.note("resume " + id); err != nil {
		return err
	}
	w.active = id
	return nil
}

func (w *fakeWorkbench) View(id string) (*engine.Snapshot, error) {
	if s, ok := w.views[id]; ok {
		return s, nil
	}
	return nil, errors.New("run " + id + " is not in the store; list the runs with galen runs")
}

func (w *fakeWorkbench) Episode(name string, number int) (*engine.Snapshot, *store.Episode, error) {
	for _, r := range w.runs {
		if s := w.views[r.ID]; r.Name == name && s != nil {
			if number == 0 {
				return s, s.Best, nil
			}
			if number <= len(s.Episodes) {
				return s, s.Episodes[number-1], nil
			}
			return nil, nil, fmt.Errorf("run %s has no episode %d; it has %d so far", name, number, len(s.Episodes))
		}
	}
	return nil, nil, errors.New("run " + name + " is not in the store; list the runs with galen runs")
}

func (w *fakeWorkbench) Wait(ctx context.Context, after uint64) (*engine.Snapshot, error) {
	select {
	case s := <-w.latest:
		return s, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *fakeWorkbench) Send(_ context.Context, c steering.Command) error {
	return w.note(c.String() + " by " + c.Who)
}

func (w *fakeWorkbench) Export(_ context.Context, id string, episode int, onnxPath, _ string) (*store.Episode, error) {
	return nil, w.note(fmt.Sprintf("export %s %d to %s", id, episode, onnxPath))
}

func (w *fakeWorkbench) Checkup(_ context.Context, s engine.Settings) (*engine.Checkup, error) {
	if err := w.note("check " + s.Model); err != nil {
		return nil, err
	}
	return &engine.Checkup{
		Model: store.Source{Name: "net"}, Images: 1000, Accuracy: 0.918, LatencyMS: 8.64, Device: hw.Fingerprint{Device: "local", CPU: "Cortex-A72"},
		Layers: sampleSnapshot(20, 0).Layers,
	}, nil
}

func (w *fakeWorkbench) Fork(id string, episode int, name string) (*store.Run, error) {
	if err := w.note(fmt.Sprintf("fork %s at %d as %q", id, episode, name)); err != nil {
		return nil, err
	}
	return &store.Run{ID: "r9", Name: "fork"}, nil
}

func (w *fakeWorkbench) Rename(id, name string) (string, error) {
	return name, w.note(fmt.Sprintf("rename %s to %s", id, name))
}

func (w *fakeWorkbench) Delete(id string) error { return w.note("delete " + id) }
