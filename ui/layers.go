package ui

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"galen/engine"
	"galen/store"
)

// layersKey is everything the layer table depends on; snapshots that differ in
// nothing else are drawn once.
type layersKey struct {
	layers        *engine.Layer
	reference     *store.Reference
	best, last    *store.Episode
	met           bool
	deciding      int // −1: none
	choice        choice
	episode       int
	against       int
	limits        int // commands given, one of which may have changed a layer's limits
	at, top       int
	width, height int
}

func (d *dashboard) layersKey() layersKey {
	s := d.snap
	k := layersKey{
		reference: s.Reference, best: s.Best, last: s.Last(), met: s.Met(), deciding: -1,
		choice: d.choice, episode: d.episode, against: d.against, limits: len(s.Journal), at: d.list.at, top: d.list.top, width: d.width, height: d.height,
	}
	if len(s.Layers) > 0 {
		k.layers = &s.Layers[0]
	}
	if d.working() {
		k.deciding = s.Step
	}
	return k
}

// working tells whether the search that is shown makes progress.
func (d *dashboard) working() bool { return working(d.s.state(d.id, d.snap.State)) }

// layerRow is a layer with what the shown policy does to it.
type layerRow struct {
	index    int
	layer    *engine.Layer
	result   *store.LayerResult // nil: nothing is known yet
	compared *store.LayerResult // of the policy it is compared with; nil: none
	share    float64            // of the layers' time
	selected bool
	deciding bool
}

// rows joins the layers with the shown policy and the one it is compared with.
func (d *dashboard) rows(shown, compared *store.Episode) []layerRow {
	s := d.snap
	results := func(e *store.Episode) []store.LayerResult {
		if e == nil {
			return d.referenceResults()
		}
		return e.Layers
	}
	of := results(shown)
	var against []store.LayerResult
	if compared != nil {
		against = compared.Layers
	}
	total := 0.0
	for i := range of {
		total += of[i].MS
	}
	out := make([]layerRow, len(s.Layers))
	for i := range s.Layers {
		r := layerRow{index: i, layer: &s.Layers[i], selected: i == d.list.at, deciding: i == s.Step && d.working()}
		if i < len(of) {
			r.result = &of[i]
			if total > 0 {
				r.share = of[i].MS / total
			}
		}
		if i < len(against) {
			r.compared = &against[i]
		}
		out[i] = r
	}
	return out
}

// referenceResults describes the uncompressed model in the terms of a policy.
func (d *dashboard) referenceResults() []store.LayerResult {
	s := d.snap
	out := make([]store.LayerResult, len(s.Layers))
	for i, l := range s.Layers {
		out[i] = store.LayerResult{
			Name: l.Name, Kept: l.Out, Channels: l.Out, WeightBits: 32, ActivationBits: 32,
			Kernel: "fp32", MACs: l.MACs,
		}
		if s.Reference != nil && i < len(s.Reference.LayerMS) {
			out[i].MS = s.Reference.LayerMS[i]
		}
	}
	return out
}

// layerLines draws the title, the table and the totals.
func (d *dashboard) layerLines(height int) []string {
	s := d.snap
	shown, title := d.shown()
	compared, against := s.Best, "best"
	if shown == s.Best {
		compared, against = s.Last(), "last"
	}
	if other := d.rival(); other != nil {
		compared, against = other, fmt.Sprintf("#%d", other.Number)
	}
	if shown == nil || compared == nil {
		compared, against = nil, ""
	}
	gap := 2
	if d.width < compactBelowWidth {
		gap = 1
	}
	rows := d.rows(shown, compared)
	t := d.table(rows, gap, against)
	out := []string{d.tableTitle(shown, title), t.header()}
	from, to := d.list.visible()
	for i := from; i < min(to, len(rows)); i++ {
		out = append(out, t.row(&rows[i], rows[i].selected))
	}
	return exactly(append(out, d.totals(shown)), height+3)
}

// rival is the episode that a person compares the shown one with; nil: none.
func (d *dashboard) rival() *store.Episode {
	if d.against < 1 || d.against > len(d.snap.Episodes) {
		return nil
	}
	return d.snap.Episodes[d.against-1]
}

