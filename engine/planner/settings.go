package planner

import (
	"fmt"
	"slices"
	"strings"

	"galen/agents"
	"galen/engine/compress/structure"
)

// Settings are what a person decides about how a run is planned. Steering changes some of them.
type Settings struct {
	Agent    string  `json:"agent"`            // one of Agents
	Target   float64 `json:"target"`           // wanted latency ÷ latency of the uncompressed model
	Reward   string  `json:"reward"`           // one of agents.Rewards
	Beta     float64 `json:"beta"`             // weight of the latency term in the reward
	Episodes int     `json:"episodes"`         // to try in all
	Seed     uint64  `json:"seed"`             // all but measured time follows from it
	Preset   string  `json:"preset,omitempty"` // of the agent's learning: one of Presets
	RoundTo  int     `json:"round_to"`         // channels are kept in multiples of this
	MaxBits  int     `json:"max_bits"`         // ceiling of mixed precision
	Base     *Base   `json:"base,omitempty"`   // what decisions start from; nil: the uncompressed network

	Limits map[string]Limits `json:"limits,omitempty"` // by layer: what the agent may choose
	Frozen []string          `json:"frozen,omitempty"` // of Methods: what it may not use
}

// Base is a policy that decisions start from. What the agent does not decide about stays
// as it is there: pruning keeps its bits, quantization its sparsities.
type Base struct {
	Policy  structure.Policy `json:"policy"`
	Run     string           `json:"run,omitempty"`     // the other run it is from; empty: none
	Episode int              `json:"episode,omitempty"` // of that run or, without one, of the run itself; 0: of none
	Model   string           `json:"model,omitempty"`   // SHA-256 of the other run's model
}

// String names the policy.
func (b *Base) String() string {
	switch {
	case b == nil:
		return "none"
	case b.Run != "":
		return fmt.Sprintf("%s:%d", b.Run, b.Episode)
	case b.Episode > 0:
		return fmt.Sprintf("episode %d", b.Episode)
	}
	return "a given policy"
}

// Agents are what can propose policies: reinforcement learning over channels and bits,
// channels alone, or bits alone, the latter two over the whole range or iteratively around
// a base, bits also with a third action for the method; and baselines, which decide about
// both: one that treats all layers alike, random actions, evolution, and a dynamic program.
var Agents = []string{
	string(agents.Joint), string(agents.Prune), string(agents.Prune) + iterativeSuffix,
	string(agents.Quantize), string(agents.Quantize) + iterativeSuffix, string(agents.Quantize3),
	uniform, random, evolution, dynamic,
}

const (
	uniform   = "uniform"
	random    = "random"
	evolution = "evolution"
	dynamic   = "dynamic"

	iterativeSuffix = "-iterative"
)

// Presets are the numbers that shape how joint, prune and quantize learn: Galen's own, or
// those of Krieger et al. 2022; see [agents.Defaults] and [agents.Paper].
var Presets = []string{"", Paper}

// Paper is the preset of Krieger et al. 2022.
const Paper = "paper"

// What Krieger et al. 2022 rewarded.
const (
	PaperReward = "r6"
	PaperBeta   = -5
)

// TargetTolerance is how far over the target, relative to it, a latency still counts as
// meeting it: about what a careful measurement is uncertain by.
const TargetTolerance = 0.01

// Kind is what the agent decides about.
func (s *Settings) Kind() agents.Kind {
	if !s.Learns() {
		return agents.Joint
	}
	return agents.Kind(strings.TrimSuffix(s.Agent, iterativeSuffix))
}

// Learns tells whether the agent is one that learns by reinforcement.
func (s *Settings) Learns() bool {
	switch s.Agent {
	case uniform, random, evolution, dynamic:
		return false
	}
	return true
}

// Iterative tells whether the agent moves around a base.
func (s *Settings) Iterative() bool { return strings.HasSuffix(s.Agent, iterativeSuffix) }

// space is that of the agent's decisions.
func (s *Settings) space() (agents.Space, error) {
	space, err := agents.NewSpace(s.Kind(), s.MaxBits)
	if s.Iterative() {
		space = space.Even() // or it could not leave a method with a large share
	}
	return space, err
}

// worth is what the reward depends on.
type worth struct {
	reward       string
	target, beta float64
}

func (s *Settings) worth() worth { return worth{s.Reward, s.Target, s.Beta} }

// NewReward is what an episode is worth.
func (s *Settings) NewReward() agents.Reward {
	r, err := agents.NewReward(s.Reward, s.Target, s.Beta)
	if err != nil {
		panic(err) // Check refused it
	}
	return r
}

// Check reports the first setting that makes no sense, and what would.
func (s *Settings) Check() error {
	switch {
	case !slices.Contains(Agents, s.Agent):
		return fmt.Errorf("agent %q is unknown; choose one of %s", s.Agent, strings.Join(Agents, ", "))
	case !slices.Contains(Presets, s.Preset):
		return fmt.Errorf("preset %q is unknown; the only one is %s", s.Preset, Paper)
	case s.Preset != "" && !s.Learns():
		return fmt.Errorf("preset %s is for agents that learn, like joint, not for %s", s.Preset, s.Agent)
	case !(s.Target > 0 && s.Target <= 1):
		return fmt.Errorf("target %v: give the wanted share of the original latency, above 0 and at most 1", s.Target)
	case !slices.Contains(agents.Rewards, s.Reward):
		return fmt.Errorf("reward %q is unknown; choose one of %s", s.Reward, strings.Join(agents.Rewards, ", "))
	case !(s.Beta < 0 && s.Beta >= -1000):
		return fmt.Errorf("beta %v: give a negative number, -1000 or more; it weighs the distance from the target", s.Beta)
	case s.Episodes < 1 || s.Episodes > 1_000_000:
		return fmt.Errorf("episodes %d: give a number from 1 to 1000000", s.Episodes)
	case s.RoundTo < 1 || s.RoundTo > 1024:
		return fmt.Errorf("round-to %d: give a number of channels from 1 to 1024", s.RoundTo)
	case s.MaxBits < 1 || s.MaxBits > 8:
		return fmt.Errorf("max-bits %d: give a number from 1 to 8", s.MaxBits)
	}
	for layer, l := range s.Limits {
		if err := l.Check(); err != nil {
			return fmt.Errorf("limits of layer %s: %w", layer, err)
		}
	}
	for _, m := range s.Frozen {
		if !slices.Contains(Methods, m) {
			return fmt.Errorf("method %q is unknown; choose from %s", m, strings.Join(Methods, ", "))
		}
	}
	return s.checkBase()
}

// checkBase refuses a base to agents that would not use it.
func (s *Settings) checkBase() error {
	if s.Base != nil && s.Kind() == agents.Joint {
		return fmt.Errorf("the %s agent decides about channels and bits of every layer: there is nothing it could take from another policy", s.Agent)
	}
	return nil
}
