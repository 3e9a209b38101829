package agents

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/blas/blas64"
)

// DDPG is the deep deterministic policy gradient agent (Lillicrap et al. 2015) as AMC
// (He et al. 2018) and Krieger et al. 2022 use it for compression: an actor maps a state
// to an action, a critic estimates what state and action are worth, and every step of an
// episode is rewarded with the episode's reward.
type DDPG struct {
	settings Settings
	reward   Reward

	source    *rand.PCG
	rng       *rand.Rand
	episodes  int // finished
	explorer  explorer
	noiseFrom int // episode at which the noise is Settings.Noise; it decays from there

	actor, critic             *network
	targetActor, targetCritic *network
	actorAdam, criticAdam     *adam
	replay                    *replay
	scaler                    *scaler
	average                   float64 // moving average of rewards
	averaged                  bool    // whether average has a value yet

	elite     [][]float64 // actions of the best episode, from the last step to the first; with credit, of what is probably the best
	incumbent [][]float64 // in the same order, what to take for the best; empty: nobody told
	exploring float64     // share of the steps that explore
	scratch   *scratch
}

// NewDDPG returns an untrained agent. The same settings, reward, seed and episodes give
// the same actions.
func NewDDPG(s Settings, r Reward, seed uint64) (*DDPG, error) {
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("agent settings: %w", err)
	}
	a := &DDPG{settings: s, reward: r, source: rand.NewPCG(seed, 0x67616c656e)}
	a.rng = rand.New(a.source)
	a.actor = newNetwork(s.actorSizes(), true, 3e-3, a.rng)
	a.critic = newNetwork(s.criticSizes(), false, 3e-4, a.rng)
	a.targetActor, a.targetCritic = a.actor.clone(), a.critic.clone()
	a.actorAdam = newAdam(s.ActorRate, 0, len(a.actor.params))
	a.criticAdam = newAdam(s.CriticRate, s.CriticDecay, len(a.critic.params))
	a.replay = newReplay(s.Replay, s.States, s.Actions)
	a.scaler = newScaler(s.States)
	a.noiseFrom, a.exploring = s.WarmUp, s.Exploring
	a.explorer = explorer{shared: make([]float64, s.Actions), rng: a.rng}
	a.explorer.drawShared()
	a.scratch = newScratch(s)
	return a, nil
}

// Act returns uniform actions during the warm-up, and the actor's afterwards with
// truncated normal noise around it.
func (a *DDPG) Act(state []float64) []float64 {
	if a.episodes < a.settings.WarmUp {
		action := make([]float64, a.settings.Actions)
		for i := range action {
			action[i] = a.explorer.uniform(i, a.settings.WarmUpCorrelation)
		}
		return action
	}
	return a.explore(a.Greedy(state))
}

// explore returns an action near the actor's, whose state is in a.scratch.single. Where only a share
// of the steps explores, each changes one of its numbers: many changes at once hide what one
// of them is worth. Of a few proposals it is the one that the critic likes best.
func (a *DDPG) explore(greedy []float64) []float64 {
	if a.settings.Exploring > 0 && a.rng.Float64() >= a.exploring {
		return greedy
	}
	best := a.propose(greedy)
	if a.settings.Proposals <= 1 {
		return best
	}
	value := a.value(best)
	for range a.settings.Proposals - 1 {
		action := a.propose(greedy)
		if q := a.value(action); q > value {
			best, value = action, q
		}
	}
	return best
}

// propose returns an action with noise in one of its numbers, or in all where all steps explore.
func (a *DDPG) propose(greedy []float64) []float64 {
	action := slices.Clone(greedy)
	from, to := 0, len(action)
	if a.settings.Exploring > 0 {
		from = a.drawNumber(len(action))
		to = from + 1
	}
	for i := from; i < to; i++ {
		action[i] = truncatedNormal(greedy[i], a.Noise(), a.explorer.uniform(i, a.settings.Correlation))
	}
	return action
}

// drawNumber draws which of n numbers of an action to explore: the first one, which decides on channels where anything
// does, as often as all others together.
func (a *DDPG) drawNumber(n int) int {
	if n == 1 || a.rng.IntN(2) == 0 {
		return 0
	}
	return 1 + a.rng.IntN(n-1)
}

// Greedy returns the actor's action, without exploration.
func (a *DDPG) Greedy(state []float64) []float64 {
	if len(state) != a.settings.States {
		panic(fmt.Sprintf("agents: state of length %d, want %d", len(state), a.settings.States))
	}
	p := a.scratch.single
	a.scaler.scale(p.input().Data, state)
	a.actor.forward(p)
	return append([]float64(nil), p.output().Data...)
}

