package agents

import (
	"bytes"
	"encoding/binary"
	"hash/crc64"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

var _ Agent = (*DDPG)(nil)

// smallSettings are those of a quick agent.
func smallSettings(states, actions int) Settings {
	s := Defaults(states, actions)
	s.Hidden = [2]int{24, 16}
	s.Batch, s.Replay, s.Updates, s.WarmUp = 16, 60, 3, 2
	return s
}

func testReward(o Outcome) float64 { return Absolute(0.5, -2)(o) }

// testEpisode plays an episode of 7 steps whose worth is not interesting.
func testEpisode(a *DDPG, number int) Episode {
	rng := rand.New(rand.NewPCG(uint64(number), 5))
	var e Episode
	for range 7 {
		state := random(rng, a.settings.States)
		e.States = append(e.States, state)
		e.Actions = append(e.Actions, a.Act(state))
	}
	e.Outcome = Outcome{Accuracy: rng.Float64(), ReferenceAccuracy: 1, Latency: 1 + rng.Float64() + e.Actions[0][0], ReferenceLatency: 3}
	return e
}

func newTestAgent(t *testing.T, s Settings, seed uint64) *DDPG {
	t.Helper()
	a, err := NewDDPG(s, testReward, seed)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func finish(t *testing.T, a *DDPG, e Episode) {
	t.Helper()
	if err := a.Finish(e); err != nil {
		t.Fatal(err)
	}
}

// trained returns a small agent whose replay has wrapped around.
func trained(t *testing.T, seed uint64) *DDPG {
	t.Helper()
	s := smallSettings(6, 3)
	s.Gamma, s.Credit = 0.9, false
	a := newTestAgent(t, s, seed)
	for n := range 12 {
		finish(t, a, testEpisode(a, n))
	}
	return a
}

func state(t *testing.T, a *DDPG) []byte {
	t.Helper()
	data, err := a.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSameSeedSameAgent(t *testing.T) {
	if !bytes.Equal(state(t, trained(t, 1)), state(t, trained(t, 1))) {
		t.Error("two agents of the same seed differ")
	}
	if bytes.Equal(state(t, trained(t, 1)), state(t, trained(t, 2))) {
		t.Error("two agents of different seeds do not differ")
	}
}

// TestRestoredAgentGoesOnAlike saves and restores after every episode: the actions of
// the agent that was interrupted and of the one that was not are the same to the bit.
func TestRestoredAgentGoesOnAlike(t *testing.T) {
	s := smallSettings(6, 3)
	whole, parts := newTestAgent(t, s, 9), newTestAgent(t, s, 9)
	for n := range 25 {
		if n == 15 {
			whole.SetNoise(0.3)
			parts.SetNoise(0.3)
			whole.SetUpdates(5)
			parts.SetUpdates(5)
		}
		want, got := testEpisode(whole, n), testEpisode(parts, n)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("episode %d differs after a restart", n)
		}
		finish(t, whole, want)
		finish(t, parts, got)
		saved := state(t, parts)
		restored, err := restore(saved, testReward)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(state(t, restored), saved) {
			t.Fatalf("episode %d: a restored agent saves another state", n)
		}
		parts = newTestAgent(t, smallSettings(2, 1), 77) // whatever it was before
		if err := parts.UnmarshalBinary(saved); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(state(t, whole), state(t, parts)) {
		t.Error("final states differ")
	}
}

func TestDamagedCheckpointsAreRefused(t *testing.T) {
	good := state(t, trained(t, 1))
	a := trained(t, 2)
	before := state(t, a)
	refused := func(what string, data []byte) {
		t.Helper()
		if err := a.UnmarshalBinary(data); err == nil {
			t.Errorf("%s was accepted", what)
		}
	}
	for _, n := range []int{0, 1, len(checkpointMagic), 20, 100, len(good) / 2, len(good) - 1} {
		refused("a truncated checkpoint", good[:n])
	}
	refused("a longer checkpoint", append(bytes.Clone(good), 0))
	for i := 0; i < len(good); i += 1 + len(good)/500 {
		flipped := bytes.Clone(good)
		flipped[i] ^= 0x10
		refused("a flipped bit", flipped)
	}
	newer := bytes.Clone(good)
	newer[len(checkpointMagic)]++
	if err := a.UnmarshalBinary(newer); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("another version: %v", err)
	}
	if !bytes.Equal(state(t, a), before) {
		t.Error("a refused checkpoint changed the agent")
	}
}

// TestForgedCheckpointsNeverPanic damages checkpoints and corrects their checksum.
func TestForgedCheckpointsNeverPanic(t *testing.T) {
	good := state(t, trained(t, 1))
	rng := rand.New(rand.NewPCG(3, 3))
	for range 2000 {
		forged := bytes.Clone(good[:len(good)-8])
		if rng.IntN(2) == 0 {
			forged = forged[:rng.IntN(len(forged))]
		}
		for range 1 + rng.IntN(3) {
			if len(forged) > 0 {
				forged[rng.IntN(min(len(forged), 600))] ^= byte(1 << rng.IntN(8))
			}
		}
		forged = binary.LittleEndian.AppendUint64(forged, crc64.Checksum(forged, checkpointTable))
		if a, err := restore(forged, testReward); err == nil {
			a.Act(make([]float64, a.Settings().States))
		}
	}
}

// TestScore compares ranks with counts of the better and the worse.
func TestScore(t *testing.T) {
	a := trained(t, 1)
	for _, reward := range []Reward{testReward, Absolute(0.1, -3), func(Outcome) float64 { return 1 }} {
		a.replay.score(reward, false)
		raw := append([]float64(nil), a.replay.reward[:a.replay.count]...)
		for i, got := range raw {
			if want := reward(a.replay.outcome[i]); got != want {
				t.Fatalf("transition %d is worth %g, want %g", i, got, want)
			}
		}
		a.replay.score(reward, true)
		for i, got := range a.replay.reward[:a.replay.count] {
			worse, better := 0, 0
			for _, x := range raw {
				if x < raw[i] {
					worse++
				} else if x > raw[i] {
					better++
				}
			}
			if want := float64(worse-better) / float64(len(raw)); math.Abs(got-want) > 1e-12 {
				t.Fatalf("transition %d has place %g, want %g", i, got, want)
			}
		}
	}
}

func TestRescore(t *testing.T) {
	for _, ranked := range []bool{false, true} {
		testRescore(t, ranked)
	}
}

func testRescore(t *testing.T, ranked bool) {
	s := smallSettings(6, 3)
	s.Ranked = ranked
	a, b := newTestAgent(t, s, 1), newTestAgent(t, s, 1)
	for n := range 12 {
		finish(t, a, testEpisode(a, n))
		finish(t, b, testEpisode(b, n))
	}
	steered := Absolute(0.1, -3)
	a.Rescore(steered)
	restored, err := restore(state(t, a), steered)
	if err != nil {
		t.Fatal(err)
	}
	for _, agent := range []*DDPG{a, b, restored} {
		finish(t, agent, testEpisode(agent, 50))
	}
	if bytes.Equal(state(t, a), state(t, b)) {
		t.Error("a steered agent learned what it would have learned anyway")
	}
	if !bytes.Equal(state(t, a), state(t, restored)) {
		t.Error("a steered agent goes on differently after a restart")
	}
}

func TestFinishRefusesNonsense(t *testing.T) {
	a := trained(t, 1)
	before := state(t, a)
	good := func() Episode {
		o := Outcome{Accuracy: 0.5, Latency: 1, ReferenceLatency: 2}
		return Episode{States: [][]float64{make([]float64, 6)}, Actions: [][]float64{make([]float64, 3)}, Outcome: o}
	}
	for name, spoil := range map[string]func(*Episode){
		"no steps":        func(e *Episode) { e.States, e.Actions = nil, nil },
		"missing action":  func(e *Episode) { e.Actions = nil },
		"short state":     func(e *Episode) { e.States[0] = e.States[0][1:] },
		"long action":     func(e *Episode) { e.Actions[0] = append(e.Actions[0], 0) },
		"state NaN":       func(e *Episode) { e.States[0][2] = math.NaN() },
		"action infinite": func(e *Episode) { e.Actions[0][0] = math.Inf(1) },
		"accuracy NaN":    func(e *Episode) { e.Outcome.Accuracy = math.NaN() },
		"no reference":    func(e *Episode) { e.Outcome.ReferenceLatency = 0 },
	} {
		e := good()
		spoil(&e)
		if err := a.Finish(e); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if !bytes.Equal(state(t, a), before) {
		t.Error("refused episodes changed the agent")
	}
	finish(t, a, good())
}

func TestSettingsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*Settings){
		"no states":       func(s *Settings) { s.States = 0 },
		"negative hidden": func(s *Settings) { s.Hidden[1] = -1 },
		"huge hidden":     func(s *Settings) { s.Hidden = [2]int{65536, 65536} },
		"small replay":    func(s *Settings) { s.Replay = s.Batch - 1 },
		"huge replay":     func(s *Settings) { s.Replay = 1 << 40 },
		"tau":             func(s *Settings) { s.Tau = 1.1 },
		"gamma NaN":       func(s *Settings) { s.Gamma = math.NaN() },
		"rate":            func(s *Settings) { s.ActorRate = -1 },
		"updates":         func(s *Settings) { s.Updates = -1 },
	} {
		s := Defaults(47, 3)
		spoil(&s)
		if _, err := NewDDPG(s, testReward, 1); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestNoiseSchedule(t *testing.T) {
	s := smallSettings(6, 3)
	s.Noise, s.NoiseDecay, s.WarmUp = 0.5, 0.9, 3
	a := newTestAgent(t, s, 1)
	want := []float64{0.5, 0.5, 0.5, 0.5, 0.45, 0.405, 0.2, 0.18, 0.162}
	for n, sigma := range want {
		if n == 6 {
			a.SetNoise(0.2)
		}
		if got := a.Noise(); math.Abs(got-sigma) > 1e-12 {
			t.Errorf("episode %d: noise %g, want %g", n, got, sigma)
		}
		finish(t, a, testEpisode(a, n))
	}
}

func TestGreedyIsTheActor(t *testing.T) {
	a := trained(t, 1)
	a.SetNoise(0)
	in := random(rand.New(rand.NewPCG(1, 2)), 6)
	greedy := a.Greedy(in)
	if got := a.Act(in); !reflect.DeepEqual(got, greedy) {
		t.Errorf("without noise the agent does %v, not %v", got, greedy)
	}
	scaled := make([]float64, 6)
	a.scaler.scale(scaled, in)
	for i, want := range slowForward(a.actor, scaled) {
		if math.Abs(greedy[i]-want) > 1e-12 {
			t.Errorf("action %d is %g, want %g", i, greedy[i], want)
		}
	}
}

func TestScaler(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	s := newScaler(3)
	var values []float64
	for range 500 {
		x := 1e6 + 3*rng.NormFloat64()
		values = append(values, x)
		s.add([]float64{x, 1000, -x})
	}
	mean, square := 0.0, 0.0
	for _, x := range values {
		mean += x / 500
	}
	for _, x := range values {
		square += (x - mean) * (x - mean) / 500
	}
	got := make([]float64, 3)
	s.scale(got, []float64{mean + 2*math.Sqrt(square), 1000, 1e9})
	if math.Abs(got[0]-2) > 1e-6 || got[1] != 0 || got[2] != largest {
		t.Errorf("got %v, want 2, 0 (never varied), %d (bounded)", got, largest)
	}
	s.scale(got, []float64{0, 1001, 0})
	if got[1] != 0 {
		t.Errorf("a feature that never varied becomes %g", got[1])
	}
}

// TestExploration compares the truncated normal with rejection sampling, and checks that
// correlation leaves each step's distribution as it is.
func TestExploration(t *testing.T) {
	const draws = 40_000
	rng := rand.New(rand.NewPCG(1, 1))
	for _, correlation := range []float64{0, 0.7} {
		for _, c := range []struct{ mean, deviation float64 }{{0.5, 0.5}, {0, 0.3}, {0.9, 0.05}, {1, 2}} {
			x := explorer{shared: make([]float64, 1), rng: rng}
			var got, want, product, previous float64
			for range draws {
				x.drawShared()
				first := truncatedNormal(c.mean, c.deviation, x.uniform(0, correlation))
				second := truncatedNormal(c.mean, c.deviation, x.uniform(0, correlation))
				for _, y := range []float64{first, second} {
					if y < 0 || y > 1 {
						t.Fatalf("%v gives %g", c, y)
					}
				}
				got += first / draws
				previous += second / draws
				product += first * second / draws
				y := -1.0
				for y < 0 || y > 1 {
					y = c.mean + c.deviation*rng.NormFloat64()
				}
				want += y / draws
			}
			if math.Abs(got-want) > 0.02*math.Min(c.deviation, 0.5) {
				t.Errorf("%v, correlation %g: mean %g, want %g", c, correlation, got, want)
			}
			covariance := product - got*previous
			if scale := math.Min(c.deviation*c.deviation, 0.08); (correlation == 0) != (math.Abs(covariance) < 0.03*scale) {
				t.Errorf("%v, correlation %g: covariance %g", c, correlation, covariance)
			}
		}
	}
	if got := truncatedNormal(0.3, 0, 0.9); got != 0.3 {
		t.Errorf("without noise 0.3 becomes %g", got)
	}
}

func BenchmarkUpdate(b *testing.B) {
	for name, s := range map[string]Settings{"defaults": Defaults(47, 3), "400-300": func() Settings {
		s := Defaults(47, 3)
		s.Hidden, s.Batch = [2]int{400, 300}, 128
		return s
	}()} {
		b.Run(name, func(b *testing.B) {
			a, err := NewDDPG(s, testReward, 1)
			if err != nil {
				b.Fatal(err)
			}
			a.SetUpdates(0)
			for n := range 100 {
				if err := a.Finish(testEpisode(a, n)); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				a.update()
			}
		})
	}
}
