package planner

import (
	"bytes"
	"context"
	"math"
	"reflect"
	"testing"

	"galen/agents"
	"galen/engine/compress"
	"galen/engine/compress/structure"
	"galen/hw/graph"
)

// network is a made-up network of four layers, as the outside of a planner: what a policy leaves of them, how long that
// takes and how well it classifies follow from formulas. Layers 0 and 2 are pruned together.
type network struct{ all []Layer }

func newNetwork() network {
	layer := func(name string, in, group int, root bool) Layer {
		return Layer{
			Name: name, Out: 32, In: in, Kernel: 3, Stride: 1, Weights: 32 * in * 9,
			Group: group, Root: root, Prunable: true, Mixable: true,
		}
	}
	classifier := Layer{Name: "classifier", Out: 10, In: 32, Kernel: 1, Stride: 1, Weights: 320, Group: 2}
	return network{[]Layer{layer("stem", 3, 0, true), layer("inner", 32, 1, true), layer("outer", 32, 0, false), classifier}}
}

func (n network) original() Original {
	o := Original{Accuracy: 0.9}
	for _, size := range n.sizes(original(n.all)) {
		o.MACs += float64(size.MACs)
		o.BOPs += float64(graph.BOPs(size.MACs, graph.FloatBits, graph.FloatBits))
	}
	return o
}

func (n network) sizes(p structure.Policy) []structure.Size {
	sizes := make([]structure.Size, len(p))
	in := 3
	for l := range p {
		kept := structure.Kept(p[l].Sparsity, n.all[l].Out, 4)
		sizes[l] = structure.Size{MACs: int64(100 * kept * in), Channels: kept}
		in = kept
	}
	return sizes
}

// sensitivities rise with the layer's number.
func (n network) sensitivities(_ context.Context, base structure.Policy, _ []compress.Probe) ([]compress.Curve, error) {
	curves := make([]compress.Curve, len(base))
	for l := range curves {
		curve := make([]float64, compress.Levels)
		for i := range curve {
			curve[i] = 0.01 * float64(l+1) * math.Pow(2, float64(i))
		}
		curves[l] = compress.Curve{Sparsity: curve, WeightBits: curve, ActivationBits: curve, Int8: 0.001}
	}
	return curves, nil
}

// try is what becomes of a plan.
func (n network) try(number int, plan *Plan) Episode {
	e := Episode{Number: number, Policy: plan.Policy, Sizes: n.sizes(plan.Policy), Actions: plan.Actions, Accuracy: 0.9}
	whole := n.original()
	times := Times{Whole: 1, Layers: make([]float64, len(e.Policy))}
	for l, size := range e.Sizes {
		bits := float64(e.Policy[l].WeightBits+e.Policy[l].ActivationBits) / (2 * graph.FloatBits)
		times.Layers[l] = float64(size.MACs) / whole.MACs * max(bits, 0.25)
		e.Latency += times.Layers[l]
		left := float64(size.Channels) / float64(n.all[l].Out)
		e.Accuracy -= 0.1*float64(l+1)*(1-left)*(1-left) + 0.05*coarseness(e.Policy[l].WeightBits)
	}
	times.Whole = e.Latency
	e.Spend(times)
	return e
}

// run is a planner with what it shares with its search.
type run struct {
	network
	*Planner
	settings Settings
	progress Progress
}

