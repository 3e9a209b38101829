package compress

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"galen/engine/compress/refit"
	"galen/engine/compress/structure"
	"galen/engine/compress/testnet"
	"galen/hw/graph"
	"galen/hw/runtime"
)

// divergence is the mean KL(softmax(p) ‖ softmax(q)) over rows of classes, by definition.
func divergence(p, q [][]float64) float64 {
	softmax := func(x []float64) []float64 {
		out, sum := make([]float64, len(x)), 0.0
		for i, v := range x {
			out[i] = math.Exp(v)
			sum += out[i]
		}
		for i := range out {
			out[i] /= sum
		}
		return out
	}
	total := 0.0
	for i := range p {
		a, b := softmax(p[i]), softmax(q[i])
		for j := range a {
			total += a[j] * math.Log(a[j]/b[j])
		}
	}
	return total / float64(len(p))
}

// TestSensitivity compares curves with networks that are really pruned or have
// really rounded weights, run by the naive interpreter.
func TestSensitivity(t *testing.T) {
	const n, maxBits = 6, 6
	for _, name := range []string{"plain", "residual A", "separable"} {
		t.Run(name, func(t *testing.T) {
			g := testnet.Networks(t)[name]
			c := newCompressor(t, g, Options{RoundTo: 2})
			pixels := testnet.Images(g, n)
			run := func(g *graph.Graph) [][]float64 { return testnet.InterpretAll(g, pixels, n) }
			want := run(g)
			curves, err := c.Sensitivity(context.Background(), pixels, n, maxBits, nil)
			if err != nil {
				t.Fatal(err)
			}
			close := func(got, want float64) bool { return math.Abs(got-want) <= 1e-5+1e-3*want }
			for l, info := range c.Layers() {
				curve := curves[l]
				for level := range Levels {
					if !info.Root || !info.Prunable {
						if curve.Sparsity[level] != NotAllowed {
							t.Errorf("%s: sparsity %v, wants not allowed", info.Layer, curve.Sparsity)
						}
						continue
					}
					p := c.structure.Uniform(0, graph.FloatBits)
					p[l].Sparsity = float64(level) / Levels
					pruned, err := c.structure.Prune(c.structure.Select(p, c.importance, 2))
					if err != nil {
						t.Fatal(err)
					}
					if d := divergence(want, run(pruned)); !close(curve.Sparsity[level], d) {
						t.Errorf("%s: sparsity 0.%d has %v, wants %v", info.Layer, level, curve.Sparsity[level], d)
					}
				}
				if !info.MayMix {
					if curve.WeightBits[0] != NotAllowed || curve.ActivationBits[9] != NotAllowed {
						t.Errorf("%s: %+v, wants bits not allowed", info.Layer, curve)
					}
					continue
				}
				for _, level := range []int{0, 4, 9} {
					bits := min(int(math.Floor((1-float64(level)/10)*maxBits+1e-9))+1, maxBits)
					coarse := g.Clone()
					node := &coarse.Nodes[info.Node]
					node.Op = node.WithWeight(refit.RoundNearest(refit.Workers{Count: 1}, node.Weight(), bits, refit.SquaredError, nil), node.Bias())
					if d := divergence(want, run(coarse)); !close(curve.WeightBits[level], d) {
						t.Errorf("%s: %d weight bits have %v, wants %v", info.Layer, bits, curve.WeightBits[level], d)
					}
				}
				if a := curve.ActivationBits; !(a[0] < a[6] && a[6] < a[9]) || curve.Int8 > a[0] || curve.Float != 0 {
					t.Errorf("%s: activation bits %v, int8 %v", info.Layer, a, curve.Int8)
				}
			}
		})
	}
}

// TestChangesShareExactly compares networks with one change, to the bit, with whole runs of the
// policy that has it, which share nothing with the unchanged network's.
func TestChangesShareExactly(t *testing.T) {
	const n, maxBits = 5, 6
	for _, name := range []string{"residual A", "concat", "mobile"} {
		g, ok := testnet.Networks(t)[name]
		if !ok {
			t.Fatalf("there is no network %q", name)
		}
		c := newCompressor(t, g, Options{Workers: 3})
		pixels := testnet.Images(g, n)
		run := func(p structure.Policy) (*unrepaired, []*runtime.Batch) {
			s, tracer := c.withoutRepair(p), runtime.NewTracer(c.options.ISA, 2)
			values, err := s.trace(tracer, tracer.Input(g, pixels, n))
			if err != nil {
				t.Fatal(err)
			}
			return s, values
		}
		for what, base := range map[string]structure.Policy{"original": structure.Uniform(g, 0, graph.FloatBits), "compressed": structure.Uniform(g, 0.3, 5)} {
			s, values := run(base)
			_, changes := s.changes(everywhere(len(base), levels(maxBits)))
			tracer := runtime.NewTracer(c.options.ISA, 1)
			for i := range changes {
				ch := &changes[i]
				got, err := s.changed(tracer, ch, values)
				if err != nil {
					t.Fatal(err)
				}
				p := slices.Clone(base)
				p[ch.layer] = ch.to
				_, whole := run(p)
				want := whole[c.logits()]
				if !slices.Equal(got.Outputs(), want.Outputs()) {
					t.Errorf("%s, %s with %+v: other outputs than of a whole run", name, what, ch.to)
				}
			}
			if len(changes) < len(base) {
				t.Errorf("%s, %s: only %d changes", name, what, len(changes))
			}
		}
	}
}

func TestSensitivityIsDeterministic(t *testing.T) {
	g := testnet.Concat(t)
	pixels := testnet.Images(g, 8)
	var first []Curve
	for _, workers := range []int{1, 4} {
		c := newCompressor(t, g, Options{Workers: workers})
		calls, last := 0, 0
		curves, err := c.Sensitivity(context.Background(), pixels, 8, 4, func(done, total int) error {
			calls++
			last = total
			if done != calls || done > total {
				t.Fatalf("progress %d of %d at call %d", done, total, calls)
			}
			return nil
		})
		if err != nil || calls != last {
			t.Fatalf("%d of %d pieces, %v", calls, last, err)
		}
		if first == nil {
			first = curves
		} else if !reflect.DeepEqual(curves, first) {
			t.Errorf("%d workers give other curves than one", workers)
		}
	}
}

func TestSensitivityStops(t *testing.T) {
	g := testnet.Plain(t)
	c := newCompressor(t, g, Options{})
	stop := errors.New("stop")
	if _, err := c.Sensitivity(context.Background(), testnet.Images(g, 2), 2, 8, func(done, _ int) error {
		if done == 3 {
			return stop
		}
		return nil
	}); !errors.Is(err, stop) {
		t.Errorf("the measurement ended with %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Sensitivity(ctx, testnet.Images(g, 2), 2, 8, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("the measurement ended with %v", err)
	}
	if _, err := c.Sensitivity(context.Background(), testnet.Images(g, 2), 2, 9, nil); err == nil {
		t.Error("a ceiling of nine bits was taken")
	}
}

func TestLevelBits(t *testing.T) {
	var bits []int
	for level := range Levels {
		bits = append(bits, levelBits(level, 6))
	}
	if want := []int{6, 6, 5, 5, 4, 4, 3, 2, 2, 1}; !slices.Equal(bits, want) {
		t.Errorf("levels have %v bits, want %v", bits, want)
	}
}
