package ui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"galen/engine"
	"galen/engine/steering"
	"galen/store"
)

// inspector shows one layer of a dashboard's run: what it is, what every choice tried
// so far cost on the device, how sensitive it is, and what the episodes chose. The
// cursor, and what its keys steer, are the dashboard's.
type inspector struct {
	d             *dashboard
	width, height int
}

func newInspector(d *dashboard) *inspector { return &inspector{d: d} }

func (i *inspector) SetSize(width, height int) { i.width, i.height = width, height }

func (i *inspector) Typing() bool { return i.d.Typing() }

func (i *inspector) Update(msg tea.Msg) intent {
	press, ok := msg.(tea.KeyMsg)
	if !ok {
		return nil // the dashboard below takes what arrives
	}
	if i.d.Typing() {
		return i.d.Update(msg)
	}
	k := i.bindings()
	switch {
	case key.Matches(press, k.back):
		return backIntent{}
	case key.Matches(press, k.previous):
		i.d.list.move(i.d.list.at - 1)
	case key.Matches(press, k.subsequent):
		i.d.list.move(i.d.list.at + 1)
	case i.d.list.press(&k, press):
	case key.Matches(press, k.cost):
		if err := i.d.newest.Timeable(); err != nil {
			return failIntent{err}
		}
		return commandIntent{steering.Command{Kind: steering.Cost, Name: i.d.snap.Layers[i.d.list.at].Name}}
	default:
		intent, _ := i.d.steer(&k, press)
		return intent
	}
	return nil
}

func (i *inspector) bindings() keymap {
	k := i.d.bindings()
	k.previous.SetEnabled(true)
	k.previous.SetHelp("[ ←", "previous layer")
	k.subsequent.SetEnabled(true)
	k.subsequent.SetHelp("] →", "next layer")
	k.cost.SetEnabled(i.d.searched())
	return k
}

func (i *inspector) Keys() []keyGroup {
	if i.d.Typing() {
		return i.d.Keys()
	}
	k := i.bindings()
	return []keyGroup{
		{"Layer", []key.Binding{k.subsequent, k.previous, k.cost, k.pin, k.denser, k.sparser, k.fewerBits, k.moreBits}, false},
		{"Steering", []key.Binding{k.command, k.undo}, true},
		k.movement(),
	}
}

func (i *inspector) Legend() [][2]string {
	return [][2]string{
		{"ms", "median over the episodes that chose so many channels and bits, as the device timed them"},
		{"alone", "timed with random weights, input and output as in the network; w4a4: 4 bits of weights and activations"},
		{"KL", "how far the answers move, in nats, if this layer alone is compressed so far"},
	}
}

func (i *inspector) Status() string {
	if i.d.Typing() {
		return i.d.Status()
	}
	l := i.d.s.look
	if limits := i.d.limited(); limits != "" {
		return new(line).put(l.accent, "  "+l.pinMark+" ").put(l.dim, limits).cut(i.width)
	}
	return ""
}

func (i *inspector) View() []string {
	l, s := i.d.s.look, i.d.snap
	at := i.d.list.at
	layer := &s.Layers[at]
	kind := fmt.Sprintf("%s %s   %s MACs", layer.Kind, shapeText(layer, 1), quantity(layer.MACs))
	left := []segment{{l.strong, " " + layer.Name, 0}, {l.plain, "   " + kind, 1}}
	right := []segment{i.d.stillness(), {l.dim, fmt.Sprintf("layer %d of %d", at+1, len(s.Layers)), 1}}
	if frozen := i.d.frozenMethods(); frozen != "" {
		right = slices.Insert(right, 0, segment{l.accent, l.pinMark + " " + frozen + "   ", 1})
	}
	out := []string{spread(i.width, left, right), l.rule.paint(repeat(l.ruleRest, i.width)), i.group(layer), ""}

	side := i.width / 2
	height := (i.height - len(out) - 1) / 2
	costs, curves := exactly(i.prices(side-2, height), height), exactly(i.curves(i.width-side-1, height), height)
	for r := range height {
		out = append(out, new(line).raw(costs[r], span(costs[r])).to(side).raw(curves[r], span(curves[r])).cut(i.width))
	}
	out = append(out, "")
	return exactly(append(out, i.history(i.height-len(out))...), i.height)
}

