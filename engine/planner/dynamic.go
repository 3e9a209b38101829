package planner

import (
	"cmp"
	"errors"
	"math"
	"math/rand/v2"
	"slices"

	"galen/agents"
	"galen/engine/compress"
	"galen/hw/graph"
)

// dynamicProgram is the baseline that plans instead of learning. Its first episodes are
// uniform policies, which show what each layer costs at several sparsities and bits. Then
// it chooses, for all layers at once, what damages least within the target: exactly, if
// latencies and sensitivities of layers add up. They do not quite, so that every choice
// is measured whole, each layer's cost corrected by what was found, and the problem solved
// again until the target is met. The remaining episodes do the same under other weights
// of pruning and quantization, since one step of divergence by one does not cost the
// same accuracy as by the other.
//
// Everything follows from the run's settings, sensitivities and finished episodes: there is
// no state to save.
type dynamicProgram struct {
	planner *Planner
	step    int             // next one of the episode under way
	choices []agents.Choice // of the episode under way
}

// Act returns the next layer's action in the episode's plan.
func (d *dynamicProgram) Act(state []float64) []float64 {
	if d.step == 0 {
		d.choices = d.planner.dynamicChoices()
	}
	action := d.planner.space.Action(d.choices[d.step%len(d.choices)])
	d.step++
	return action
}

// Noise is 0: nothing is explored at random.
func (*dynamicProgram) Noise() float64 { return 0 }

// Finish makes the next Act begin another episode; the planner keeps what the last one found.
func (d *dynamicProgram) Finish(agents.Episode) error {
	d.step = 0
	return nil
}

// Rescore does nothing: the target is looked up when an episode begins.
func (*dynamicProgram) Rescore(agents.Reward) {}

// MarshalBinary returns the baseline's name: there is no more to keep.
func (*dynamicProgram) MarshalBinary() ([]byte, error) { return []byte(dynamic), nil }

// UnmarshalBinary begins an episode.
func (d *dynamicProgram) UnmarshalBinary(data []byte) error {
	if string(data) != dynamic {
		return errors.New("restore the dynamic program: the checkpoint is not one of its own")
	}
	d.step = 0
	return nil
}

// dynamicTries is how often one trade-off is corrected and solved again at most.
const dynamicTries = 4

// dynamicResolution is in how many steps the target is divided.
const dynamicResolution = 2048

// dynamicChoices plans the next episode.
func (p *Planner) dynamicChoices() []agents.Choice {
	t := &latencyTable{floats: p.original.Shares}
	latest := 0 // number of the last probe
	for _, sparsity := range probeSparsities {
		c := agents.Choice{Method: agents.Int8, Sparsity: sparsity, WeightBits: 8, ActivationBits: 8}
		e, choices := p.probe(c)
		if e == nil {
			return choices
		}
		t.pruned, latest = append(t.pruned, e), max(latest, e.Number)
	}
	for _, bits := range probeBits {
		if bits > p.settings.MaxBits {
			continue
		}
		e, choices := p.probe(agents.Choice{Method: agents.Mixed, WeightBits: bits, ActivationBits: bits})
		if e == nil {
			return choices
		}
		t.mixed, latest = append(t.mixed, e), max(latest, e.Number)
	}
	solutions := p.episodes[latest:]
	if len(solutions) > 0 {
		t.correct(&solutions[len(solutions)-1])
	} else {
		t.correct(slices.MinFunc(t.pruned, func(a, b *Episode) int {
			return cmp.Compare(math.Abs(a.Latency-p.settings.Target), math.Abs(b.Latency-p.settings.Target))
		}))
	}
	round := tradeOffRound(solutions, p.settings.Target)
	var choices []agents.Choice
	for range 16 {
		choices = p.solve(t, tradeOffOf(p.settings.Seed, round))
		if !slices.ContainsFunc(p.episodes, func(e Episode) bool { return e.made(choices) }) {
			break
		}
		round++ // what was measured already tells nothing new
	}
	return choices
}

// probe returns the episode that tried a choice for all layers, as far as each admits it; nil
// and the choices to make if none has.
func (p *Planner) probe(c agents.Choice) (*Episode, []agents.Choice) {
	policy := original(p.layers)
	choices := make([]agents.Choice, len(p.layers))
	for l := range p.layers {
		choices[l] = p.allowed(l, c, policy)
		policy[l].Sparsity = choices[l].Sparsity
	}
	for i := range p.episodes {
		if e := &p.episodes[i]; e.made(choices) {
			return e, choices
		}
	}
	return nil, choices
}

// tradeOff weighs what pruning and quantization damage.
type tradeOff struct {
	pruning float64 // the weight of pruning; that of quantization is 1
	power   float64 // of divergences: below 1 many small ones count for more
}

// tradeOffOf is the one of a round. The first takes sensitivities as they are.
func tradeOffOf(seed uint64, round int) tradeOff {
	if round == 0 {
		return tradeOff{1, 1}
	}
	rng := rand.New(rand.NewPCG(seed, uint64(round)))
	return tradeOff{math.Exp2(1.5 * rng.NormFloat64()), 0.4 + 0.6*rng.Float64()}
}

