package compress

import (
	"cmp"
	"slices"

	"galen/hw/graph"
)

// schedule is an order of a graph's nodes in which layers come as late as they can, and
// those last whose output an addition reads: then what the others lost is known, and they
// can make up for it. Of two such branches the one with more weights per filter is last.
func schedule(g *graph.Graph) []int {
	consumers := g.Consumers()
	known := make([]bool, len(g.Values))
	known[g.Input] = true
	rank := func(i int) int {
		n := &g.Nodes[i]
		switch {
		case n.Weight() == nil:
			return -1
		case !slices.ContainsFunc(consumers[n.Output], func(r int) bool { _, ok := g.Nodes[r].Op.(graph.Add); return ok }):
			return 0
		}
		return n.Weight().Channel()
	}
	order := make([]int, 0, len(g.Nodes))
	left := make([]int, len(g.Nodes))
	for i := range left {
		left[i] = i
	}
	for len(left) > 0 {
		ready := make([]int, 0, 4)
		for at, i := range left {
			if !slices.ContainsFunc(g.Nodes[i].Inputs, func(id graph.ValueID) bool { return !known[id] }) {
				ready = append(ready, at)
			}
		}
		at := slices.MinFunc(ready, func(a, b int) int { return cmp.Compare(rank(left[a]), rank(left[b])) })
		known[g.Nodes[left[at]].Output] = true
		order = append(order, left[at])
		left = slices.Delete(left, at, at+1)
	}
	return order
}