// group says with whom the layer loses its channels, or why it keeps them.
func (i *inspector) group(layer *engine.Layer) string {
	l, s := i.d.s.look, i.d.snap
	var others []string
	for at := range s.Layers {
		switch o := &s.Layers[at]; {
		case o == layer || o.Group != layer.Group:
		case o.Root:
			others = append(others, o.Name+" (decides)")
		default:
			others = append(others, o.Name)
		}
	}
	var b line
	switch {
	case !layer.Prunable:
		b.put(l.dim, " keeps its channels: ").put(l.plain, layer.Why)
	case others == nil:
		b.put(l.dim, " pruned by itself")
	default:
		b.put(l.dim, " pruned together with ").put(l.plain, strings.Join(others, ", "))
	}
	if !layer.Mixable {
		b.put(l.dim, "   keeps at least 8 bits")
	}
	return b.cut(i.width)
}

// tried is a choice that episodes made for a layer.
type tried struct {
	kept, weights, activations int
	kernel                     string
	ms                         []float64
	best                       float64 // accuracy of the best of them
}

// choices gathers what the episodes chose for a layer, the most channels and bits first.
func choices(all []*store.Episode, at int) []*tried {
	found := map[[3]int]*tried{}
	for _, e := range all {
		r := e.Layers[at]
		id := [3]int{r.Kept, r.WeightBits, r.ActivationBits}
		t := found[id]
		if t == nil {
			t = &tried{kept: r.Kept, weights: r.WeightBits, activations: r.ActivationBits, kernel: kernelText(&r)}
			found[id] = t
		}
		t.ms = append(t.ms, r.MS)
		t.best = max(t.best, e.Accuracy)
	}
	var out []*tried
	for _, t := range found {
		slices.Sort(t.ms)
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b *tried) int {
		return cmp.Or(cmp.Compare(b.kept, a.kept), cmp.Compare(b.weights, a.weights), cmp.Compare(b.activations, a.activations))
	})
	return out
}

// prices are what choices would cost, where that was timed, and below it, as far as there is
// room, what those tried did cost.
func (i *inspector) prices(width, height int) []string {
	out := i.forecast(width)
	if rest := height - len(out); out == nil || rest >= 5 {
		if out != nil {
			out = append(out, "")
		}
		out = append(out, i.costs(width, height-len(out))...)
	}
	return out
}

// costs lists the choices tried most with what they cost.
func (i *inspector) costs(width, height int) []string {
	l, s := i.d.s.look, i.d.snap
	at := i.d.list.at
	all := choices(s.Episodes, at)
	shown := slices.Clone(all)
	if room := height - 2; len(shown) > room {
		slices.SortStableFunc(shown, func(a, b *tried) int { return cmp.Compare(len(b.ms), len(a.ms)) })
		shown = shown[:max(room, 0)]
		slices.SortFunc(shown, func(a, b *tried) int { return slices.Index(all, a) - slices.Index(all, b) })
	}
	ms := i.d.millis()
	greatest := 1e-12
	for _, t := range shown {
		greatest = max(greatest, t.ms[len(t.ms)/2])
	}
	t := &table[*tried]{look: l, width: width, gap: 2, fields: []field[*tried]{
		{column{title: "kept", width: 9, right: true}, 0, func(t *tried) cell { return cell{fmt.Sprintf("%d/%d", t.kept, s.Layers[at].Out), l.plain} }},
		{column{title: "W", width: 2, right: true}, 0, func(t *tried) cell { return l.bits(t.weights) }},
		{column{title: "A", width: 2, right: true, near: true}, 0, func(t *tried) cell { return l.bits(t.activations) }},
		{column{title: "kernel", width: 6}, 2, func(t *tried) cell { return cell{t.kernel, l.dim} }},
		{column{title: "ms", width: 6, right: true}, 0, func(t *tried) cell { return cell{ms.format(t.ms[len(t.ms)/2]), l.plain} }},
		{column{width: 8, near: true}, 3, func(t *tried) cell { return cell{l.meter(t.ms[len(t.ms)/2]/greatest, 8), l.bar} }},
		{column{title: "times", width: 5, right: true}, 1, func(t *tried) cell { return cell{fmt.Sprint(len(t.ms)), l.dim} }},
		{column{title: "best", width: 7, right: true}, 4, func(t *tried) cell { return cell{percent(t.best), l.plain} }},
	}}
	t.shrink()
	title := new(line).put(l.strong, " what it was given, and what that cost")
	if len(shown) < len(all) {
		title.put(l.dim, fmt.Sprintf("   %d of %d", len(shown), len(all)))
	}
	out := []string{title.cut(width)}
	if len(all) == 0 {
		return append(out, l.dim.paint("   no episode has finished yet"))
	}
	out = append(out, t.header())
	for _, choice := range shown {
		out = append(out, t.row(choice, false))
	}
	return out
}

