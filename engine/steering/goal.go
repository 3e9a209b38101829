package steering

import (
	"fmt"

	"galen/agents"
	"galen/engine/planner"
)

// Commands about what the search is after, and for how long.
const (
	Target   Kind = "target"
	Reward   Kind = "reward"
	Beta     Kind = "beta"
	Episodes Kind = "episodes"
)

var (
	target = command{
		kind: Target, takes: "RATIO", does: "wanted latency as a share of the original's", argument: number,
		apply: func(c Command, on Course, _ Search) (Change, error) {
			s := on.Settings
			return set(s, &s.Target, c.Value, Command{Kind: Target, Value: s.Target})
		},
	}
	reward = command{
		kind: Reward, takes: "NAME", does: "what an episode is worth",
		argument: nameOf(func(Course) []string { return agents.Rewards }),
		apply: func(c Command, on Course, _ Search) (Change, error) {
			s := on.Settings
			return set(s, &s.Reward, c.Name, Command{Kind: Reward, Name: s.Reward})
		},
	}
	beta = command{
		kind: Beta, takes: "NUMBER", does: "how strongly latency counts in the reward (negative)", argument: number,
		apply: func(c Command, on Course, _ Search) (Change, error) {
			s := on.Settings
			return set(s, &s.Beta, c.Value, Command{Kind: Beta, Value: s.Beta})
		},
	}
	episodes = command{
		kind: Episodes, takes: "NUMBER", does: "how many policies to try in all", argument: wholeNumber,
		apply: func(c Command, on Course, _ Search) (Change, error) { return on.setEpisodes(int(c.Value)) },
	}
)

// setEpisodes gives the course a budget of so many episodes in all.
func (on Course) setEpisodes(n int) (Change, error) {
	if n <= len(on.Episodes) {
		return Change{}, fmt.Errorf("%d episodes are no more than the %d that have finished", n, len(on.Episodes))
	}
	s := on.Settings
	return set(s, &s.Episodes, n, Command{Kind: Episodes, Value: float64(s.Episodes)})
}

// set gives one setting a value if the settings then make sense; undo takes it back.
func set[T int | float64 | string](s *planner.Settings, field *T, value T, undo Command) (Change, error) {
	before := *field
	*field = value
	if err := s.Check(); err != nil {
		*field = before
		return Change{}, err
	}
	return Change{fmt.Sprintf("%v → %v", before, value), &undo}, nil
}
