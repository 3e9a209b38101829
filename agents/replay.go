package agents

// replay remembers the latest transitions in a ring. The transition after i, unless i
// ended its episode, is the successor of i: a state is stored once and is its
// predecessor's next state.
type replay struct {
	capacity, states, actions int

	next    int // where the next transition goes
	count   int
	state   []float64 // capacity × states, as observed
	action  []float64 // capacity × actions
	outcome []Outcome // of the transition's episode
	last    []bool    // whether it ended its episode
	reward  []float64 // of outcome, under the current Reward
}

func newReplay(capacity, states, actions int) *replay {
	return &replay{
		capacity: capacity, states: states, actions: actions,
		state:   make([]float64, capacity*states),
		action:  make([]float64, capacity*actions),
		outcome: make([]Outcome, capacity),
		last:    make([]bool, capacity),
		reward:  make([]float64, capacity),
	}
}

func (r *replay) add(e Episode, reward float64) {
	for t := range e.States {
		i := r.next
		copy(r.state[i*r.states:], e.States[t])
		copy(r.action[i*r.actions:], e.Actions[t])
		r.outcome[i] = e.Outcome
		r.last[i] = t == len(e.States)-1
		r.reward[i] = reward
		r.next = (i + 1) % r.capacity
		r.count = min(r.count+1, r.capacity)
	}
}

func (r *replay) rescore(reward Reward) {
	for i := range r.count {
		r.reward[i] = reward(r.outcome[i])
	}
}

func (r *replay) stateAt(i int) []float64  { return r.state[i*r.states : (i+1)*r.states] }
func (r *replay) actionAt(i int) []float64 { return r.action[i*r.actions : (i+1)*r.actions] }

// successor is the transition after i in the same episode.
func (r *replay) successor(i int) int { return (i + 1) % r.capacity }