// curves draws the sensitivities, one bar per level, on the scale all layers share.
func (i *inspector) curves(width, height int) []string {
	l := i.d.s.look
	s := i.d.snap.Layers[i.d.list.at].Sensitivity
	out := []string{new(line).put(l.strong, "sensitivity").put(l.dim, "   KL of this layer alone").cut(width)}
	if len(s.Sparsity) == 0 {
		return append(out, l.dim.paint("not measured yet"))
	}
	const label = 8
	each := max(1, (width-label-1)/max(len(s.Sparsity), 1))
	for _, c := range []struct {
		name  string
		curve []float64
		from  string
		to    string
	}{
		{"sparsity", s.Sparsity, "0 %", "90 %"},
		{"W bits", s.WeightBits, "most", "fewest"},
		{"A bits", s.ActivationBits, "most", "fewest"},
	} {
		var drawn strings.Builder
		for _, b := range l.sensitivity(c.curve, len(c.curve)) {
			drawn.WriteString(strings.Repeat(string(b), max(1, each-1)) + " ")
		}
		out = append(out, new(line).put(l.dim, fit(c.name, label, false)+" ").put(l.curve, drawn.String()).cut(width))
		var values line
		values.put(ink{}, strings.Repeat(" ", label+1))
		for _, v := range c.curve {
			values.put(l.dim, fit(nats(v), each, false))
		}
		if each >= 6 {
			out = append(out, values.cut(width))
		} else {
			out = append(out, new(line).put(ink{}, strings.Repeat(" ", label+1)).put(l.dim, fit(c.from, len(c.curve)*each-span(c.to)-1, false)+c.to).cut(width))
		}
		if height > 10 {
			out = append(out, "")
		}
	}
	return append(out, new(line).put(l.dim, "int8 ").put(l.plain, nats(s.Int8)).cut(width))
}

// nats is a KL divergence in three digits at most.
func nats(v float64) string {
	switch {
	case v >= 1000:
		return "–"
	case v >= 0.1:
		return fmt.Sprintf("%.2g", v)
	case v < 1e-5:
		return "0"
	}
	return strings.Replace(fmt.Sprintf("%.0e", v), "e-0", "e-", 1)
}

// history draws what the episodes chose over time.
func (i *inspector) history(height int) []string {
	l, s := i.d.s.look, i.d.snap
	at := i.d.list.at
	out := []string{new(line).put(l.strong, " over the episodes").cut(i.width)}
	if len(s.Episodes) == 0 {
		return out
	}
	of := func(f func(*store.LayerResult) float64) series {
		return series{len(s.Episodes), func(n int) float64 { return f(&s.Episodes[n].Layers[at]) }}
	}
	ms := i.d.millis()
	bits := func(n int) float64 { return float64(min(n, 9)) } // fp32 one above 8
	rows := []struct {
		name  string
		of    series
		high  float64
		value string
		ink   ink
	}{
		{"sparsity", of(func(r *store.LayerResult) float64 { return r.Sparsity }), 1, share(s.Last().Layers[at].Sparsity), l.bar},
		{"W bits", of(func(r *store.LayerResult) float64 { return bits(r.WeightBits) }), 9, l.bits(s.Last().Layers[at].WeightBits).text, l.accent},
		{"A bits", of(func(r *store.LayerResult) float64 { return bits(r.ActivationBits) }), 9, l.bits(s.Last().Layers[at].ActivationBits).text, l.accent},
		{"ms", of(func(r *store.LayerResult) float64 { return r.MS }), 0, ms.format(s.Last().Layers[at].MS), l.good},
	}
	const label, end = 10, 8
	each := max(1, min(4, (height-1)/len(rows)))
	for _, r := range rows {
		if r.high == 0 {
			if _, high, ok := r.of.bounds(); ok {
				r.high = high
			}
		}
		width := i.width - label - end - 2
		if each == 1 {
			values := r.of.buckets(width)
			out = append(out, new(line).put(l.dim, fit(r.name, label, true)+" ").put(r.ink, l.sparkline(values, 0, r.high, width)).put(l.plain, " "+r.value).cut(i.width))
			continue
		}
		p := plot{width: width, height: each, high: r.high, mark: unknownAccuracy, curve: r.ink, guide: l.dim}
		for n, row := range p.rows(l, r.of) {
			name, value := "", ""
			if n == 0 {
				name, value = r.name, r.value
			}
			out = append(out, new(line).put(l.dim, fit(name, label, true)+" ").put(l.rule, l.axis).raw(row, width).put(l.plain, " "+value).cut(i.width))
		}
	}
	return out
}
