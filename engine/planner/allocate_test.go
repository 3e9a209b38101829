package planner

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestAllocateMatchesExhaustiveSearch compares with every possible choice. Costs are whole
// numbers of steps, so that rounding plays no part.
func TestAllocateMatchesExhaustiveSearch(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const resolution = 40
	impossible := 0
	for range 200 {
		bundles := make([][]alternative, 1+rng.IntN(3))
		for i := range bundles {
			layers := 1 + rng.IntN(2)
			for range 1 + rng.IntN(3) {
				a := alternative{damage: rng.Float64()}
				for range layers {
					var options []option
					for range 1 + rng.IntN(3) {
						options = append(options, option{cost: float64(rng.IntN(20)), damage: rng.Float64()})
					}
					a.layers = append(a.layers, options)
				}
				bundles[i] = append(bundles[i], a)
			}
		}
		want := exhaust(bundles, resolution)
		chosen, ok := allocate(bundles, resolution, resolution)
		if ok == math.IsInf(want, 1) {
			t.Fatalf("a choice was found: %v; the least damage is %v", ok, want)
		}
		if !ok {
			impossible++
			continue
		}
		cost, damage := 0.0, 0.0
		for i, c := range chosen {
			a := bundles[i][c.alternative]
			damage += a.damage
			for l, o := range c.options {
				cost += a.layers[l][o].cost
				damage += a.layers[l][o].damage
			}
		}
		if cost > resolution || math.Abs(damage-want) > 1e-12 {
			t.Fatalf("the choice costs %v of %v and damages %v, the least is %v", cost, resolution, damage, want)
		}
	}
	if impossible == 0 || impossible > 150 {
		t.Errorf("%d of 200 problems have no solution; both kinds are wanted", impossible)
	}
}

// exhaust is the least damage of all choices within the budget.
func exhaust(bundles [][]alternative, budget float64) float64 {
	if budget < 0 {
		return math.Inf(1)
	}
	if len(bundles) == 0 {
		return 0
	}
	least := math.Inf(1)
	for _, a := range bundles[0] {
		if len(a.layers) == 0 {
			least = min(least, a.damage+exhaust(bundles[1:], budget))
			continue
		}
		for _, o := range a.layers[0] {
			rest := append([][]alternative{{{damage: a.damage + o.damage, layers: a.layers[1:]}}}, bundles[1:]...)
			least = min(least, exhaust(rest, budget-o.cost))
		}
	}
	return least
}

func TestAllocateKeepsTheBudgetWhateverTheResolution(t *testing.T) {
	bundles := [][]alternative{
		{{layers: [][]option{{{cost: 0.35, damage: 0}, {cost: 0.1, damage: 1}}}}},
		{{layers: [][]option{{{cost: 0.7, damage: 0}, {cost: 0.2, damage: 5}}}}},
	}
	for _, resolution := range []int{3, 10, 1000} {
		chosen, ok := allocate(bundles, 1, resolution)
		if !ok {
			t.Fatalf("resolution %d: nothing fits", resolution)
		}
		cost := 0.0
		for i, c := range chosen {
			cost += bundles[i][0].layers[0][c.options[0]].cost
		}
		if cost > 1 {
			t.Errorf("resolution %d: the choice costs %v of 1", resolution, cost)
		}
	}
	if _, ok := allocate(bundles, 0.25, 1000); ok {
		t.Error("a choice is found where none fits")
	}
}
