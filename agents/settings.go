package agents

import (
	"errors"
	"fmt"
)

// Settings are the numbers that shape a [DDPG] agent.
type Settings struct {
	States  int `json:"states"`  // length of a state
	Actions int `json:"actions"` // length of an action

	Hidden      [2]int  `json:"hidden"`           // sizes of the hidden layers of actor and critic
	ActorRate   float64 `json:"actor_rate"`       // learning rate of the actor's Adam
	CriticRate  float64 `json:"critic_rate"`      // learning rate of the critic's Adam
	CriticDecay float64 `json:"critic_decay"`     // L2 weight decay of the critic
	Tau         float64 `json:"tau"`              // how far the target networks follow per update
	Gamma       float64 `json:"gamma"`            // weight of what the next step is expected to be worth; 0: of the episode's reward alone
	Ranked      bool    `json:"ranked"`           // learn from the episodes' ranks instead of their rewards
	Credit      bool    `json:"credit,omitempty"` // learn from what each step added to its episode's reward; with gamma 0
	Average     float64 `json:"average"`          // unranked: how far the average that centres rewards follows per update

	Elite float64 `json:"elite"` // weight of imitating the best episode, beside what the critic says

	Replay  int `json:"replay"`  // transitions remembered
	Batch   int `json:"batch"`   // transitions per update
	Updates int `json:"updates"` // updates per episode

	WarmUp     int     `json:"warm_up"`             // episodes of uniform actions
	Noise      float64 `json:"noise"`               // exploration σ after the warm-up
	NoiseDecay float64 `json:"noise_decay"`         // its factor per episode
	Exploring  float64 `json:"exploring,omitempty"` // share of the steps that explore, by one number of the action each; 0: all steps by all numbers
	Proposals  int     `json:"proposals,omitempty"` // actions of which the critic chooses one to explore; 0: one
	Rollouts   int     `json:"rollouts,omitempty"`  // whole episodes of which the critic chooses one to try; 0: one
	// Correlation of the exploration of two steps in an episode: during the warm-up, after it.
	WarmUpCorrelation float64 `json:"warm_up_correlation"`
	Correlation       float64 `json:"correlation"`
}

// Defaults returns the settings to use unless there is a reason not to. Where they differ
// from the reference's (one update per episode of networks with 400 and 300 hidden units,
// γ 0.99, τ 1e-3, centred rewards, all steps of an episode explored and rewarded alike) they found
// better policies in 200 episodes of problems of the search's shape: small networks afford
// many updates in the time that a large one takes for one, and few changes at a time, each
// credited for itself, tell more than many; and a critic can look at more policies than can be tried.
func Defaults(states, actions int) Settings {
	return Settings{
		States: states, Actions: actions,
		Hidden:    [2]int{64, 64},
		ActorRate: 1e-3, CriticRate: 1e-3, CriticDecay: 0,
		Tau: 3e-2, Gamma: 0, Ranked: true, Credit: true, Average: 0.5, Elite: 100,
		Replay: 4000, Batch: 64, Updates: 40,
		WarmUp: 10, Noise: 0.5, NoiseDecay: 0.97, Exploring: 0.5, Proposals: 4, Rollouts: 32,
		WarmUpCorrelation: 0.8, Correlation: 0,
	}
}

// Paper returns the hyperparameters of Krieger et al. 2022. What differs from theirs is the
// critic's target at the end of an episode; see [DDPG].
func Paper(states, actions int) Settings {
	return Settings{
		States: states, Actions: actions,
		Hidden:    [2]int{400, 300},
		ActorRate: 1e-4, CriticRate: 1e-3, CriticDecay: 1e-2,
		Tau: 1e-3, Gamma: 0.99, Average: 0.5,
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
	if s.Replay*(s.States+s.Actions) > 1<<25 || s.Hidden[0]*s.Hidden[1] > 1<<24 || (s.States+s.Actions)*s.Hidden[0] > 1<<24 {
		return errors.New("agent too large: choose smaller hidden layers or a smaller replay")
	}
	if s.Updates < 0 || s.WarmUp < 0 || s.Proposals < 0 || s.Rollouts < 0 {
		return errors.New("updates, warm-up, proposals and rollouts cannot be negative")
	}
	if s.Credit && s.Gamma != 0 {
		return errors.New("credit is for each step alone: choose gamma 0")
	}
	for _, ratio := range []struct {
		name  string
		value float64
	}{
		{"tau", s.Tau}, {"gamma", s.Gamma}, {"average", s.Average}, {"exploring", s.Exploring}, {"noise decay", s.NoiseDecay},
		{"correlation", s.Correlation}, {"warm-up correlation", s.WarmUpCorrelation},
	} {
		if !(ratio.value >= 0 && ratio.value <= 1) {
			return fmt.Errorf("%s is %g: choose 0 to 1", ratio.name, ratio.value)
		}
	}
	for _, rate := range []struct {
		name  string
		value float64
	}{
		{"actor rate", s.ActorRate}, {"critic rate", s.CriticRate}, {"elite", s.Elite}, {"critic decay", s.CriticDecay}, {"noise", s.Noise},
	} {
		if !(rate.value >= 0 && rate.value <= 100) {
			return fmt.Errorf("%s is %g: choose 0 to 100", rate.name, rate.value)
		}
	}
	return nil
}

func (s Settings) actorSizes() []int {
	return []int{s.States, s.Hidden[0], s.Hidden[1], s.Actions}
}

func (s Settings) criticSizes() []int {
	return []int{s.States + s.Actions, s.Hidden[0], s.Hidden[1], 1}
}