// tableTitle is a rule that says which policy the table shows.
func (d *dashboard) tableTitle(shown *store.Episode, title string) string {
	l, s := d.s.look, d.snap
	left := []segment{{l.rule, l.ruleRest + l.ruleRest, 0}, {l.strong, " " + title + "  ", 0}}
	if shown != nil {
		figures := segment{l.plain, percent(shown.Accuracy) + "  " + ratio(shown.LatencyRatio) + "  ", 1}
		if shown.Confirmed == nil {
			left = append(left, figures)
		} else {
			figures.rank = 3 // they are the less certain ones
			left = append(left, figures, segment{l.good, confirmedText(shown.Confirmed) + "  ", 1})
		}
		if other := d.rival(); other != nil {
			left = append(left, segment{l.accent, fmt.Sprintf("Δ #%d %s %s  ", other.Number, percent(other.Accuracy), ratio(other.LatencyRatio)), 2})
		}
		left = append(left, segment{l.dim, fmt.Sprintf("reward %s ", minus(fmt.Sprintf("%.3f", shown.Reward))), 3})
		if shown == s.Best && d.choice != bestEpisode {
			left = append(left, segment{l.good, " " + l.bestMark + " best ", 2})
		}
		if shown == s.Best && !s.Met() {
			left = append(left, segment{l.warn, " no episode meets the target yet; this is the fastest ", 2})
		}
		if len(shown.Flags) > 0 {
			left = append(left, segment{l.warn, " ! " + strings.Join(shown.Flags, ", ") + " ", 1})
		}
	}
	count := plural(len(s.Layers), "layer")
	if from, to := d.list.visible(); from > 0 || to < len(s.Layers) {
		count = fmt.Sprintf("layers %d–%d of %d", from+1, to, len(s.Layers))
	}
	right := []segment{{l.dim, " " + count + " ", 1}, {l.rule, l.ruleRest + l.ruleRest, 0}}
	if frozen := d.frozenMethods(); frozen != "" {
		right = slices.Insert(right, 0, segment{l.accent, " " + l.pinMark + " " + frozen + " ", 1}, segment{l.rule, l.ruleRest, 1})
	}
	return spreadRule(d.width, left, right, l.ruleRest, l.rule)
}

// totals adds up what the shown policy does to the whole model.
func (d *dashboard) totals(shown *store.Episode) string {
	l, r := d.s.look, d.snap.Reference
	if r == nil {
		return ""
	}
	ms := d.millis()
	if shown == nil {
		return new(line).put(l.dim, "  total   ").put(l.dim, "MACs ").put(l.plain, quantity(r.MACs)).
			put(l.dim, "    BOPs ").put(l.plain, quantity(r.BOPs)).put(l.dim, "    params ").put(l.plain, quantity(r.Parameters)).
			put(l.strong, "    "+ms.format(r.LatencyMS)+" ms").cut(d.width)
	}
	macs, bops, params := quotient(shown.MACs, r.MACs), quotient(shown.BOPs, r.BOPs), quotient(shown.Parameters, r.Parameters)
	latency := fmt.Sprintf("%s ± %s", ms.format(shown.LatencyMS), ms.format(shown.LatencyMAD))
	if d.width < compactBelowWidth {
		return new(line).put(l.dim, "  MACs ").put(l.plain, share(macs)).put(l.dim, "   BOPs ").put(l.plain, share(bops)).
			put(l.dim, "   params ").put(l.plain, share(params)).put(l.strong, "   "+latency).put(l.dim, " of "+ms.format(r.LatencyMS)+" ms").cut(d.width)
	}
	return new(line).put(l.dim, "  total   MACs ").put(l.plain, fmt.Sprintf("%s → %s (%s)", quantity(r.MACs), quantity(shown.MACs), share(macs))).
		put(l.dim, "    BOPs ").put(l.plain, share(bops)).
		put(l.dim, "    params ").put(l.plain, fmt.Sprintf("%s → %s (%s)", quantity(r.Parameters), quantity(shown.Parameters), share(params))).
		put(l.strong, "    "+latency).put(l.dim, " of "+ms.format(r.LatencyMS)+" ms").cut(d.width)
}

const (
	leastName = 14
	leastBar  = 6
	mostBar   = 20

	rankPin        = -1 // stays on the narrowest terminal
	rankGroup      = 2
	rankDifference = 5
	rankWhy        = 8
)

