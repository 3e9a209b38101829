package ui

import (
	"fmt"
	"slices"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"galen/engine"
	"galen/store"
)

// versus compares two runs: what their best episodes reached, the settings in which they
// differ, their best policies layer by layer, and their Pareto fronts. A run that is still searching
// is shown as it goes on.
type versus struct {
	s             *session
	width, height int

	of     [2]*engine.Snapshot
	paces  [2]pace
	front  [2][]*store.Episode
	facts  []fact
	layers []pair
	list   list // of the facts, a gap and a heading, and the layers
	fronts bool // where there is no room for both: show the fronts, not the rest
}

func newVersus(s *session, of [2]*engine.Snapshot) *versus {
	v := &versus{s: s}
	for n, snap := range of {
		v.of[n], v.front[n] = snap, engine.Front(snap.Episodes)
	}
	v.compare()
	return v
}

// accept takes a new state of one of the runs.
func (v *versus) accept(n int, next *engine.Snapshot) {
	before := len(v.of[n].Episodes)
	v.of[n] = v.paces[n].slowed(v.of[n], next, v.s.now)
	if len(v.of[n].Episodes) != before {
		v.front[n] = engine.Front(v.of[n].Episodes)
	}
	v.compare()
}

// compare draws up what is to be said about the runs as they are.
func (v *versus) compare() {
	v.facts = append(v.achieved(), differingSettings(v.of)...)
	v.layers = pairs(v.of)
	var ids []string
	for _, f := range v.facts {
		ids = append(ids, "fact "+f.name)
	}
	ids = append(ids, "gap", "heading")
	for i, p := range v.layers {
		ids = append(ids, fmt.Sprintf("layer %d %s", i, p.name)) // names may repeat
	}
	v.list.set(ids)
}

// Lines of the list between facts and layers.
func (v *versus) gap() int     { return len(v.facts) }
func (v *versus) heading() int { return v.gap() + 1 }

// pair is what the best policies of both runs do to a layer; nil: nothing is known.
type pair struct {
	name    string
	results [2]*store.LayerResult
}

// pairs joins what the best policies do to each layer, by names and, where a name repeats, in order.
func pairs(of [2]*engine.Snapshot) (out []pair) {
	type layer struct {
		name string
		nth  int
	}
	at := map[layer]int{}
	for n, snap := range of {
		if snap.Best == nil {
			continue
		}
		met := map[string]int{}
		for i := range snap.Best.Layers {
			r := &snap.Best.Layers[i]
			key := layer{r.Name, met[r.Name]}
			met[r.Name]++
			if _, known := at[key]; !known {
				at[key] = len(out)
				out = append(out, pair{name: r.Name})
			}
			out[at[key]].results[n] = r
		}
	}
	return out
}

func (v *versus) SetSize(width, height int) {
	v.width, v.height = width, height
	v.list.show(height - 3) // header, rule, titles
}

// wide tells whether the fronts stand beside the rest.
func (v *versus) wide() bool { return v.width >= 116 }

func (v *versus) Typing() bool { return false }

func (v *versus) Update(msg tea.Msg) intent {
	switch msg := msg.(type) {
	case snapshotMsg:
		for n, s := range v.of {
			if s.Run.ID == msg.snapshot.Run.ID {
				v.accept(n, msg.snapshot)
			}
		}
	case tea.KeyMsg:
		return v.press(msg)
	}
	return nil
}

func (v *versus) press(msg tea.KeyMsg) intent {
	k, before := v.bindings(), v.list.at
	switch {
	case key.Matches(msg, k.back):
		return backIntent{}
	case key.Matches(msg, k.other):
		v.fronts = !v.fronts
	case v.list.press(&k, msg):
		switch at := v.list.at; { // the cursor does not rest between facts and layers
		case at != v.gap() && at != v.heading():
		case at > before && len(v.layers) > 0:
			v.list.move(v.heading() + 1)
		default:
			v.list.move(v.gap() - 1)
		}
	}
	return nil
}

func (v *versus) bindings() keymap {
	k := v.s.keys
	k.other.SetEnabled(!v.wide())
	return k
}

func (v *versus) Keys() []keyGroup {
	k := v.bindings()
	return []keyGroup{{"Comparison", []key.Binding{k.other, k.down, k.up}, false}, k.movement()}
}

func (v *versus) Legend() [][2]string {
	l := v.s.look
	return [][2]string{
		{l.frontMark, "on the Pareto front of " + v.of[0].Run.Name},
		{l.rivalMark, "on the Pareto front of " + v.of[1].Run.Name},
		{"Δ", "the second run against the first: channels, weight bits w, activation bits a"},
	}
}

func (v *versus) Status() string {
	l := v.s.look
	b := new(line).put(l.accent, " "+l.frontMark+" ").put(l.plain, v.of[0].Run.Name).put(l.good, "   "+l.rivalMark+" ").put(l.plain, v.of[1].Run.Name)
	if from, to := v.list.visible(); to-from < len(v.list.ids) && (v.wide() || !v.fronts) {
		place := fmt.Sprintf("lines %d–%d of %d ", from+1, to, len(v.list.ids))
		names := b.cut(v.width - span(place) - 2)
		b = new(line).raw(names, span(names)).to(v.width-span(place)).put(l.dim, place)
	}
	return b.cut(v.width)
}

