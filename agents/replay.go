package agents

import (
	"cmp"
	"slices"
)

// replay remembers the latest transitions in a ring. The transition after i, unless i
// ended its episode, is the successor of i: a state is stored once and is its
// predecessor's next state.
type replay struct {
	capacity, states, actions int

	next    int // where the next transition goes
	count   int
	state   []float64 // capacity × states, as observed
	action  []float64 // capacity × actions
	outcome []Outcome // of the transition's episode, less what was earned before it
	last    []bool    // whether it ended its episode
	worth   []float64 // the reward of the transition's episode
	reward  []float64 // what to learn from: see score

	following []int // how many transitions of its episode follow, as of the latest score
}

func newReplay(capacity, states, actions int) *replay {
	return &replay{
		capacity: capacity, states: states, actions: actions,
		state:   make([]float64, capacity*states),
		action:  make([]float64, capacity*actions),
		outcome: make([]Outcome, capacity),
		last:    make([]bool, capacity),
		worth:   make([]float64, capacity),
		reward:  make([]float64, capacity),

		following: make([]int, capacity),
	}
}

func (r *replay) add(e Episode) {
	total, before := 0.0, 0.0
	for _, cost := range e.Costs {
		total += cost
	}
	for t := range e.States {
		i := r.next
		copy(r.state[i*r.states:], e.States[t])
		copy(r.action[i*r.actions:], e.Actions[t])
		r.outcome[i] = e.Outcome
		if total > 0 {
			r.outcome[i].Before = before / total
			before += e.Costs[t]
		}
		r.last[i] = t == len(e.States)-1
		r.next = (i + 1) % r.capacity
		r.count = min(r.count+1, r.capacity)
	}
}

// score rewards all transitions anew, each with its return: what its step and those after
// it earned. Ranked, it is the place of that in the order of all: −1 the worst, 1 the best,
// the same for equals; where steps earn their own, in the order of the same step's. Ranks
// keep early failures, however bad, from hiding what distinguishes the good episodes, and
// need no centring (fitness shaping: Wierstra et al. 2014, §3.1). It tells whether all steps of
// an episode share its reward.
func (r *replay) score(reward Reward, ranked bool) (shared bool) {
	shared = true
	for i := range r.count {
		r.reward[i] = reward(r.outcome[i])
		whole := r.outcome[i]
		whole.Before = 0
		r.worth[i] = reward(whole)
		shared = shared && r.worth[i] == r.reward[i]
	}
	groups := r.bySteps()
	for following, transitions := range groups {
		for _, i := range transitions {
			r.following[i] = following
		}
	}
	if !ranked {
		return shared
	}
	if shared {
		groups = [][]int{slices.Concat(groups...)}
	}
	for _, group := range groups {
		r.rank(group)
	}
	return shared
}

// bySteps groups all transitions by how many follow in their episodes.
func (r *replay) bySteps() (groups [][]int) {
	following := -1
	for k := range r.count { // from the latest
		i := (r.next + r.capacity - 1 - k) % r.capacity
		if following++; r.last[i] {
			following = 0
		}
		if following == len(groups) {
			groups = append(groups, nil)
		}
		groups[following] = append(groups[following], i)
	}
	return groups
}

// rank replaces the rewards of some transitions by their places.
func (r *replay) rank(order []int) {
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(r.reward[i], r.reward[j]) })
	for start := 0; start < len(order); {
		end := start + 1
		for end < len(order) && r.reward[order[end]] == r.reward[order[start]] {
			end++
		}
		place := float64(start+end)/float64(len(order)) - 1
		for _, i := range order[start:end] {
			r.reward[i] = place
		}
		start = end
	}
}

// best returns the transitions of the episode with the highest reward, the earliest of equals, as
// far as they are remembered.
func (r *replay) best() (transitions []int) {
	if r.count == 0 {
		return nil
	}
	first := 0
	for i := range r.count {
		if r.worth[i] > r.worth[first] {
			first = i
		}
	}
	for {
		before := (first + r.capacity - 1) % r.capacity
		if before >= r.count || r.last[before] || r.worth[before] != r.worth[first] {
			break
		}
		first = before
	}
	for i := first; ; i = r.successor(i) {
		transitions = append(transitions, i)
		if r.last[i] {
			return transitions
		}
	}
}

func (r *replay) stateAt(i int) []float64  { return r.state[i*r.states : (i+1)*r.states] }
func (r *replay) actionAt(i int) []float64 { return r.action[i*r.actions : (i+1)*r.actions] }

// successor is the transition after i in the same episode.
func (r *replay) successor(i int) int { return (i + 1) % r.capacity }
