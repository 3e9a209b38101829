package agents

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

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

	scratch *scratch
}

// Settings are the numbers that shape a [DDPG] agent.
type Settings struct {
	States  int `json:"states"`  // length of a state
	Actions int `json:"actions"` // length of an action

	Hidden      [2]int  `json:"hidden"`       // sizes of the hidden layers of actor and critic
	ActorRate   float64 `json:"actor_rate"`   // learning rates of Adam
	CriticRate  float64 `json:"critic_rate"`  //
	CriticDecay float64 `json:"critic_decay"` // L2 weight decay of the critic
	Tau         float64 `json:"tau"`          // how far the target networks follow per update
	Gamma       float64 `json:"gamma"`        // discount; 0: a step is worth its episode's reward
	Average     float64 `json:"average"`      // how far the average that centres rewards follows per update

	Replay  int `json:"replay"`  // transitions remembered
	Batch   int `json:"batch"`   // transitions per update
	Updates int `json:"updates"` // updates per episode

	WarmUp      int     `json:"warm_up"`     // episodes of uniform actions
	Noise       float64 `json:"noise"`       // exploration σ after the warm-up
	NoiseDecay  float64 `json:"noise_decay"` // its factor per episode
	Correlation float64 `json:"correlation"` // of the exploration of two steps in an episode
}

// Defaults returns the settings to use unless there is a reason not to.
func Defaults(states, actions int) Settings {
	return Settings{
		States: states, Actions: actions,
		Hidden:    [2]int{400, 300},
		ActorRate: 1e-4, CriticRate: 1e-3, CriticDecay: 1e-2,
		Tau: 1e-2, Gamma: 0.99, Average: 0.5,
		Replay: 2000, Batch: 128, Updates: 1,
		WarmUp: 10, Noise: 0.5, NoiseDecay: 0.95,
	}
}

// Validate says what is wrong with settings.
func (s Settings) Validate() error {
	const largestSize = 1 << 16
	for _, size := range []struct {
		name  string
		value int
	}{
		{"states", s.States}, {"actions", s.Actions}, {"first hidden layer", s.Hidden[0]},
		{"second hidden layer", s.Hidden[1]}, {"batch", s.Batch},
	} {
		if size.value < 1 || size.value > largestSize {
			return fmt.Errorf("%s of size %d: choose 1 to %d", size.name, size.value, largestSize)
		}
	}
	if s.Replay < s.Batch || s.Replay > 1<<24 {
		return fmt.Errorf("replay of %d transitions: choose at least one batch (%d) and at most %d", s.Replay, s.Batch, 1<<24)
	}
	// Bounds what a damaged checkpoint can make a process allocate.
	if s.Replay*(s.States+s.Actions) > 1<<28 || s.Hidden[0]*s.Hidden[1] > 1<<24 || (s.States+s.Actions)*s.Hidden[0] > 1<<24 {
		return errors.New("agent too large: choose smaller hidden layers or a smaller replay")
	}
	if s.Updates < 0 || s.WarmUp < 0 {
		return errors.New("updates and warm-up cannot be negative")
	}
	for _, ratio := range []struct {
		name  string
		value float64
	}{
		{"tau", s.Tau}, {"gamma", s.Gamma}, {"average", s.Average}, {"noise decay", s.NoiseDecay},
		{"correlation", s.Correlation},
	} {
		if !(ratio.value >= 0 && ratio.value <= 1) {
			return fmt.Errorf("%s is %g: choose 0 to 1", ratio.name, ratio.value)
		}
	}
	for _, rate := range []struct {
		name  string
		value float64
	}{
		{"actor rate", s.ActorRate}, {"critic rate", s.CriticRate}, {"critic decay", s.CriticDecay}, {"noise", s.Noise},
	} {
		if !(rate.value >= 0 && rate.value <= 100) {
			return fmt.Errorf("%s is %g: choose 0 to 100", rate.name, rate.value)
		}
	}
	return nil
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
	a.noiseFrom = s.WarmUp
	a.explorer = explorer{correlation: s.Correlation, shared: make([]float64, s.Actions), rng: a.rng}
	a.explorer.begin()
	a.scratch = newScratch(s)
	return a, nil
}

func (s Settings) actorSizes() []int {
	return []int{s.States, s.Hidden[0], s.Hidden[1], s.Actions}
}

func (s Settings) criticSizes() []int {
	return []int{s.States + s.Actions, s.Hidden[0], s.Hidden[1], 1}
}

// Act returns uniform actions during the warm-up, and the actor's afterwards with
// truncated normal noise around it.
func (a *DDPG) Act(state []float64) []float64 {
	if a.episodes < a.settings.WarmUp {
		action := make([]float64, a.settings.Actions)
		for i := range action {
			action[i] = a.explorer.uniform(i)
		}
		return action
	}
	action := a.Greedy(state)
	for i, mean := range action {
		action[i] = truncatedNormal(mean, a.Noise(), a.explorer.uniform(i))
	}
	return action
}

// Greedy returns the actor's action.
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

// Episodes is the number of episodes learned from.
func (a *DDPG) Episodes() int { return a.episodes }

// Finish stores an episode and learns: Settings.Updates batches, as soon as there are
// transitions for one.
func (a *DDPG) Finish(e Episode) error {
	if err := a.validate(e); err != nil {
		return fmt.Errorf("learn from an episode: %w", err)
	}
	for _, state := range e.States {
		a.scaler.add(state)
	}
	a.replay.add(e, a.reward(e.Outcome))
	a.episodes++
	a.explorer.begin()
	if a.replay.count >= a.settings.Batch {
		for range a.settings.Updates {
			a.update()
		}
	}
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
	a.replay.rescore(r)
	a.averaged = false
}

// scratch is the memory of passes, kept between updates.
type scratch struct {
	single         *pass // one state through the actor
	actor, critic  *pass // a batch
	actorGradient  []float64
	criticGradient []float64
	batch          []int
	target         []float64
}

func newScratch(s Settings) *scratch {
	return &scratch{
		single:         newPass(s.actorSizes(), 1),
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
	mean := 0.0
	for i := range s.batch {
		s.batch[i] = a.rng.IntN(a.replay.count)
		mean += a.replay.reward[s.batch[i]] / float64(len(s.batch))
	}
	if !a.averaged {
		a.average, a.averaged = mean, true
	}
	a.average += a.settings.Average * (mean - a.average)

	a.targets()
	a.updateCritic()
	a.updateActor()
	a.targetActor.follow(a.actor, a.settings.Tau)
	a.targetCritic.follow(a.critic, a.settings.Tau)
}

// targets computes what the critic should say of each transition of the batch: its
// centred reward plus, unless it ended its episode, γ times what the target networks
// expect of the next state.
func (a *DDPG) targets() {
	s := a.scratch
	for k, i := range s.batch {
		s.target[k] = a.replay.reward[i] - a.average
	}
	if a.settings.Gamma == 0 {
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
			s.target[k] += a.settings.Gamma * s.critic.output().Data[k]
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
// states in the actor's input.
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
	for k := range s.batch {
		copy(row(s.actor.outputDelta(), k), row(s.critic.inputDelta(), k)[a.settings.States:])
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