// table chooses the fields that fit the width and gives layer names and bars what is
// left.
func (d *dashboard) table(rows []layerRow, gap int, against string) *table[*layerRow] {
	l := d.s.look
	ms := d.millis()
	coupled := slices.ContainsFunc(d.snap.Layers, func(l engine.Layer) bool { return l.Coupled })
	letters := groupLetters(d.snap.Layers)
	known := func(f func(r *layerRow) cell) func(*layerRow) cell {
		return func(r *layerRow) cell {
			if r.result == nil {
				return cell{}
			}
			return f(r)
		}
	}
	curve := func(f func(*store.Sensitivity) []float64) func(*layerRow) cell {
		return func(r *layerRow) cell { return cell{l.sensitivity(f(&r.layer.Sensitivity), 10), l.curve} }
	}
	channels, shape, name, why, inputs := 5, 5, leastName, 0, 1
	greatest := 1e-9 // share of the layers' time
	for i := range rows {
		inputs = max(inputs, len(fmt.Sprint(rows[i].layer.In)))
		greatest = max(greatest, rows[i].share)
	}
	for i := range rows {
		layer := rows[i].layer
		channels = max(channels, len(fmt.Sprintf("%d/%d", layer.Out, layer.Out)))
		shape = max(shape, span(shapeText(layer, inputs)))
		name = max(name, span(layer.Name))
		why = max(why, span(layer.Why))
	}

	t := &table[*layerRow]{look: l, width: d.width, gap: gap, fields: []field[*layerRow]{
		{column{width: 2}, 0, func(r *layerRow) cell {
			marks, k := " ", l.accent
			if r.selected {
				marks = l.cursorMark
			}
			if r.deciding {
				return cell{marks + l.stepMark, l.warn}
			}
			return cell{marks, k}
		}},
		{column{title: "#", width: 3, right: true, near: true}, 0, func(r *layerRow) cell { return cell{fmt.Sprint(r.index), l.dim} }},
		{column{title: "layer", width: leastName, end: true}, 0, func(r *layerRow) cell { return cell{r.layer.Name, l.plain} }},
		{column{width: 1, near: true}, rankPin, func(r *layerRow) cell {
			if d.snap.Settings.Limits[r.layer.Name].Free() {
				return cell{}
			}
			return cell{l.pinMark, l.accent}
		}},
		{column{width: 2, near: true}, rankGroup, func(r *layerRow) cell { return cell{letters[r.index], l.accent} }},
		{column{title: "shape", width: shape}, 6, func(r *layerRow) cell { return cell{shapeText(r.layer, inputs), l.dim} }},
		{column{title: "MACs", width: 6, right: true}, 9, known(func(r *layerRow) cell { return cell{quantity(r.result.MACs), l.dim} })},
		{column{title: "kept", width: channels, right: true}, 0, known(func(r *layerRow) cell {
			return cell{fmt.Sprintf("%d/%d", r.result.Kept, r.result.Channels), l.plain}
		})},
		{column{width: 6, near: true}, 4, known(func(r *layerRow) cell {
			return cell{l.meter(quotient(int64(r.result.Kept), int64(r.result.Channels)), 6), l.bar}
		})},
		{column{title: "spars", width: 5, right: true, near: true}, 0, known(func(r *layerRow) cell {
			k := l.plain
			if r.result.Kept == r.result.Channels {
				k = l.dim
			}
			return cell{fmt.Sprintf("%.0f %%", 100*r.result.Sparsity), k}
		})},
		{column{title: "W", width: 2, right: true}, 0, known(func(r *layerRow) cell { return l.bits(r.result.WeightBits) })},
		{column{title: "A", width: 2, right: true, near: true}, 0, known(func(r *layerRow) cell { return l.bits(r.result.ActivationBits) })},
		{column{title: "kernel", width: 6}, 0, known(func(r *layerRow) cell { return cell{kernelText(r.result), l.dim} })},
		{column{title: "ms", width: 5, right: true}, 0, known(func(r *layerRow) cell {
			if r.result.MS == 0 {
				return cell{}
			}
			return cell{ms.format(r.result.MS), l.plain}
		})},
		{column{title: "of", width: 5, right: true, near: true}, 10, func(r *layerRow) cell {
			if s := d.snap.Reference; s != nil && r.index < len(s.LayerMS) {
				return cell{ms.format(s.LayerMS[r.index]), l.dim}
			}
			return cell{}
		}},
		{column{title: "share", width: leastBar}, 1, nil},
		{column{width: 5, right: true, near: true}, 3, known(func(r *layerRow) cell {
			if r.share == 0 {
				return cell{}
			}
			return cell{share(r.share), l.plain}
		})},
		{column{title: "sens.", width: 5}, 7, nil},
		{column{title: "W bits", width: 10}, 11, curve(func(s *store.Sensitivity) []float64 { return s.WeightBits })},
		{column{title: "A bits", width: 10}, 12, curve(func(s *store.Sensitivity) []float64 { return s.ActivationBits })},
		{column{title: "Δ " + against, width: 12}, rankDifference, func(r *layerRow) cell { return l.difference(r) }},
		{column{width: min(why, 40)}, rankWhy, func(r *layerRow) cell { return cell{r.layer.Why, l.dim} }},
	}}
	if len(d.snap.Settings.Limits) == 0 {
		t.drop(rankPin)
	}
	if !coupled {
		t.drop(rankGroup)
	}
	if why == 0 {
		t.drop(rankWhy)
	}
	switch {
	case against == "":
		t.drop(rankDifference)
	case d.rival() != nil: // what a person asked for
		t.keep(rankDifference)
	}
	t.shrink()
	t.grow("layer", min(name, 24))
	t.grow("sens.", 10)
	t.grow("share", 12)
	t.grow("layer", min(name, 60))
	t.grow("share", mostBar)
	for i := range t.fields {
		switch f := &t.fields[i]; f.title {
		case "share": // relative to the greatest, or all bars would be stubs
			f.cell = known(func(r *layerRow) cell { return cell{l.meter(r.share/greatest, f.width), l.bar} })
		case "sens.":
			f.cell = func(r *layerRow) cell { return cell{l.sensitivity(r.layer.Sensitivity.Sparsity, f.width), l.curve} }
		}
	}
	return t
}

