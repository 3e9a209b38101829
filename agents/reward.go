package agents

import (
	"fmt"
	"math"
	"strings"
)

// Outcome is what an episode was measured to achieve. It is kept instead of a reward,
// so that the past can be judged anew when the reward changes.
type Outcome struct {
	Accuracy          float64 // top-1, in [0,1]
	ReferenceAccuracy float64 // of the uncompressed model
	Latency           float64 // any unit
	ReferenceLatency  float64 // of the uncompressed model, in the unit of Latency

	// Before is the share of an episode's costs that steps before some step account for, in
	// [0,1], where it is that step's part in the outcome that is asked for; 0: the whole.
	Before float64 `json:",omitempty"`
}

func (o Outcome) validate() error {
	for _, x := range []float64{o.Accuracy, o.ReferenceAccuracy, o.Latency, o.ReferenceLatency, o.Before} {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("outcome is not finite: %+v", o)
		}
	}
	if o.ReferenceLatency <= 0 {
		return fmt.Errorf("reference latency %g is not positive", o.ReferenceLatency)
	}
	return nil
}

// Reward says how good an outcome is; more is better. What it says of an outcome with
// [Outcome.Before] is what the steps from that one on earned: their return. Most rewards are
// earned by all steps together and make no difference.
type Reward func(Outcome) float64

// Composed is the reward r3: every step has its own, the composition of a cost term and, with
// the last step, the accuracy. Step t, which decides on a layer with the share pₜ of the
// measured latency T of all layers, earns
//
//	β·max(0, T/(c·T₀) − 1)·pₜ   (+ accuracy if it is the last)
//
// so that the steps of an episode sum up to [OneSided], while each answers for its own cost
// and those after it alone. The r3 in the code of Krieger et al. 2022 weighs each step's share
// of all bit operations saved against the network's accuracy after that step. Accuracy
// half way through a policy is not measured here.
func Composed(target, beta float64) Reward {
	return func(o Outcome) float64 {
		return o.Accuracy + beta*max(0, o.Latency/(target*o.ReferenceLatency)-1)*(1-o.Before)
	}
}

// Absolute is the reward r6 of Krieger et al. 2022:
//
//	accuracy + β·|T/(c·T₀) − 1|
//
// for a wanted latency ratio c > 0 and a weight β < 0. It punishes being faster than
// asked as much as being slower, which keeps the search near the target.
func Absolute(target, beta float64) Reward {
	return func(o Outcome) float64 {
		return o.Accuracy + beta*math.Abs(o.Latency/(target*o.ReferenceLatency)-1)
	}
}

// Exponential is the reward r5 of Krieger et al. 2022: the accuracy of what meets the
// target, and accuracy·(T/(c·T₀))^β of what does not.
func Exponential(target, beta float64) Reward {
	return func(o Outcome) float64 {
		excess := o.Latency / (target * o.ReferenceLatency)
		if excess <= 1 {
			return o.Accuracy
		}
		return o.Accuracy * math.Pow(excess, beta)
	}
}

// Logarithmic is the reward r4 of Krieger et al. 2022, which knows no target:
// −log(T/T₀)·accuracy/accuracy₀.
func Logarithmic() Reward {
	return func(o Outcome) float64 {
		return -math.Log(o.Latency/o.ReferenceLatency) * o.Accuracy / o.ReferenceAccuracy
	}
}

// OneSided is the reward r7 of Krieger et al. 2022: [Absolute] without the penalty for
// being faster than asked.
func OneSided(target, beta float64) Reward {
	return func(o Outcome) float64 {
		return o.Accuracy + beta*max(0, o.Latency/(target*o.ReferenceLatency)-1)
	}
}

// Rewards are the names of the rewards, as in Krieger et al. 2022.
var Rewards = []string{"r3", "r4", "r5", "r6", "r7"}

// NewReward returns the reward of a name for a wanted latency ratio and a weight β of
// the latency.
func NewReward(name string, target, beta float64) (Reward, error) {
	switch name {
	case "r3":
		return Composed(target, beta), nil
	case "r4":
		return Logarithmic(), nil
	case "r5":
		return Exponential(target, beta), nil
	case "r6":
		return Absolute(target, beta), nil
	case "r7":
		return OneSided(target, beta), nil
	}
	return nil, fmt.Errorf("reward %q is unknown; choose one of %s", name, strings.Join(Rewards, ", "))
}