// Noise is Settings.Noise·NoiseDecayᵏ, k episodes after the warm-up or the latest
// [DDPG.SetNoise]; during the warm-up, whose actions are uniform, it is Settings.Noise.
func (a *DDPG) Noise() float64 {
	k := max(a.episodes-a.noiseFrom, 0)
	return a.settings.Noise * math.Pow(a.settings.NoiseDecay, float64(k))
}

// SetNoise makes σ the exploration noise of the next episode; it decays from there.
func (a *DDPG) SetNoise(sigma float64) {
	a.settings.Noise = max(sigma, 0)
	a.noiseFrom = max(a.episodes, a.settings.WarmUp)
}

// SetUpdates changes the number of updates per episode.
func (a *DDPG) SetUpdates(n int) { a.settings.Updates = max(n, 0) }

// Settings returns the settings as they are now.
func (a *DDPG) Settings() Settings { return a.settings }

// Finish stores an episode and learns: Settings.Updates batches, as soon as there are
// transitions for one.
func (a *DDPG) Finish(e Episode) error {
	if err := a.validate(e); err != nil {
		return fmt.Errorf("learn from an episode: %w", err)
	}
	for _, state := range e.States {
		a.scaler.add(state)
	}
	a.replay.add(e)
	a.score()
	a.episodes++
	a.explorer.drawShared()
	if a.replay.count >= a.settings.Batch {
		for range a.settings.Updates {
			a.update()
		}
	}
	a.incumbent, a.exploring = nil, a.settings.Exploring
	return nil
}

func (a *DDPG) validate(e Episode) error {
	if len(e.States) == 0 || len(e.States) != len(e.Actions) {
		return fmt.Errorf("%d states and %d actions", len(e.States), len(e.Actions))
	}
	for t := range e.States {
		if len(e.States[t]) != a.settings.States || len(e.Actions[t]) != a.settings.Actions {
			return fmt.Errorf("step %d: state of length %d and action of length %d, want %d and %d",
				t, len(e.States[t]), len(e.Actions[t]), a.settings.States, a.settings.Actions)
		}
		for _, vector := range [][]float64{e.States[t], e.Actions[t]} {
			for _, x := range vector {
				if math.IsNaN(x) || math.IsInf(x, 0) {
					return fmt.Errorf("step %d: state or action is not finite", t)
				}
			}
		}
	}
	if len(e.Costs) != 0 && len(e.Costs) != len(e.States) {
		return fmt.Errorf("%d states and %d costs", len(e.States), len(e.Costs))
	}
	for t, cost := range e.Costs {
		if !(cost >= 0 && cost <= math.MaxFloat64/float64(len(e.Costs))) {
			return fmt.Errorf("step %d: it costs %v", t, cost)
		}
	}
	if err := e.Outcome.validate(); err != nil {
		return err
	}
	if r := a.reward(e.Outcome); math.IsNaN(r) || math.IsInf(r, 0) {
		return fmt.Errorf("reward is not finite for %+v", e.Outcome)
	}
	return nil
}

// Rescore judges the replay anew; what the agent learns from now on is r.
func (a *DDPG) Rescore(r Reward) {
	a.reward = r
	a.score()
	a.averaged = false
}

// score judges what is remembered.
func (a *DDPG) score() {
	shared := a.replay.score(a.reward, a.settings.Ranked)
	best := a.replay.best()
	if a.settings.Credit && shared {
		if probably := a.replay.assignCredit(); probably != nil {
			best = probably
		}
	}
	if a.elite = a.incumbent; a.elite != nil {
		return
	}
	for _, i := range slices.Backward(best) {
		a.elite = append(a.elite, slices.Clone(a.replay.actionAt(i)))
	}
}

// scratch is the memory of passes, kept between updates.
type scratch struct {
	single         *pass // one state through the actor
	judged         *pass // one state and action through the critic
	actor, critic  *pass // a batch
	actorGradient  []float64
	criticGradient []float64
	batch          []int
	target         []float64
}

func newScratch(s Settings) *scratch {
	return &scratch{
		single:         newPass(s.actorSizes(), 1),
		judged:         newPass(s.criticSizes(), 1),
		actor:          newPass(s.actorSizes(), s.Batch),
		critic:         newPass(s.criticSizes(), s.Batch),
		actorGradient:  make([]float64, parameters(s.actorSizes())),
		criticGradient: make([]float64, parameters(s.criticSizes())),
		batch:          make([]int, s.Batch),
		target:         make([]float64, s.Batch),
	}
}