func newRun(t *testing.T, settings Settings, progress Progress) *run {
	t.Helper()
	if err := settings.Check(); err != nil {
		t.Fatal(err)
	}
	r := &run{network: newNetwork(), settings: settings, progress: progress}
	var err error
	r.Planner, err = New(t.Context(), Options{
		Settings: &r.settings, Progress: &r.progress, Budget: settings.Episodes, Round: 4,
		Layers: r.all, Original: r.network.original(), Sizes: r.network.sizes, Sensitivities: r.network.sensitivities,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// episode plans, tries and learns.
func (r *run) episode(t *testing.T) Episode {
	t.Helper()
	if err := r.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	plan, err := r.Next(t.Context(), func(int) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	e := r.try(len(r.episodes)+1, plan)
	if err := r.Learn(plan, e); err != nil {
		t.Fatal(err)
	}
	return e
}

func settingsOf(agent string) Settings {
	return Settings{Agent: agent, Target: 0.2, Reward: "r7", Beta: -2, Episodes: 40, Seed: 1, RoundTo: 4, MaxBits: 6}
}

// TestEveryAgentPlans has every agent plan some episodes, restored from its checkpoint half way, and compares with one
// that never was interrupted.
func TestEveryAgentPlans(t *testing.T) {
	const half = 14
	for _, agent := range Agents {
		t.Run(agent, func(t *testing.T) {
			whole, first := newRun(t, settingsOf(agent), Progress{}), newRun(t, settingsOf(agent), Progress{})
			for range half {
				whole.episode(t)
				first.episode(t)
			}
			checkpoint, err := first.Checkpoint()
			if err != nil {
				t.Fatal(err)
			}
			second := newRun(t, first.settings, first.progress)
			if err := second.Resume(checkpoint, first.episodes); err != nil {
				t.Fatal(err)
			}
			for range half {
				want, got := whole.episode(t), second.episode(t)
				if !reflect.DeepEqual(want, got) {
					t.Fatalf("episode %d after resuming is\n%+v, want\n%+v", got.Number, got, want)
				}
			}
			want, _ := whole.Checkpoint()
			if got, _ := second.Checkpoint(); !bytes.Equal(want, got) {
				t.Error("the agents differ in the end")
			}
			for _, e := range whole.episodes {
				if e.Policy[2].Sparsity != e.Policy[0].Sparsity {
					t.Errorf("episode %d prunes layers of one group by %v and %v", e.Number, e.Policy[0].Sparsity, e.Policy[2].Sparsity)
				}
				if p := e.Policy[3]; p.Sparsity != 0 || p.WeightBits < 8 {
					t.Errorf("episode %d does to the classifier what it does not admit: %+v", e.Number, p)
				}
			}
		})
	}
}

// TestPlansComeToMeetTheTarget also shows that an agent which learned anew from finished episodes goes on.
func TestPlansComeToMeetTheTarget(t *testing.T) {
	r := newRun(t, settingsOf("joint"), Progress{})
	for range 30 {
		r.episode(t)
	}
	again := newRun(t, r.settings, r.progress)
	told := 0
	if err := again.Relearn(t.Context(), r.episodes, func(int) { told++ }); err != nil {
		t.Fatal(err)
	}
	if told != 30 {
		t.Errorf("of 30 episodes learned from anew, %d are told", told)
	}
	for _, of := range []*run{r, again} {
		if e := of.episode(t); math.Abs(e.Latency/0.2-1) > 0.1 {
			t.Errorf("episode %d takes %.3f of the original's time, the target is 0.2", e.Number, e.Latency)
		}
	}
}

func TestCommandsTakeEffectWithinAnEpisode(t *testing.T) {
	r := newRun(t, settingsOf("random"), Progress{})
	four := &Span[int]{4, 4}
	plan, err := r.Next(t.Context(), func(step int) error {
		if step == 1 {
			r.settings.Limits = map[string]Limits{"inner": {Weights: four, Activations: four}}
			r.Steered()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if p := plan.Policy[1]; p.WeightBits != 4 || p.ActivationBits != 4 {
		t.Errorf("the layer limited at its step is given %+v", p)
	}
	policy := original(r.all)
	policy[1].Sparsity = 0.5
	r.progress.Queue = []structure.Policy{policy}
	if plan, err = r.Next(t.Context(), func(int) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(plan.Policy, policy) || len(r.progress.Queue) > 0 {
		t.Errorf("what a person wants tried is planned as %+v, %d more wait", plan.Policy, len(r.progress.Queue))
	}
}

func TestPlanningEndsWithItsContext(t *testing.T) {
	r := newRun(t, settingsOf("joint"), Progress{})
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := r.Next(ctx, func(int) error { cancel(); return ctx.Err() }); err != context.Canceled {
		t.Errorf("planning is cancelled with error %v", err)
	}
}

func TestCostsAreTimesOrBitOperations(t *testing.T) {
	e := Episode{
		Policy:  structure.Policy{{WeightBits: 8, ActivationBits: 8}, {WeightBits: 4, ActivationBits: 2}},
		Sizes:   []structure.Size{{MACs: 100}, {MACs: 50}},
		Latency: 0.34,
	}
	e.Spend(Times{Whole: 2, Layers: []float64{0.5, 0}})
	if want := []float64{0.5, 0}; !reflect.DeepEqual(e.Costs, want) {
		t.Errorf("timed layers cost %v, want %v", e.Costs, want)
	}
	if want := []float64{0.5 / 2 * 0.34, 0}; !reflect.DeepEqual(e.Shares, want) {
		t.Errorf("timed layers have shares %v, want %v", e.Shares, want)
	}
	e.Spend(Times{Whole: 2, Layers: []float64{0, 0}})
	if want := []float64{6400, 400}; !reflect.DeepEqual(e.Costs, want) {
		t.Errorf("layers without times cost %v, want %v", e.Costs, want)
	}
	if want := []float64{0.32, 0.02}; math.Abs(e.Shares[0]-want[0]) > 1e-12 || math.Abs(e.Shares[1]-want[1]) > 1e-12 {
		t.Errorf("layers without times have shares %v, want %v", e.Shares, want)
	}
}

func TestChoicesAreCompletedByTheBase(t *testing.T) {
	base := structure.LayerPolicy{Layer: "stem", Sparsity: 0.25, WeightBits: 8, ActivationBits: 8}
	p := &Planner{base: structure.Policy{base}}
	for kind, want := range map[agents.Kind]agents.Choice{
		agents.Prune:    {Method: agents.Int8, Sparsity: 0.9, WeightBits: 8, ActivationBits: 8},
		agents.Quantize: {Method: agents.Mixed, Sparsity: 0.25, WeightBits: 3, ActivationBits: 2},
		agents.Joint:    {Method: agents.Mixed, Sparsity: 0.9, WeightBits: 3, ActivationBits: 2},
	} {
		p.space.Kind = kind
		if got := p.onBase(0, agents.Choice{Method: agents.Mixed, Sparsity: 0.9, WeightBits: 3, ActivationBits: 2}); got != want {
			t.Errorf("%s: %+v, want %+v", kind, got, want)
		}
	}
}
