package ui

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"galen/engine"
	"galen/hw"
	"galen/store"
)

// device shows what latency is measured on, the samples of the shown episode's
// measurement with what casts doubt on it, and how measuring went over the run.
type device struct {
	d             *dashboard
	width, height int
	over          block[overKey] // what sums up all episodes
}

// overKey is everything that block depends on.
type overKey struct {
	last          *store.Episode
	width, height int
}

func newDevice(d *dashboard) *device { return &device{d: d} }

func (v *device) SetSize(width, height int) { v.width, v.height = width, height }
func (v *device) Typing() bool              { return false }
func (v *device) Status() string            { return "" }

// Update turns the dashboard's pages; it takes what arrives by itself.
func (v *device) Update(msg tea.Msg) intent {
	press, ok := msg.(tea.KeyMsg)
	if !ok {
		return nil
	}
	k := v.d.bindings()
	switch {
	case key.Matches(press, k.back):
		return backIntent{}
	case key.Matches(press, k.best, k.last, k.first, k.previous, k.subsequent):
		return v.d.Update(msg)
	}
	return nil
}

func (v *device) Keys() []keyGroup {
	k := v.d.bindings()
	return []keyGroup{{"Shown measurement", []key.Binding{k.best, k.last, k.previous, k.subsequent, k.first}, false}}
}

func (v *device) Legend() [][2]string {
	return [][2]string{
		{"noisy", "the median of the ratio is less certain than wanted"},
		{"drifting", "the device became faster or slower while it was measured"},
		{hw.Throttled, "the original was much slower than at the start of the run"},
		{"±", "median absolute deviation"},
		{"p95", "95 of 100 episodes took no longer"},
		{"spent on", "deciding and learning are the agent's own work; committing is storing the episode"},
	}
}

func (v *device) View() []string {
	l, s := v.d.s.look, v.d.snap
	left := []segment{{l.strong, " galen", 0}, {l.dim, "   device and timing of ", 0}, {l.plain, s.Run.Name, 0}}
	out := []string{spread(v.width, left, []segment{v.d.stillness()}), l.rule.paint(repeat(l.ruleRest, v.width))}
	out = append(out, v.fingerprint()...)
	e, title := v.d.shown()
	if e == nil {
		e, title = s.Last(), "last episode"
	}
	if e == nil {
		return exactly(append(out, "", l.dim.paint("  no episode has been measured yet")), v.height)
	}
	out = append(out, "", v.title(title))
	over := v.over.render(overKey{s.Last(), v.width, v.height}, func() []string { return append(v.overTheRun(), v.phases()...) })
	out = append(out, v.measurement(e, v.height-len(out)-len(over)-1)...)
	return exactly(slices.Concat(out, []string{""}, over), v.height)
}

// title is a rule with a heading.
func (v *device) title(text string) string {
	l := v.d.s.look
	return spreadRule(v.width, []segment{{l.rule, l.ruleRest + l.ruleRest, 0}, {l.strong, " " + text + " ", 0}}, nil, l.ruleRest, l.rule)
}

// fingerprint says what the device is.
func (v *device) fingerprint() []string {
	l, f := v.d.s.look, v.d.snap.Device
	cores := ""
	if f.Cores > 0 {
		cores = plural(f.Cores, "core")
	}
	var out []string
	for _, row := range [][]string{
		{"device", hw.Label(f.Device), f.Runtime},
		{"processor", processor(f.CPU), cores},
		{"runs on", f.ISA, f.OS},
		{"clock", f.Governor},
		{"galen", f.Version},
	} {
		if parts := slices.DeleteFunc(row[1:], func(p string) bool { return p == "" }); len(parts) > 0 {
			out = append(out, new(line).put(l.dim, "  "+fit(row[0], 10, false)+" ").put(l.plain, strings.Join(parts, " · ")).cut(v.width))
		}
	}
	return out
}

// measurement draws an episode's samples in the order they were taken.
func (v *device) measurement(e *store.Episode, height int) []string {
	l := v.d.s.look
	ms := v.d.millis() + 1 // samples differ in less than latencies
	head := new(line).put(l.dim, "  latency ").put(l.strong, ms.format(e.LatencyMS)).put(l.dim, " ± ").put(l.plain, ms.withUnit(e.LatencyMAD)).
		put(l.dim, "   ").put(l.strong, ratio(e.LatencyRatio)).put(l.dim, " of the original   ").put(l.plain, plural(len(e.Samples), "sample"))
	if len(e.Flags) > 0 {
		head.put(l.warn, "   ! "+strings.Join(e.Flags, ", "))
	} else {
		head.put(l.good, "   steady")
	}
	out := []string{head.cut(v.width)}
	all := series{len(e.Samples), func(i int) float64 { return e.Samples[i] }}
	low, high, ok := all.bounds()
	if !ok {
		return append(out, l.dim.paint("  this device gives no samples"))
	}
	if height = min(height-1, 16); height < 3 {
		return out
	}
	p := plot{width: v.width - labelWidth - 3, height: height, low: low, high: high, mark: e.LatencyMS, dots: true, curve: l.accent, guide: l.warn}
	for _, row := range p.labelled(l, all, "ms", ms.format, "median") {
		out = append(out, row.cut(v.width))
	}
	return out
}

