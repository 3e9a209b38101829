package steering

import "fmt"

// Commands about how the agent learns.
const (
	Noise   Kind = "noise"
	Updates Kind = "updates"
)

var (
	noise = command{
		kind: Noise, takes: "SIGMA", does: "exploration of the next episode; it decays from there", argument: number,
		apply: func(c Command, _ Course, s Search) (Change, error) {
			if !(c.Value >= 0 && c.Value <= 1) {
				return Change{}, fmt.Errorf("noise %v: give a number from 0 to 1", c.Value)
			}
			if s == nil {
				return Change{}, nil
			}
			before, err := s.SetNoise(c.Value)
			return tuned(c, before), err
		},
	}
	updates = command{
		kind: Updates, takes: "NUMBER", does: "learning steps per episode", argument: wholeNumber,
		apply: func(c Command, _ Course, s Search) (Change, error) {
			if c.Value > 10_000 {
				return Change{}, fmt.Errorf("updates %v: give a number from 0 to 10000", c.Value)
			}
			if s == nil {
				return Change{}, nil
			}
			before, err := s.SetUpdates(int(c.Value))
			return tuned(c, float64(before)), err
		},
	}
)

// tuned is the change of one of the agent's numbers.
func tuned(c Command, before float64) Change {
	return Change{fmt.Sprintf("%.3g → %.3g", before, c.Value), &Command{Kind: c.Kind, Value: before}}
}