// shapeText is a layer's kernel size and channels; inputs is the number of digits
// that lines the arrows up.
func shapeText(l *engine.Layer, inputs int) string {
	return fmt.Sprintf("%d×%d %*d→%d", l.Kernel[0], l.Kernel[1], inputs, l.In, l.Out)
}

// kernelText names the kernel, and shows where fewer than 8 bits bought nothing.
func kernelText(r *store.LayerResult) string {
	if bits := max(r.WeightBits, r.ActivationBits); r.Kernel == "int8" && bits < 8 {
		return "int8≡8"
	}
	return r.Kernel
}

// bits shows a width in bits; 32 stands for float.
func (l *look) bits(n int) cell {
	switch {
	case n >= 32:
		return cell{"32", l.dim}
	case n < 8:
		return cell{fmt.Sprint(n), l.accent}
	}
	return cell{fmt.Sprint(n), l.plain}
}

// difference says how a layer differs from the policy it is compared with.
func (l *look) difference(r *layerRow) cell {
	if r.result == nil || r.compared == nil {
		return cell{}
	}
	var parts []string
	channels := r.result.Kept - r.compared.Kept
	if channels != 0 {
		parts = append(parts, fmt.Sprintf("%+d", channels))
	}
	w, a := r.result.WeightBits-r.compared.WeightBits, r.result.ActivationBits-r.compared.ActivationBits
	switch {
	case w == a && w != 0:
		parts = append(parts, fmt.Sprintf("wa%+d", w))
	default:
		if w != 0 {
			parts = append(parts, fmt.Sprintf("w%+d", w))
		}
		if a != 0 {
			parts = append(parts, fmt.Sprintf("a%+d", a))
		}
	}
	switch {
	case len(parts) == 1 && channels != 0:
		return cell{minus(parts[0] + " ch"), l.plain}
	case len(parts) > 0:
		return cell{minus(strings.Join(parts, " ")), l.plain}
	case !r.layer.Prunable && r.layer.Why != "":
		return cell{"frozen", l.dim}
	}
	return cell{"=", l.dim}
}

// sensitivity draws a curve of KL divergences on one logarithmic scale for all
// layers, so that they can be compared; levels that are not allowed are left blank.
func (l *look) sensitivity(curve []float64, width int) string {
	const forbidden, least, most = 1000, -4, 1 // least and most as powers of ten
	values := make([]float64, len(curve))
	for i, v := range curve {
		values[i] = math.Log10(max(v, 1e-12))
		if v >= forbidden || math.IsNaN(v) {
			values[i] = math.NaN()
		}
	}
	return l.sparkline(values, least, most, width)
}

// groupLetters marks the layers of coupled groups: ⚯a, ⚯b, … in order of appearance.
func groupLetters(layers []engine.Layer) []string {
	names := map[int]string{}
	out := make([]string, len(layers))
	for i, l := range layers {
		if !l.Coupled {
			continue
		}
		if _, seen := names[l.Group]; !seen {
			n, name := len(names), ""
			for ; n >= 26; n = n/26 - 1 {
				name = string(rune('a'+n%26)) + name
			}
			names[l.Group] = "⚯" + string(rune('a'+n)) + name
		}
		out[i] = names[l.Group]
	}
	return out
}
