package ui

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"galen/engine"
	"galen/store"
)

// versus compares two runs as they stood when it was opened: the settings in which they
// differ, their best episodes, their Pareto fronts, and the best policies layer by layer.
type versus struct {
	s             *session
	width, height int

	of     [2]*engine.Snapshot
	facts  []fact
	layers []pair
	list   list
	fronts bool // where there is no room for both: show the fronts, not the policies
}

// fact is what one line says about both runs.
type fact struct {
	name   string
	values [2]string
	less   string // what the second has more or less of; empty: not a matter of numbers
}

// pair is what the best policies of both runs do to a layer; nil: nothing is known.
type pair struct {
	name    string
	results [2]*store.LayerResult
}

func newVersus(s *session, of [2]*engine.Snapshot) *versus {
	v := &versus{s: s, of: of}
	v.facts = append(differingSettings(of), v.achieved()...)
	v.layers = pairs(of)
	ids := make([]string, len(v.layers))
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	v.list.set(ids)
	return v
}

// pairs joins what the best policies do to each layer: by position where both have the same layers,
// else by name.
func pairs(of [2]*engine.Snapshot) (out []pair) {
	var all [2][]store.LayerResult
	for n, snap := range of {
		if snap.Best != nil {
			all[n] = snap.Best.Layers
		}
	}
	if slices.EqualFunc(all[0], all[1], func(a, b store.LayerResult) bool { return a.Name == b.Name }) {
		for i := range all[0] {
			out = append(out, pair{all[0][i].Name, [2]*store.LayerResult{&all[0][i], &all[1][i]}})
		}
		return out
	}
	at := map[string]int{}
	for n := range all {
		for i := range all[n] {
			r := &all[n][i]
			if _, known := at[r.Name]; !known {
				at[r.Name] = len(out)
				out = append(out, pair{name: r.Name})
			}
			out[at[r.Name]].results[n] = r
		}
	}
	return out
}

// differingSettings are the settings that are not the same, by the names they are stored under.
func differingSettings(of [2]*engine.Snapshot) []fact {
	var fields [2]map[string]json.RawMessage
	for n, snap := range of {
		raw, err := json.Marshal(snap.Settings)
		if err == nil {
			err = json.Unmarshal(raw, &fields[n])
		}
		if err != nil {
			return nil // numbers that JSON has no words for: such settings are never stored
		}
		delete(fields[n], "name")
	}
	names := maps.Clone(fields[0])
	maps.Copy(names, fields[1])
	var out []fact
	for _, name := range slices.Sorted(maps.Keys(names)) {
		a, b := string(fields[0][name]), string(fields[1][name])
		if a != b {
			out = append(out, fact{name: strings.ReplaceAll(name, "_", " "), values: [2]string{readable(a), readable(b)}})
		}
	}
	return out
}

// readable is a JSON value for people.
func readable(value string) string {
	if value == "" || value == `""` {
		return unknown
	}
	return strings.Trim(value, `"`)
}

// achieved compares how far the runs came and what their best episodes reached.
func (v *versus) achieved() []fact {
	done := fact{name: "episodes"}
	for n, s := range v.of {
		done.values[n] = fmt.Sprintf("%d of %d", len(s.Episodes), budget(s))
	}
	out := []fact{done}
	add := func(name string, of func(s *engine.Snapshot) float64, text, less func(float64) string) {
		f := fact{name: name, values: [2]string{unknown, unknown}}
		var values [2]float64
		known := true
		for n, s := range v.of {
			if s.Best == nil {
				known = false
				continue
			}
			values[n] = of(s)
			f.values[n] = text(values[n])
		}
		if known && finite(values[1]-values[0]) {
			f.less = less(values[1] - values[0])
		}
		out = append(out, f)
	}
	difference := func(format string) func(float64) string {
		return func(x float64) string { return minus(fmt.Sprintf(format, x)) }
	}
	points := func(x float64) string { return signed(100*x) + " points" }
	add("best", func(s *engine.Snapshot) float64 { return float64(s.Best.Number) }, func(x float64) string { return fmt.Sprintf("#%.0f", x) }, func(float64) string { return "" })
	add("accuracy", func(s *engine.Snapshot) float64 { return s.Best.Accuracy }, percent, points)
	add("latency", func(s *engine.Snapshot) float64 { return s.Best.LatencyRatio }, ratio, difference("%+.3f×"))
	add("ms", func(s *engine.Snapshot) float64 { return s.Best.LatencyMS }, func(x float64) string { return fmt.Sprintf("%.3f", x) }, difference("%+.3f"))
	add("MACs", func(s *engine.Snapshot) float64 { return float64(s.Best.MACs) }, func(x float64) string { return quantity(int64(x)) }, func(float64) string { return "" })
	return out
}

func (v *versus) SetSize(width, height int) {
	v.width, v.height = width, height
	v.list.show(v.rest() - 1)
}

