package agents

import (
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// An episode's reward is that of all its steps together: what one step adds to it drowns in
// what the others do. But every step comes at its turn in every episode, so how much each
// usually adds can be told apart by regression over the episodes (the additive credit
// assignment of difference rewards: Wolpert and Tumer 2001). A transition's credit is the
// episode's reward without what the other steps added.

// creditRidge holds the regression back, in episodes: with as many, half of an effect is believed.
const creditRidge = 8

// ownReward is how much of what an episode is thought to be worth is its own reward. The rest is
// what the regression says: a reward is partly luck, with the images that accuracy is measured on and with the
// time, and the best of many are the luckiest.
const ownReward = 0.3

// assignCredit replaces the rewards of the episodes that are remembered whole by the credits
// of their transitions. Other transitions keep their reward. It returns the transitions of the episode that is
// probably best; nil if there are too few to tell.
func (r *replay) assignCredit() (best []int) {
	episodes := r.whole()
	if len(episodes) < 3 {
		return nil
	}
	steps := len(episodes[0])
	effects := newEffects(r, episodes, steps)
	if effects == nil {
		return nil
	}
	most := math.Inf(-1)
	for e, transitions := range episodes {
		added := make([]float64, steps)
		sum := 0.0
		for t := range transitions {
			added[t] = effects.of(e, t)
			sum += added[t]
		}
		if worth := ownReward*r.reward[transitions[0]] + (1-ownReward)*(effects.mean+sum); worth > most {
			most, best = worth, transitions
		}
		for t, i := range transitions {
			r.reward[i] -= sum - added[t]
		}
	}
	return best
}

// whole lists the transitions of every episode that is remembered from its first step on and has as
// many steps as the latest.
func (r *replay) whole() [][]int {
	var all [][]int
	var episode []int
	oldest := (r.next - r.count + r.capacity) % r.capacity
	complete := r.count < r.capacity // where the ring has wrapped, the oldest may have lost its beginning
	for k := range r.count {
		i := (oldest + k) % r.capacity
		episode = append(episode, i)
		if !r.last[i] {
			continue
		}
		if complete {
			all = append(all, episode)
		}
		episode, complete = nil, true
	}
	if len(all) == 0 {
		return nil
	}
	steps := len(all[len(all)-1])
	same := all[:0]
	for _, e := range all {
		if len(e) == steps {
			same = append(same, e)
		}
	}
	return same
}

// effects are what actions add to rewards, linearly and squared.
type effects struct {
	design *mat.Dense // [episode][step, action, power], standardized
	weight *mat.VecDense
	width  int     // columns per step
	mean   float64 // of the rewards
}

// newEffects regresses the episodes' rewards on their actions; nil if that has no solution.
func newEffects(r *replay, episodes [][]int, steps int) *effects {
	const powers = 2
	n, width := len(episodes), r.actions*powers
	design := mat.NewDense(n, steps*width, nil)
	reward := mat.NewVecDense(n, nil)
	for e, transitions := range episodes {
		reward.SetVec(e, r.reward[transitions[0]])
		for t, i := range transitions {
			for k, x := range r.actionAt(i) {
				design.Set(e, t*width+powers*k, x)
			}
		}
	}
	for c := 0; c < steps*width; c += powers {
		standardize(design, c)
		for e := range n {
			x := design.At(e, c)
			design.Set(e, c+1, x*x)
		}
		standardize(design, c+1)
	}
	mean := mat.Sum(reward) / float64(n)
	for e := range n {
		reward.SetVec(e, reward.AtVec(e)-mean)
	}
	var normal mat.SymDense
	normal.SymOuterK(1, design.T())
	for c := range steps * width {
		normal.SetSym(c, c, normal.At(c, c)+creditRidge)
	}
	var factor mat.Cholesky
	if !factor.Factorize(&normal) {
		return nil
	}
	var products, weight mat.VecDense
	products.MulVec(design.T(), reward)
	if err := factor.SolveVecTo(&weight, &products); err != nil {
		return nil
	}
	return &effects{design, &weight, width, mean}
}

// standardize gives a column mean 0 and deviation 1; one that does not vary becomes 0.
func standardize(m *mat.Dense, column int) {
	values := mat.Col(nil, column, m)
	mean, deviation := stat.PopMeanStdDev(values, nil)
	for i, v := range values {
		values[i] = 0
		if deviation > 1e-6 {
			values[i] = (v - mean) / deviation
		}
	}
	m.SetCol(column, values)
}

// of is what a step added in an episode, compared with its mean.
func (f *effects) of(episode, step int) float64 {
	sum := 0.0
	for c := step * f.width; c < (step+1)*f.width; c++ {
		sum += f.design.At(episode, c) * f.weight.AtVec(c)
	}
	return sum
}