// update learns from one random batch.
func (a *DDPG) update() {
	s := a.scratch
	for i := range s.batch {
		s.batch[i] = a.rng.IntN(a.replay.count)
	}
	if !a.settings.Ranked {
		a.centre()
	}
	a.targets()
	a.updateCritic()
	a.updateActor()
	a.targetActor.follow(a.actor, a.settings.Tau)
	a.targetCritic.follow(a.critic, a.settings.Tau)
}

// centre moves the average reward towards that of the batch.
func (a *DDPG) centre() {
	mean := 0.0
	for _, i := range a.scratch.batch {
		mean += a.replay.reward[i] / float64(len(a.scratch.batch))
	}
	if !a.averaged {
		a.average, a.averaged = mean, true
	}
	a.average += a.settings.Average * (mean - a.average)
}

// targets computes what the critic should say of each transition of the batch:
//
//	(1−γ)·r + γ·(r − r′ + Q′(next state, μ′(next state)))
//
// and r where the episode ended, r being the transition's centred return and r′ the next
// one's: the same, the episode's reward, unless steps earn their own. This is the
// reference's target, where each step has the reward of its episode, but for two
// things: an episode goes on for ever with its reward instead of being worth nothing at
// its end, and (1−γ) scales all of it, so that Q means the same at every step.
func (a *DDPG) targets() {
	s := a.scratch
	gamma := a.settings.Gamma
	for k, i := range s.batch {
		s.target[k] = a.replay.reward[i] - a.average
	}
	if gamma == 0 {
		return
	}
	for k, i := range s.batch {
		if !a.replay.last[i] {
			i = a.replay.successor(i)
		}
		a.scaler.scale(row(s.actor.input(), k), a.replay.stateAt(i))
	}
	a.targetActor.forward(s.actor)
	join(s.critic.input(), s.actor.input(), s.actor.output())
	a.targetCritic.forward(s.critic)
	for k, i := range s.batch {
		if !a.replay.last[i] {
			s.target[k] = (1-gamma)*s.target[k] + gamma*(a.replay.reward[i]-a.replay.reward[a.replay.successor(i)]+s.critic.output().Data[k])
		}
	}
}

// updateCritic steps down the mean squared distance from the targets. It leaves the
// batch's states in the actor's input.
func (a *DDPG) updateCritic() {
	a.criticGradientOf()
	a.criticAdam.step(a.critic.params, a.scratch.criticGradient)
}

func (a *DDPG) criticGradientOf() {
	s := a.scratch
	for k, i := range s.batch {
		a.scaler.scale(row(s.actor.input(), k), a.replay.stateAt(i))
		in := row(s.critic.input(), k)
		copy(in[copy(in, row(s.actor.input(), k)):], a.replay.actionAt(i))
	}
	a.critic.forward(s.critic)
	for k, q := range s.critic.output().Data {
		s.critic.outputDelta().Data[k] = 2 * (q - s.target[k]) / float64(len(s.batch))
	}
	a.critic.backward(s.critic, s.criticGradient, false)
}

// updateActor steps up the mean of what the critic says of the actor's actions, for the
// states in the actor's input, while it holds the actor near what the best episode did at the same
// steps: the critic knows nothing of actions far from those that were tried (Fujimoto and Gu 2021).
// All remembered states are held there, not only the best episode's: a step that
// explores changes the states of all that follow.
func (a *DDPG) updateActor() {
	a.actorGradientOf()
	a.actorAdam.step(a.actor.params, a.scratch.actorGradient)
}

func (a *DDPG) actorGradientOf() {
	s := a.scratch
	a.actor.forward(s.actor)
	join(s.critic.input(), s.actor.input(), s.actor.output())
	a.critic.forward(s.critic)
	delta := s.critic.outputDelta().Data
	for k := range delta {
		delta[k] = -1 / float64(len(s.batch))
	}
	a.critic.backward(s.critic, nil, true)
	for k, i := range s.batch {
		slope := row(s.actor.outputDelta(), k)
		copy(slope, row(s.critic.inputDelta(), k)[a.settings.States:])
		if following := a.replay.following[i]; following < len(a.elite) {
			output := row(s.actor.output(), k)
			for j, x := range a.elite[following] {
				slope[j] += a.settings.Elite * (output[j] - x) / float64(len(s.batch))
			}
		}
	}
	a.actor.backward(s.actor, s.actorGradient, false)
}

func row(m blas64.General, i int) []float64 { return m.Data[i*m.Stride : i*m.Stride+m.Cols] }

// join writes the rows of left and right side by side.
func join(dst, left, right blas64.General) {
	for k := range dst.Rows {
		in := row(dst, k)
		copy(in[copy(in, row(left, k)):], row(right, k))
	}
}