// rest is how many lines are left below the facts.
func (v *versus) rest() int { return v.height - 4 - v.factLines() }

// factLines is how many facts there is room for.
func (v *versus) factLines() int { return max(0, min(len(v.facts), v.height/2-3)) }

// wide tells whether policies and fronts stand side by side.
func (v *versus) wide() bool { return v.width >= 116 }

func (v *versus) Typing() bool { return false }

func (v *versus) Update(msg tea.Msg) intent {
	press, ok := msg.(tea.KeyMsg)
	if !ok {
		return nil
	}
	k := v.bindings()
	switch {
	case key.Matches(press, k.back):
		return backIntent{}
	case key.Matches(press, k.other):
		v.fronts = !v.fronts
	default:
		v.list.press(&k, press)
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
	return new(line).put(l.accent, " "+l.frontMark+" ").put(l.plain, v.of[0].Run.Name).put(l.good, "   "+l.rivalMark+" ").put(l.plain, v.of[1].Run.Name).cut(v.width)
}

func (v *versus) View() []string {
	l := v.s.look
	left := []segment{{l.strong, " galen", 0}, {l.dim, "   ", 0}, {l.plain, v.of[0].Run.Name, 0}, {l.dim, " and ", 0}, {l.plain, v.of[1].Run.Name, 0}}
	right := []segment{{l.dim, v.of[0].Run.Model.Name, 2}}
	if a, b := v.of[0].Run.Model, v.of[1].Run.Model; a.SHA256 != b.SHA256 || a.Name != b.Name {
		right = []segment{{l.warn, "different models: " + a.Name + ", " + b.Name, 1}}
	}
	out := []string{spread(v.width, left, right), l.rule.paint(repeat(l.ruleRest, v.width))}
	out = append(out, v.factTable()...)
	out = append(out, l.rule.paint(repeat(l.ruleRest, v.width)))
	height := v.height - len(out)
	switch {
	case v.wide():
		side := max(82, v.width*3/5) // as many as the policies need
		policies, fronts := exactly(v.policies(side-2), height), exactly(v.chart(v.width-side, height), height)
		for r := range height {
			out = append(out, new(line).raw(policies[r], span(policies[r])).to(side).raw(fronts[r], span(fronts[r])).cut(v.width))
		}
	case v.fronts:
		out = append(out, v.chart(v.width, height)...)
	default:
		out = append(out, v.policies(v.width)...)
	}
	return exactly(out, v.height)
}

// factTable lists what differs and what was achieved; settings give way where lines are few.
func (v *versus) factTable() []string {
	l := v.s.look
	widest := 12
	for _, f := range v.facts {
		widest = max(widest, span(f.values[0]), span(f.values[1]))
	}
	for _, s := range v.of {
		widest = max(widest, span(s.Run.Name))
	}
	widest = min(widest, (v.width-36)/2)
	value := func(n int) func(fact) cell { return func(f fact) cell { return cell{f.values[n], l.plain} } }
	t := &table[fact]{look: l, width: v.width, gap: 2, fields: []field[fact]{
		{column{width: 12, right: true}, 0, func(f fact) cell { return cell{f.name, l.dim} }},
		{column{title: v.of[0].Run.Name, width: widest}, 0, value(0)},
		{column{title: v.of[1].Run.Name, width: widest}, 0, value(1)},
		{column{width: 14}, 1, func(f fact) cell { return cell{f.less, l.accent} }},
	}}
	t.shrink()
	out := []string{t.header()}
	for _, f := range v.facts[len(v.facts)-v.factLines():] {
		out = append(out, t.row(f, false))
	}
	return out
}

// policies are the best policies of both runs, layer by layer.
func (v *versus) policies(width int) []string {
	l := v.s.look
	if len(v.layers) == 0 {
		return []string{l.dim.paint("  neither run has finished an episode")}
	}
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
			if v.selected(p) {
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
	out := []string{t.header()}
	from, to := v.list.visible()
	for _, p := range v.layers[from:to] {
		out = append(out, t.row(p, v.selected(p)))
	}
	return out
}

// selected tells whether a layer is the one under the cursor.
func (v *versus) selected(p pair) bool { return v.list.at < len(v.layers) && v.layers[v.list.at] == p }

// chart draws both Pareto fronts.
func (v *versus) chart(width, height int) []string {
	first, second := engine.Front(v.of[0].Episodes), engine.Front(v.of[1].Episodes)
	if len(first)+len(second) == 0 {
		return nil
	}
	c := scatter{width: width, height: height, target: v.of[0].Settings.Target, reference: unknownAccuracy, rival: second}
	if r := v.of[0].Reference; r != nil {
		c.reference = r.Accuracy
	}
	return c.rows(v.s.look, slices.Concat(first, second), first, nil, nil)
}