// tradeOffRound is how many trade-offs were settled: by a latency within the tolerance
// of the target, or by enough tries.
func tradeOffRound(solutions []Episode, target float64) int {
	round, tries := 0, 0
	for _, e := range solutions {
		tries++
		if math.Abs(e.Latency/target-1) <= TargetTolerance || tries == dynamicTries {
			round, tries = round+1, 0
		}
	}
	return round
}

// solve finds the least damage within the target. Where even the strongest compression is
// too slow, the target is relaxed until something fits.
func (p *Planner) solve(t *latencyTable, weights tradeOff) []agents.Choice {
	groups := p.groups()
	bundles := make([][]alternative, len(groups))
	meanings := make([][][][]agents.Choice, len(groups)) // by group, alternative, member, option
	for g, members := range groups {
		for _, sparsity := range p.sparsities(members[0]) {
			a := alternative{damage: weights.pruning * math.Pow(pruningDamage(p.layers[members[0]], sparsity), weights.power)}
			var meaning [][]agents.Choice
			for _, l := range members {
				var options []option
				choices := p.representations(l)
				for i := range choices {
					choices[i].Sparsity = sparsity
					if !p.layers[l].Prunable {
						choices[i].Sparsity = 0
					}
					damage := math.Pow(roundingDamage(p.layers[l], choices[i], p.settings.MaxBits), weights.power)
					options = append(options, option{cost: t.cost(l, choices[i]), damage: damage})
				}
				a.layers, meaning = append(a.layers, options), append(meaning, choices)
			}
			bundles[g], meanings[g] = append(bundles[g], a), append(meanings[g], meaning)
		}
	}
	choices := make([]agents.Choice, len(p.layers))
	for budget := max(p.settings.Target-t.rest, p.settings.Target/100); ; budget *= 1.1 {
		chosen, ok := allocate(bundles, budget, dynamicResolution)
		if !ok {
			continue
		}
		for g, members := range groups {
			for i, l := range members {
				choices[l] = meanings[g][chosen[g].alternative][i][chosen[g].options[i]]
			}
		}
		return choices
	}
}

// groups are the layers that share a sparsity, each group's root first.
func (p *Planner) groups() [][]int {
	at := map[int]int{}
	var groups [][]int
	for l, layer := range p.layers {
		g, ok := at[layer.Group]
		if !ok {
			g = len(groups)
			at[layer.Group], groups = g, append(groups, nil)
		}
		if layer.Root {
			groups[g] = append([]int{l}, groups[g]...)
		} else {
			groups[g] = append(groups[g], l)
		}
	}
	return groups
}

// sparsities are those that a group's root may have, of the measured ones.
func (p *Planner) sparsities(root int) []float64 {
	var list []float64
	for level := range compress.Levels {
		sparsity := float64(level) / compress.Levels
		if pruningDamage(p.layers[root], sparsity) >= compress.NotAllowed {
			sparsity = 0
		}
		c := p.allowed(root, agents.Choice{Method: agents.Int8, Sparsity: sparsity, WeightBits: 8, ActivationBits: 8}, nil)
		if !slices.Contains(list, c.Sparsity) {
			list = append(list, c.Sparsity)
		}
	}
	return list
}

// representations are the ways in which a layer's numbers may be represented.
func (p *Planner) representations(l int) []agents.Choice {
	wanted := []agents.Choice{
		{Method: agents.Float, WeightBits: graph.FloatBits, ActivationBits: graph.FloatBits},
		{Method: agents.Int8, WeightBits: 8, ActivationBits: 8},
	}
	for w := 1; p.layers[l].Mixable && w <= p.settings.MaxBits; w++ {
		for a := 1; a <= p.settings.MaxBits; a++ {
			wanted = append(wanted, withMethod(agents.Choice{WeightBits: w, ActivationBits: a}))
		}
	}
	var list []agents.Choice
	for _, c := range wanted {
		c = p.permitted(p.layers[l], c)
		c.Sparsity = 0
		if !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	return list
}

// pruningDamage is the divergence that a group's sparsity causes, KL in nats.
func pruningDamage(root Layer, sparsity float64) float64 {
	level := int(math.Round(sparsity * compress.Levels))
	if level == 0 || level >= len(root.Sensitivity.Sparsity) {
		return 0
	}
	return root.Sensitivity.Sparsity[level]
}

// roundingDamage is the divergence that a layer's representation causes, KL in nats.
func roundingDamage(l Layer, c agents.Choice, maxBits int) float64 {
	switch c.Method {
	case agents.Float:
		return 0
	case agents.Int8:
		return l.Sensitivity.Int8
	}
	damage := func(curve []float64, bits int) float64 {
		for level, d := range curve {
			if agents.Bits(float64(level)/compress.Levels, maxBits) <= bits {
				return d
			}
		}
		return compress.NotAllowed
	}
	return damage(l.Sensitivity.WeightBits, c.WeightBits) + damage(l.Sensitivity.ActivationBits, c.ActivationBits)
}
