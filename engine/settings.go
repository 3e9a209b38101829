package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"galen/agents"
	"galen/engine/compress"
	"galen/engine/dataset"
	"galen/hw"
)

// Settings are what a person decides about a run; they are stored with it. Steering
// changes some of them.
type Settings struct {
	Name     string  `json:"name"`
	Demo     bool    `json:"demo,omitempty"`  // the built-in model and data
	Model    string  `json:"model,omitempty"` // path of the ONNX file
	Data     string  `json:"data,omitempty"`  // path of the data; see dataset.OpenFor
	Agent    string  `json:"agent"`           // one of Agents
	Device   string  `json:"device"`          // local, roofline:
	Target   float64 `json:"target"`          // wanted latency ÷ latency of the uncompressed model
	Reward   string  `json:"reward"`          // one of agents.Rewards
	Beta     float64 `json:"beta"`            // weight of the latency term in the reward
	Episodes int     `json:"episodes"`
	Seed     uint64  `json:"seed"`
	DataSeed uint64  `json:"data_seed,omitempty"` // splits the data; 0: Seed does
	Preset   string  `json:"preset,omitempty"`    // of the agent's learning: one of Presets
	RoundTo  int     `json:"round_to"`            // channels are kept in multiples of this
	MaxBits  int     `json:"max_bits"`            // ceiling of mixed precision
	Repair   string  `json:"repair,omitempty"`    // one of Repairs; empty: automatic
	Images   int     `json:"images,omitempty"`    // that score each policy, if the data has as many to spare; 0: 1,000
	Base     *Base   `json:"base,omitempty"`      // what the search starts from; nil: the uncompressed network

	Limits map[string]Limits `json:"limits,omitempty"` // by layer: what the agent may choose
	Frozen []string          `json:"frozen,omitempty"` // of Methods: what it may not use

	DataOptions
}

// reward is what an episode is worth.
func (s Settings) reward() agents.Reward {
	r, err := agents.NewReward(s.Reward, s.Target, s.Beta)
	if err != nil {
		panic(err) // Check refused it
	}
	return r
}

// DataOptions say how images become a network's input; see dataset.Options. The zero
// value takes what the model's file says, see onnx.Normalization, or what is usual for the data.
type DataOptions struct {
	Mean   []float32 `json:"mean,omitempty"` // per channel, of pixels scaled to [0,1]; one number stands for all
	Std    []float32 `json:"std,omitempty"`
	Resize int       `json:"resize,omitempty"` // the shorter side before the centre is cropped
}

// Agents are what can propose policies: reinforcement learning over channels and bits,
// channels alone, or bits alone, the latter two over the whole range or iteratively around
// a reference, bits also with a third action for the method; and baselines, which decide about
// both: one that treats all layers alike, random actions, evolution, and a dynamic program.
var Agents = []string{"joint", "prune", "prune" + iterativeSuffix, "quantize", "quantize" + iterativeSuffix, string(agents.Quantize3), uniform, random, evolution, dynamic}

const (
	uniform   = "uniform"
	random    = "random"
	evolution = "evolution"
	dynamic   = "dynamic"
)

// Presets are the numbers that shape how joint, prune and quantize learn: Galen's own, or
// those of Krieger et al. 2022; see [agents.Defaults] and [agents.Paper].
var Presets = []string{"", paper}

const paper = "paper"

// What Krieger et al. 2022 rewarded.
const (
	PaperReward = "r6"
	PaperBeta   = -5
)

// Rewards are what an episode can be worth; see [agents.NewReward].
var Rewards = agents.Rewards

// Repairs are how compressed layers make up for what they lost: refitted one after the other, which
// keeps most accuracy; each by itself, kept beside the runs and put together in no time,
// which suits large networks; or corrected in their statistics alone. Automatic is one of
// the first two, by the size of the network.
var Repairs = []string{automatic, string(compress.Sequential), string(compress.Independent), string(compress.Statistics)}

const automatic = "automatic"

// repair is how layers of a network with so many weights are repaired. Refitting one after the other
// takes seconds a policy at the limit, and more than in proportion beyond; large networks also have
// more to spare.
func (s Settings) repair(weights int64) compress.Repair {
	const most = 1_000_000
	switch {
	case s.Repair != "" && s.Repair != automatic:
		return compress.Repair(s.Repair)
	case weights > most:
		return compress.Independent
	}
	return compress.Sequential
}