func (v *versus) View() []string {
	l := v.s.look
	left := []segment{{l.strong, " galen", 0}, {l.dim, "   ", 0}, {l.plain, v.of[0].Run.Name, 0}, {l.dim, " and ", 0}, {l.plain, v.of[1].Run.Name, 0}}
	right := []segment{{l.dim, v.of[0].Run.Model.Name, 2}}
	if a, b := v.of[0].Run.Model, v.of[1].Run.Model; a.SHA256 != b.SHA256 || a.Name != b.Name {
		right = []segment{{l.warn, "different models: " + a.Name + ", " + b.Name, 1}}
	}
	out := []string{spread(v.width, left, right), l.rule.paint(repeat(l.ruleRest, v.width))}
	height := v.height - len(out)
	switch {
	case v.wide():
		side := max(82, v.width*3/5) // as many as the policies need
		lines, fronts := exactly(v.lines(side-2), height), exactly(v.chart(v.width-side, height), height)
		for r := range height {
			out = append(out, new(line).raw(lines[r], span(lines[r])).to(side).raw(fronts[r], span(fronts[r])).cut(v.width))
		}
	case v.fronts:
		out = append(out, v.chart(v.width, height)...)
	default:
		out = append(out, v.lines(v.width)...)
	}
	return exactly(out, v.height)
}

// lines are those of the list that are visible, below the titles of the first one's columns.
func (v *versus) lines(width int) []string {
	facts, policies := v.factTable(width), v.policyTable(width)
	titles := policies.header()
	if len(v.layers) == 0 {
		titles = v.s.look.dim.paint("  neither run has finished an episode")
	}
	from, to := v.list.visible()
	out := []string{facts.header()}
	if from >= v.gap() {
		out = []string{titles}
	}
	for at := from; at < to; at++ {
		switch selected := at == v.list.at; {
		case at < v.gap():
			out = append(out, facts.row(v.facts[at], selected))
		case at > v.heading():
			out = append(out, policies.row(v.layers[at-v.heading()-1], selected))
		case from >= v.gap(): // the titles are seen already
		case at == v.gap():
			out = append(out, "")
		default:
			out = append(out, titles)
		}
	}
	return out
}

// factTable is what is achieved and what differs.
func (v *versus) factTable(width int) *table[fact] {
	l := v.s.look
	widest := 12
	for _, f := range v.facts {
		widest = max(widest, span(f.values[0]), span(f.values[1]))
	}
	for _, s := range v.of {
		widest = max(widest, 2+span(s.Run.Name)) // after its mark
	}
	widest = min(widest, (width-36)/2)
	value := func(n int) func(fact) cell { return func(f fact) cell { return cell{f.values[n], l.plain} } }
	t := &table[fact]{look: l, width: width, gap: 2, fields: []field[fact]{
		{column{width: 1}, 0, func(f fact) cell {
			if at := v.list.at; at < v.gap() && v.facts[at] == f {
				return cell{l.cursorMark, l.accent}
			}
			return cell{}
		}},
		{column{width: 12, near: true}, 0, func(f fact) cell { return cell{f.name, l.dim} }},
		{column{title: l.frontMark + " " + v.of[0].Run.Name, width: widest}, 0, value(0)},
		{column{title: l.rivalMark + " " + v.of[1].Run.Name, width: widest}, 0, value(1)},
		{column{width: 14}, 1, func(f fact) cell { return cell{f.less, l.accent} }},
	}}
	t.shrink()
	return t
}

// policyTable is of the best policies of both runs, layer by layer.
func (v *versus) policyTable(width int) *table[pair] {
	l := v.s.look
	name := leastName
	for _, p := range v.layers {
		name = max(name, span(p.name))
	}
	ms := millis(3)
	of := func(n int, f func(r *store.LayerResult) cell) func(pair) cell {
		return func(p pair) cell {
			if p.results[n] == nil {
				return cell{unknown, l.dim}
			}
			return f(p.results[n])
		}
	}
	kept := func(r *store.LayerResult) cell { return cell{fmt.Sprintf("%d/%d", r.Kept, r.Channels), l.plain} }
	bits := func(r *store.LayerResult) cell {
		return cell{fmt.Sprintf("w%s a%s", l.bits(r.WeightBits).text, l.bits(r.ActivationBits).text), l.plain}
	}
	time := func(r *store.LayerResult) cell { return cell{ms.format(r.MS), l.plain} }
	t := &table[pair]{look: l, width: width, gap: 2, fields: []field[pair]{
		{column{width: 1}, 0, func(p pair) cell {
			if at := v.list.at - v.heading() - 1; at >= 0 && v.layers[at] == p {
				return cell{l.cursorMark, l.accent}
			}
			return cell{}
		}},
		{column{title: "layer", width: leastName, end: true, near: true}, 0, func(p pair) cell { return cell{p.name, l.plain} }},
		{column{title: l.frontMark + " kept", width: 9, right: true}, 0, of(0, kept)},
		{column{title: "bits", width: 7, near: true}, 0, of(0, bits)},
		{column{title: "ms", width: 6, right: true, near: true}, 1, of(0, time)},
		{column{title: l.rivalMark + " kept", width: 9, right: true}, 0, of(1, kept)},
		{column{title: "bits", width: 7, near: true}, 0, of(1, bits)},
		{column{title: "ms", width: 6, right: true, near: true}, 1, of(1, time)},
		{column{title: "Δ", width: 9}, 0, func(p pair) cell {
			return l.difference(&layerRow{layer: &engine.Layer{Prunable: true}, result: p.results[1], compared: p.results[0]})
		}},
	}}
	t.shrink()
	t.grow("layer", name)
	return t
}

// chart draws both Pareto fronts.
func (v *versus) chart(width, height int) []string {
	first, second := v.front[0], v.front[1]
	if len(first)+len(second) == 0 {
		return nil
	}
	c := scatter{width: width, height: height, target: v.of[0].Settings.Target, reference: unknownAccuracy, rival: second}
	if r := v.of[0].Reference; r != nil {
		c.reference = r.Accuracy
	}
	return c.rows(v.s.look, slices.Concat(first, second), first, nil, nil)
}