// overTheRun draws how far latencies scattered and how long episodes took, and counts
// the measurements in doubt.
func (v *device) overTheRun() []string {
	l, s := v.d.s.look, v.d.snap
	scatter := episodes(s.Episodes).series(func(e *store.Episode) float64 { return e.LatencyMAD / e.LatencyMS })
	seconds := episodes(s.Episodes).series(func(e *store.Episode) float64 { return e.Seconds })
	out := []string{v.title("over " + plural(len(s.Episodes), "episode"))}
	for _, row := range []struct {
		name  string
		of    series
		value func(float64) string
		ink   ink
	}{
		{"scatter", scatter, share, l.curve},
		{"takes", seconds, func(x float64) string { return fmt.Sprintf("%.1f s", x) }, l.bar},
	} {
		middle := median(row.of)
		end := " median " + row.value(middle)
		out = append(out, new(line).put(l.dim, fit(row.name, labelWidth, true)+"  ").put(row.ink, l.trend(row.of, v.width-labelWidth-3-span(end))).put(l.plain, end).cut(v.width))
	}
	return append(out, v.flags(s))
}

// phases says where the time of the episodes went: a table, or two of its rows a line.
func (v *device) phases() []string {
	l, t := v.d.s.look, engine.TimingOf(v.d.snap.Episodes)
	if t.Episodes == 0 {
		return nil // stored by a galen that took no times
	}
	if v.height < compactBelowHeight {
		var out []string
		for pair := range slices.Chunk(t.Phases, 2) {
			var b line
			for _, p := range pair {
				b.put(l.dim, fit(p.Name, labelWidth+2, true)).put(l.plain, fit(fmt.Sprintf("%.2f s", p.Mean), 8, true)).
					put(l.dim, fit(fmt.Sprintf("p95 %.2f s", p.P95), 13, true)).put(l.strong, fit(share(p.Share), 6, true))
			}
			out = append(out, b.cut(v.width))
		}
		return out
	}
	seconds := func(x float64) string { return fmt.Sprintf("%.3f s", x) }
	table := &table[engine.Phase]{look: l, width: v.width, gap: 2, fields: []field[engine.Phase]{
		{column{title: "spent on", width: labelWidth + 1, right: true}, 0, func(p engine.Phase) cell { return cell{p.Name, l.plain} }},
		{column{title: "mean", width: 9, right: true}, 0, func(p engine.Phase) cell { return cell{seconds(p.Mean), l.plain} }},
		{column{title: "p95", width: 9, right: true}, 0, func(p engine.Phase) cell { return cell{seconds(p.P95), l.plain} }},
		{column{title: "share", width: 6, right: true}, 0, func(p engine.Phase) cell { return cell{share(p.Share), l.strong} }},
		{column{width: mostBar}, 1, func(p engine.Phase) cell { return cell{l.meter(p.Share, mostBar), l.bar} }},
	}}
	table.shrink()
	out := []string{"", table.header()}
	for _, p := range t.Phases {
		out = append(out, table.row(p, false))
	}
	return append(out, table.row(engine.Phase{Name: "episode", Mean: t.Mean, P95: t.P95, Share: 1}, false))
}

// flags counts those of all measurements.
func (v *device) flags(s *engine.Snapshot) string {
	l := v.d.s.look
	counts := map[string]int{}
	var names []string
	for _, e := range s.Episodes {
		for _, f := range e.Flags {
			if counts[f]++; counts[f] == 1 {
				names = append(names, f)
			}
		}
	}
	var b line
	b.put(l.dim, fit("flags", labelWidth, true)+"  ")
	if len(names) == 0 {
		return b.put(l.good, "none").cut(v.width)
	}
	slices.Sort(names)
	for _, name := range names {
		b.put(l.warn, name).put(l.plain, fmt.Sprintf(" %d   ", counts[name]))
	}
	return b.cut(v.width)
}

// median is that of a series' finite values; NaN if there are none.
func median(s series) float64 {
	var values []float64
	for i := range s.n {
		if x := s.at(i); finite(x) {
			values = append(values, x)
		}
	}
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	return values[len(values)/2]
}