// images is how many images are wanted to score policies; runs from before there was a choice have the
// number that was the only one.
func (s Settings) images() int { return cmp.Or(s.Images, dataset.DefaultValidation) }

// dataSeed splits the data into the images that calibrate, score and judge.
func (s Settings) dataSeed() uint64 { return cmp.Or(s.DataSeed, s.Seed) }

// kind is what the agent decides about.
func (s Settings) kind() agents.Kind {
	if !s.learns() {
		return agents.Joint
	}
	return agents.Kind(strings.TrimSuffix(s.Agent, iterativeSuffix))
}

// learns tells whether the agent is one that learns by reinforcement.
func (s Settings) learns() bool {
	switch s.Agent {
	case uniform, random, evolution, dynamic:
		return false
	}
	return true
}

// space is that of the agent's decisions.
func (s Settings) space() (agents.Space, error) {
	space, err := agents.NewSpace(s.kind(), s.MaxBits)
	if s.iterative() {
		space = space.Even() // or it could not leave a method with a large share
	}
	return space, err
}

// DefaultSettings are those of a run of which only model and data are known.
func DefaultSettings() Settings {
	return Settings{
		Agent:    "joint",
		Device:   "local",
		Target:   0.2,
		Reward:   "r7",
		Beta:     -2,
		Episodes: 410,
		Seed:     1,
		RoundTo:  4,
		MaxBits:  6,
		Images:   2500,
	}
}

// DemoSettings are those of the built-in demo.
func DemoSettings() Settings {
	s := DefaultSettings()
	s.Name, s.Demo, s.Target, s.Episodes = "demo", true, 0.45, 200
	return s
}

// Check reports the first setting that makes no sense, and what would.
func (s Settings) Check() error {
	switch {
	case !s.Demo && s.Model == "":
		return errors.New("no model: name an ONNX file with --model, or try the built-in one with galen demo")
	case !s.Demo && s.Data == "":
		return errors.New("no data: name a folder with --data")
	case !slices.Contains(Agents, s.Agent):
		return fmt.Errorf("agent %q is unknown; choose one of %s", s.Agent, strings.Join(Agents, ", "))
	case !slices.Contains(Presets, s.Preset):
		return fmt.Errorf("preset %q is unknown; the only one is %s", s.Preset, paper)
	case s.Preset != "" && !s.learns():
		return fmt.Errorf("preset %s is for agents that learn, like joint, not for %s", s.Preset, s.Agent)
	case !(s.Target > 0 && s.Target <= 1):
		return fmt.Errorf("target %v: give the wanted share of the original latency, above 0 and at most 1", s.Target)
	case !slices.Contains(agents.Rewards, s.Reward):
		return fmt.Errorf("reward %q is unknown; choose one of %s", s.Reward, strings.Join(agents.Rewards, ", "))
	case !(s.Beta < 0 && s.Beta >= -1000):
		return fmt.Errorf("beta %v: give a negative number, -1000 or more; it weighs the distance from the target", s.Beta)
	case s.Episodes < 1 || s.Episodes > 1_000_000:
		return fmt.Errorf("episodes %d: give a number from 1 to 1000000", s.Episodes)
	case s.Images < 0 || s.Images > 1_000_000:
		return fmt.Errorf("images %d: give a number from 1 to 1000000", s.Images)
	case s.RoundTo < 1 || s.RoundTo > 1024:
		return fmt.Errorf("round-to %d: give a number of channels from 1 to 1024", s.RoundTo)
	case s.Repair != "" && !slices.Contains(Repairs, s.Repair):
		return fmt.Errorf("repair %q is unknown; choose one of %s", s.Repair, strings.Join(Repairs, ", "))
	case s.MaxBits < 1 || s.MaxBits > 8:
		return fmt.Errorf("max-bits %d: give a number from 1 to 8", s.MaxBits)
	}
	for layer, l := range s.Limits {
		if err := l.check(); err != nil {
			return fmt.Errorf("limits of layer %s: %w", layer, err)
		}
	}
	for _, m := range s.Frozen {
		if !slices.Contains(Methods, m) {
			return fmt.Errorf("method %q is unknown; choose from %s", m, strings.Join(Methods, ", "))
		}
	}
	if err := s.checkBase(); err != nil {
		return err
	}
	return hw.Check(s.Device)
}
