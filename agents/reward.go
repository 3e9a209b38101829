package agents

import (
	"fmt"
	"math"
)

// Outcome is what an episode was measured to achieve. It is kept instead of a reward,
// so that the past can be judged anew when the reward changes.
type Outcome struct {
	Accuracy          float64 // top-1, in [0,1]
	ReferenceAccuracy float64 // of the uncompressed model
	Latency           float64 // any unit
	ReferenceLatency  float64 // of the uncompressed model, in the unit of Latency
}

func (o Outcome) validate() error {
	for _, x := range []float64{o.Accuracy, o.ReferenceAccuracy, o.Latency, o.ReferenceLatency} {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("outcome is not finite: %+v", o)
		}
	}
	if o.ReferenceLatency <= 0 {
		return fmt.Errorf("reference latency %g is not positive", o.ReferenceLatency)
	}
	return nil
}

// Reward says how good an outcome is; more is better.
type Reward func(Outcome) float64

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
