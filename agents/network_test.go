package agents

import (
	"math"
	"math/rand/v2"
	"testing"
)

func random(rng *rand.Rand, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = rng.NormFloat64()
	}
	return v
}

// slowForward computes one output vector in plain loops.
func slowForward(n *network, input []float64) []float64 {
	values := input
	params := n.params
	for l := 0; l+1 < len(n.sizes); l++ {
		in, out := n.sizes[l], n.sizes[l+1]
		weight, bias := params[:in*out], params[in*out:(in+1)*out]
		params = params[(in+1)*out:]
		next := make([]float64, out)
		for j := range next {
			next[j] = bias[j]
			for i, x := range values {
				next[j] += x * weight[i*out+j]
			}
			if l+2 < len(n.sizes) {
				next[j] = math.Max(next[j], 0)
			} else if n.sigmoid {
				next[j] = 1 / (1 + math.Exp(-next[j]))
			}
		}
		values = next
	}
	return values
}

func TestForward(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, sigmoid := range []bool{false, true} {
		n := newNetwork([]int{5, 70, 65, 3}, sigmoid, 1, rng)
		p := newPass(n.sizes, 130)
		copy(p.input().Data, random(rng, len(p.input().Data)))
		n.forward(p)
		for k := range p.input().Rows {
			for j, want := range slowForward(n, row(p.input(), k)) {
				if got := row(p.output(), k)[j]; math.Abs(got-want) > 1e-12 {
					t.Fatalf("row %d output %d: %g, want %g", k, j, got, want)
				}
			}
		}
	}
}

// checkGradient compares a gradient with central differences of loss, for a sample of
// the parameters.
func checkGradient(t *testing.T, what string, params, gradient []float64, loss func() float64) {
	t.Helper()
	const h = 1e-6
	scale := 0.0
	for _, g := range gradient {
		scale = max(scale, math.Abs(g))
	}
	if scale == 0 {
		t.Fatalf("%s: gradient is zero", what)
	}
	for i := 0; i < len(params); i += max(1, len(params)/400) {
		x := params[i]
		params[i] = x + h
		up := loss()
		params[i] = x - h
		down := loss()
		params[i] = x
		if want := (up - down) / (2 * h); math.Abs(gradient[i]-want) > 1e-6*scale+1e-9 {
			t.Errorf("%s: gradient %d is %g, by differences %g", what, i, gradient[i], want)
		}
	}
}

func TestBackward(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	for _, sigmoid := range []bool{false, true} {
		n := newNetwork([]int{4, 20, 15, 3}, sigmoid, 0.5, rng)
		p := newPass(n.sizes, 9)
		copy(p.input().Data, random(rng, len(p.input().Data)))
		target := random(rng, len(p.output().Data))
		loss := func() float64 {
			total := 0.0
			for k := range p.input().Rows {
				for j, y := range slowForward(n, row(p.input(), k)) {
					total += math.Pow(y-target[k*3+j], 2)
				}
			}
			return total
		}
		n.forward(p)
		for i, y := range p.output().Data {
			p.outputDelta().Data[i] = 2 * (y - target[i])
		}
		gradient := make([]float64, len(n.params))
		n.backward(p, gradient, true)
		byInput := append([]float64(nil), p.inputDelta().Data...)
		checkGradient(t, "parameters", n.params, gradient, loss)
		checkGradient(t, "input", p.input().Data, byInput, loss)
	}
}

// TestActorGradient checks the deterministic policy gradient, through the critic, with what holds the
// actor near the best episode.
func TestActorGradient(t *testing.T) {
	a := trained(t, 3)
	s := a.scratch
	a.update()
	// Larger last layers than the initial ones, so that no gradient is vanishingly small.
	copy(a.actor.params, newNetwork(a.actor.sizes, true, 0.5, a.rng).params)
	copy(a.critic.params, newNetwork(a.critic.sizes, false, 0.5, a.rng).params)
	a.actorGradientOf()
	worth := func() float64 {
		total := 0.0
		for k := range s.batch {
			state := row(s.actor.input(), k)
			action := slowForward(a.actor, state)
			total += slowForward(a.critic, append(append([]float64(nil), state...), action...))[0]
			for j, x := range a.elite[a.replay.following[s.batch[k]]] {
				total -= a.settings.Elite * (action[j] - x) * (action[j] - x) / 2
			}
		}
		return -total / float64(len(s.batch))
	}
	checkGradient(t, "actor", a.actor.params, s.actorGradient, worth)
}

// TestCriticGradient checks the gradient of the mean squared distance from the targets.
func TestCriticGradient(t *testing.T) {
	a := trained(t, 4)
	s := a.scratch
	a.update()
	copy(a.critic.params, newNetwork(a.critic.sizes, false, 0.5, a.rng).params)
	a.targets()
	a.criticGradientOf()
	loss := func() float64 {
		total := 0.0
		for k, i := range s.batch {
			in := make([]float64, a.settings.States)
			a.scaler.scale(in, a.replay.stateAt(i))
			q := slowForward(a.critic, append(in, a.replay.actionAt(i)...))[0]
			total += math.Pow(q-s.target[k], 2)
		}
		return total / float64(len(s.batch))
	}
	checkGradient(t, "critic", a.critic.params, s.criticGradient, loss)
}

// TestTargets compares the targets of a batch with those computed one by one.
func TestTargets(t *testing.T) {
	a := trained(t, 5)
	for range 50 {
		a.update()
	}
	a.targets()
	lasts := 0
	for k, i := range a.scratch.batch {
		want := a.replay.reward[i] - a.average
		if a.replay.last[i] {
			lasts++
		} else {
			next := make([]float64, a.settings.States)
			a.scaler.scale(next, a.replay.stateAt(a.replay.successor(i)))
			action := slowForward(a.targetActor, next)
			want = (1-a.settings.Gamma)*want + a.settings.Gamma*slowForward(a.targetCritic, append(next, action...))[0]
		}
		if got := a.scratch.target[k]; math.Abs(got-want) > 1e-9 {
			t.Errorf("target %d is %g, want %g", k, got, want)
		}
	}
	if lasts == 0 || lasts == len(a.scratch.batch) {
		t.Errorf("%d of the batch ended an episode: the test is wrong", lasts)
	}
}

func TestAdam(t *testing.T) {
	// One parameter, the update rule as in the paper's algorithm 1.
	const rate, decay = 0.1, 0.01
	x, m, v := 3.0, 0.0, 0.0
	got := []float64{3, 3}
	a := newAdam(rate, decay, 2)
	for step := 1; step <= 50; step++ {
		slope := func(x float64) float64 { return 2*x - math.Sin(3*x) }
		gradient := []float64{slope(got[0]), slope(got[1])}
		a.step(got, gradient)

		g := slope(x) + decay*x
		m = 0.9*m + 0.1*g
		v = 0.999*v + 0.001*g*g
		mHat := m / (1 - math.Pow(0.9, float64(step)))
		vHat := v / (1 - math.Pow(0.999, float64(step)))
		x -= rate * mHat / (math.Sqrt(vHat) + 1e-8)
		if math.Abs(got[0]-x) > 1e-12 || got[0] != got[1] {
			t.Fatalf("step %d: %v, want %g", step, got, x)
		}
	}
}
