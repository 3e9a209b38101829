package planner

import "math"

// option is one way to treat a layer.
type option struct {
	cost   float64 // of the layer, in any unit; not negative
	damage float64 // in any unit; damages add up
}

// alternative is one way to treat layers that share a decision: what that decision
// damages, and each layer's options under it.
type alternative struct {
	damage float64
	layers [][]option
}

// allocation says what was chosen for one bundle of layers: an alternative, and in it an
// option for each layer.
type allocation struct {
	alternative int
	options     []int
}

// allocate chooses one alternative per bundle and one option per layer such that the costs add
// up to at most budget and the damages to as little as possible: a multiple-choice
// knapsack, solved by dynamic programming over the budget in steps of 1/resolution. Costs are
// rounded up to whole steps, so that the budget is kept whatever the resolution; the
// choice is the best one for the rounded costs. It reports false if nothing fits.
func allocate(bundles [][]alternative, budget float64, resolution int) (chosen []allocation, ok bool) {
	if budget <= 0 || resolution < 1 {
		return nil, false
	}
	steps := func(cost float64) int {
		// Within rounding error of a whole number it is that number.
		return int(math.Ceil(min(cost/budget*float64(resolution)-1e-9, float64(resolution)+1)))
	}
	// least[b] is the damage of the best choice so far that costs at most b steps.
	least := make([]float64, resolution+1)
	tables := make([][]table, len(bundles))
	winners := make([][]uint16, len(bundles)) // by bundle and budget: the alternative
	for i, alternatives := range bundles {
		best := infinite(resolution + 1)
		winners[i] = make([]uint16, resolution+1)
		for a, alternative := range alternatives {
			t := tabulate(least, alternative, steps)
			tables[i] = append(tables[i], t)
			for b, damage := range t.least {
				if damage < best[b] {
					best[b], winners[i][b] = damage, uint16(a)
				}
			}
		}
		least = best
	}
	if math.IsInf(least[resolution], 1) {
		return nil, false
	}
	chosen = make([]allocation, len(bundles))
	b := resolution
	for i := len(bundles) - 1; i >= 0; i-- {
		a := int(winners[i][b])
		layers := bundles[i][a].layers
		chosen[i] = allocation{a, make([]int, len(layers))}
		for l := len(layers) - 1; l >= 0; l-- {
			o := int(tables[i][a].options[l][b])
			chosen[i].options[l] = o
			b -= max(steps(layers[l][o].cost), 0)
		}
	}
	return chosen, true
}

// table is how an alternative continues the best choices before it.
type table struct {
	least   []float64  // by budget
	options [][]uint16 // by layer and budget: the option of the best choice
}

func tabulate(before []float64, a alternative, steps func(float64) int) table {
	t := table{least: make([]float64, len(before))}
	for b, damage := range before {
		t.least[b] = damage + a.damage
	}
	for _, options := range a.layers {
		next, choice := infinite(len(before)), make([]uint16, len(before))
		for o, option := range options {
			cost := max(steps(option.cost), 0)
			for b := cost; b < len(next); b++ {
				if damage := t.least[b-cost] + option.damage; damage < next[b] {
					next[b], choice[b] = damage, uint16(o)
				}
			}
		}
		t.least = next
		t.options = append(t.options, choice)
	}
	return t
}

func infinite(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = math.Inf(1)
	}
	return x
}
