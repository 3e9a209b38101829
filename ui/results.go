package ui

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"galen/engine"
	"galen/hw"
	"galen/store"
)

// resultsKey is everything the block of results depends on.
type resultsKey struct {
	reference     *store.Reference
	best, last    *store.Episode
	target        float64
	waiting       *engine.Snapshot // what the first episode is waiting for; nil once there is one
	width, height int
}

func (d *dashboard) resultsKey(height int) resultsKey {
	s := d.snap
	k := resultsKey{s.Reference, s.Best, s.Last(), s.Settings.Target, nil, d.width, height}
	if k.last == nil {
		k.waiting = s
	}
	return k
}

// View draws the dashboard, top to bottom.
func (d *dashboard) View() []string {
	l := d.s.look
	if d.snap == nil {
		text := "opening run " + d.id + " …"
		if d.failed {
			text = fmt.Sprintf("run %s could not be opened; %s goes back", d.id, d.s.keys.back.Help().Key)
		}
		left := []segment{{l.strong, " galen", 0}, {l.dim, "   " + text, 0}}
		return exactly([]string{spread(d.width, left, nil), l.rule.paint(repeat(l.ruleRest, d.width))}, d.height)
	}
	layout := arrange(d.width, d.height, len(d.snap.Layers))
	out := make([]string, 0, d.height)
	out = append(out, d.header(), d.progress())
	out = append(out, d.results.render(d.resultsKey(layout.results), func() []string {
		if layout.compact {
			return d.compactResults()
		}
		return d.wideResults(layout.results)
	})...)
	out = append(out, d.layers.render(d.layersKey(), func() []string { return d.layerLines(layout.rows) })...)
	if layout.journal > 0 {
		out = append(out, l.rule.paint(repeat(l.ruleRest, d.width)))
		out = append(out, d.journal(layout.journal)...)
	}
	return exactly(out, d.height)
}

// header says which search this is and how it stands.
func (d *dashboard) header() string {
	l, s := d.s.look, d.snap
	gap := "   "
	left := []segment{{l.strong, " galen", 0}, {l.plain, gap + s.Run.Name, 0}}
	if model := s.Run.Model.Name; model != "" && model != s.Run.Name {
		left = append(left, segment{l.dim, gap + model, 4})
	}
	left = append(left, segment{l.dim, gap + s.Settings.Agent, 2})
	left = append(left, segment{l.dim, " · β " + number(s.Settings.Beta), 6}, segment{l.dim, gap + hw.Label(s.Settings.Device), 3})
	if cpu := processor(s.Device.CPU); cpu != "" {
		left = append(left, segment{l.dim, fmt.Sprintf(" · %s", cpu), 7})
	}
	state := d.s.state(d.id, s.State)
	symbol, k := l.stateLook(state)
	number := len(s.Episodes)
	if working(state) && state != engine.Preparing {
		number = min(s.Episode, budget(s)) // while the best are confirmed there is no other
	}
	elapsed := d.frozen
	if !d.still {
		elapsed = d.s.elapsed(s)
	}
	queued := ""
	if s.Queued > 0 {
		queued = fmt.Sprintf("%d to try  ", s.Queued)
	}
	right := []segment{
		{l.dim, "episode ", 5}, {l.plain, fmt.Sprintf("%d/%d  ", number, budget(s)), 0}, {l.accent, queued, 1},
		{k, symbol + " " + string(state), 0}, {l.plain, "  " + clock(elapsed), 0},
	}
	if working(state) && s.Remaining > 0 {
		right = append(right, segment{l.dim, " · " + roughly(s.Remaining) + " left", 1})
	}
	return spread(d.width, left, right)
}

// progress is the rule below the header: as much of it is heavy as is done, of the
// run or of what comes before its first episode.
func (d *dashboard) progress() string {
	l, s := d.s.look, d.snap
	done, of, text := len(s.Episodes), budget(s), ""
	state := d.s.state(d.id, s.State)
	switch {
	case state == engine.Preparing:
		done, of, text = s.Done, s.Total, activity(s)
	case working(state):
		text = activity(s)
	case resumable(state) && !d.searched():
		text = "space resumes"
	}
	k := l.accent
	if d.still {
		text, k = "display frozen · f follows again", l.warn
	}
	if text != "" {
		text = fit(" "+text+" ", min(d.width/2, span(text)+2), false)
	}
	room := d.width - span(text) - 2*min(1, len(text))
	heavy := 0
	if of > 0 {
		heavy = int(math.Round(float64(room) * max(0, min(1, float64(done)/float64(of)))))
	}
	var b line
	b.put(l.bar, repeat(l.ruleDone, heavy-1))
	if heavy > 0 {
		head := l.ruleHead
		if heavy == room {
			head = l.ruleDone
		}
		b.put(l.bar, head)
	}
	b.put(l.rule, repeat(l.ruleRest, room-heavy)).put(k, text).put(l.rule, repeat(l.ruleRest, d.width-b.width))
	return b.cut(d.width)
}

// activity is what the search does now, with its progress if that has a measure.
func activity(s *engine.Snapshot) string {
	text := s.Activity
	if s.Total > 0 {
		text = fmt.Sprintf("%s %d/%d", text, s.Done, s.Total)
	}
	return text
}

// explanations say what an activity before the first result is good for, by a word
// of its name.
var explanations = []struct{ word, text string }{
	{"sensitiv", "Each layer alone is compressed, to see how much the answers change."},
	{"original", "Every policy is compared with the uncompressed model's accuracy and time."},
	{"calibrat", "The range of every activation is observed, to quantize it well."},
	{"device", "The device says what it is and readies itself for timing."},
	{"decid", "The agent chooses for each layer how much to prune and how many bits to keep."},
	{"compress", "Channels are cut out; what remains is re-fitted and quantized."},
	{"scor", "The compressed model is run on the validation images."},
	{"measur", "The compressed model is timed in turns with the uncompressed one."},
	{"learn", "The agent learns from what the episode achieved."},
}

func explanation(s *engine.Snapshot) string {
	for _, e := range explanations {
		if strings.Contains(strings.ToLower(s.Activity), e.word) {
			return e.text
		}
	}
	return "The first results appear here with the first finished episode."
}

// preparation is shown in place of charts until there is an episode.
func (d *dashboard) preparation(width, height int) []*line {
	l, s := d.s.look, d.snap
	title := "Before the first episode"
	if s.State == engine.Running || s.State == engine.Stepping {
		title = "The first episode"
	}
	var now line
	now.put(l.strong, s.Activity)
	if s.Total > 0 {
		now.put(l.plain, fmt.Sprintf("  %d/%d  ", s.Done, s.Total))
		now.put(l.bar, l.meter(quotient(int64(s.Done), int64(s.Total)), max(8, min(30, width-now.width-2))))
	}
	var out []*line
	if s.Activity != "" {
		out = append(out, &now)
	}
	for _, t := range strings.Split(ansi.Wrap(explanation(s), max(20, width), ""), "\n") {
		out = append(out, new(line).put(l.dim, t))
	}
	if len(out) < height {
		out = slices.Insert(out, 0, new(line).put(l.dim, title))
	}
	return out[:min(len(out), height)]
}

// result is one line that compares an episode with the others.
type result struct {
	name, number string
	ink          ink
	accuracy     float64
	ratio        float64
	ms           float64
}

// comparisons are the reference, the best and the last episode, as far as they are known.
func (d *dashboard) comparisons() []result {
	s, l := d.snap, d.s.look
	nan := math.NaN()
	absent := func(name string) result { return result{name: name, ink: l.plain, accuracy: nan, ratio: nan, ms: nan} }
	of := func(name string, e *store.Episode) result {
		if e == nil {
			return absent(name)
		}
		k := l.plain
		if s.Meets(e) {
			k = l.good
		}
		return result{name, fmt.Sprintf("#%d", e.Number), k, e.Accuracy, e.LatencyRatio, e.LatencyMS}
	}
	ref := absent("reference")
	if r := s.Reference; r != nil {
		ref.accuracy, ref.ratio, ref.ms = r.Accuracy, 1, r.LatencyMS
	}
	return []result{ref, of("best", s.Best), of("last", s.Last())}
}

func (d *dashboard) millis() millis {
	if r := d.snap.Reference; r != nil {
		return millisFor(r.LatencyMS)
	}
	return 2
}

// resultsWidth is how much of the wide layout the numbers take; charts get the rest.
const resultsWidth = 47

func (d *dashboard) wideResults(height int) []string {
	l, s := d.s.look, d.snap
	ms := d.millis()
	var left []*line
	for _, r := range d.comparisons() {
		b := new(line).put(l.dim, "  "+fit(r.name, 10, false)).put(l.dim, fit(r.number, 6, true)).
			put(l.strong, fit(percent(r.accuracy), 9, true)).put(r.ink, fit(ratio(r.ratio), 9, true)).
			put(l.plain, fit(ms.withUnit(r.ms), 11, true))
		left = append(left, b)
	}
	target := new(line).put(l.dim, "  "+fit("target", 10, false)).to(27).put(l.accent, fit("≤ "+ratio(s.Settings.Target), 9, true))
	if s.Reference != nil {
		target.put(l.dim, fit(ms.format(s.Settings.Target*s.Reference.LatencyMS)+" ms", 11, true))
	}
	left = append(left, target)
	if height >= 6 {
		left = append(left, new(line))
		for _, remark := range d.remarks() {
			left = append(left, new(line).put(l.dim, "  "+remark))
		}
	}
	room := d.width - resultsWidth - 3
	var right []*line
	if len(s.Episodes) == 0 {
		right = d.preparation(min(room, 72), height)
	} else {
		right = d.charts(room, height)
	}
	out := make([]string, height)
	for i := range out {
		var b line
		if i < len(left) {
			cut := left[i].cut(resultsWidth)
			b.raw(cut, span(cut))
		}
		b.to(resultsWidth + 2)
		if i < len(right) {
			b.join(right[i])
		}
		out[i] = b.cut(d.width)
	}
	return out
}

// remarks put the results into words where there is room for them.
func (d *dashboard) remarks() (out []string) {
	s := d.snap
	if b, r := s.Best, s.Reference; b != nil && r != nil {
		out = append(out, fmt.Sprintf("best: %s points, %.1f times as fast", signed(100*(b.Accuracy-r.Accuracy)), 1/max(b.LatencyRatio, 1e-9)))
		if !s.Met() {
			out = append(out, "no episode meets the target yet;", "this is the fastest")
		}
		if b.Confirmed != nil {
			out = append(out, confirmedText(b.Confirmed))
		}
		if ago := s.Last().Number - b.Number; ago > 0 {
			out = append(out, fmt.Sprintf("found %s ago", plural(ago, "episode")))
		} else {
			out = append(out, "found by the last episode")
		}
	}
	if e := s.Last(); e != nil {
		out = append(out, fmt.Sprintf("last: reward %s after %.1f s", minus(fmt.Sprintf("%.3f", e.Reward)), e.Seconds))
		if len(e.Flags) > 0 {
			out = append(out, "last measurement: "+strings.Join(e.Flags, ", "))
		}
	}
	return out
}

func signed(x float64) string {
	return minus(fmt.Sprintf("%+.1f", x))
}

func (s episodes) series(f func(*store.Episode) float64) series {
	return series{len(s), func(i int) float64 { return f(s[i]) }}
}

// episodes are the finished ones, read as numbers over time.
type episodes []*store.Episode

func (s episodes) latency() series {
	return s.series(func(e *store.Episode) float64 { return e.LatencyRatio })
}
func (s episodes) accuracy() series {
	return s.series(func(e *store.Episode) float64 { return e.Accuracy })
}
func (s episodes) reward() series {
	return s.series(func(e *store.Episode) float64 { return e.Reward })
}
func (s episodes) noise() series {
	return s.series(func(e *store.Episode) float64 { return e.Noise })
}

// charts draws latency and accuracy over the episodes, and reward and exploration
// below them, on the same axis.
func (d *dashboard) charts(width, height int) []*line {
	l, s := d.s.look, d.snap
	history := episodes(s.Episodes)
	each := (width - 2) / 2
	cells := each - labelWidth - 1

	latency := plot{width: cells, height: height - 1, mark: s.Settings.Target, curve: l.accent, guide: l.warn}
	latency.low, latency.high = scale(history.latency(), 0.1, s.Settings.Target)
	accuracy := plot{width: cells, height: height - 1, mark: math.NaN(), filled: true, curve: l.good, guide: l.dim}
	if s.Reference != nil {
		accuracy.mark = s.Reference.Accuracy
	}
	accuracy.low, accuracy.high = scale(history.accuracy(), 0.05, accuracy.mark, history.accuracy().most())
	accuracy.high = min(accuracy.high, 1)

	left := latency.labelled(l, history.latency(), "latency ×", func(v float64) string { return fmt.Sprintf("%.1f", v) }, "≤ "+fmt.Sprintf("%.2f", s.Settings.Target))
	right := accuracy.labelled(l, history.accuracy(), "accuracy", func(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }, "")
	last := s.Last()
	left = append(left, new(line).put(l.dim, fit("reward", labelWidth, true)+"  ").put(l.bar, l.trend(history.reward(), cells)))
	right = append(right, new(line).put(l.dim, fit(fmt.Sprintf("σ %.2f", last.Noise), labelWidth, true)+"  ").put(l.bar, l.trend(history.noise(), cells)))
	for i := range left {
		left[i].to(each + 2).join(right[i])
	}
	return left
}

// labelWidth is how many cells before a chart's axis its labels take.
const labelWidth = 10

// labelled draws a plot with an axis: its name, its range, and what its guide stands
// for, where that has a label.
func (p plot) labelled(l *look, s series, name string, value func(float64) string, guide string) []*line {
	labels, inks := make([]string, p.height), make([]ink, p.height)
	labels[0], labels[p.height-1] = value(p.high), reaching(s, p.low)+value(p.low)
	if row := p.height - 1 - level(p.mark, p.low, p.high, 4*p.height)/4; guide != "" && row > 0 {
		labels[row], inks[row] = guide, p.guide
	}
	at := max(0, slices.Index(labels, ""))
	labels[at], inks[at] = name, l.dim
	out := make([]*line, p.height)
	for r, row := range p.rows(l, s) {
		out[r] = new(line).put(inks[r], fit(labels[r], labelWidth, true)+" ").put(l.rule, l.axis).raw(row, p.width)
	}
	return out
}

// trend is a sparkline over the series' own range.
func (l *look) trend(s series, width int) string {
	values := s.buckets(width)
	low, high, ok := numbersOf(values).bounds()
	if !ok {
		return ""
	}
	if high-low < 1e-9*math.Abs(high) {
		high = low + 1 // no trend but rounding
	}
	return l.sparkline(values, low, high, width)
}

// scale is a range that holds some values, and a series but for its outliers, which charts draw at
// their edges, in whole steps so that an axis does not move with every episode.
func scale(s series, step float64, values ...float64) (low, high float64) {
	low, high, ok := s.mostly()
	if !ok {
		low, high = math.Inf(1), math.Inf(-1)
	}
	for _, v := range values {
		if finite(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	if low > high {
		return 0, 1
	}
	low, high = step*math.Floor(low/step+1e-9), step*math.Ceil(high/step-1e-9)
	return low, max(high, low+step)
}

// reaching marks the low end of an axis that values lie below.
func reaching(s series, low float64) string {
	if least, _, ok := s.bounds(); ok && least < low {
		return "≤ "
	}
	return ""
}

// compactResults says the same in two lines.
func (d *dashboard) compactResults() []string {
	l, s := d.s.look, d.snap
	if len(s.Episodes) == 0 {
		lines := d.preparation(d.width-4, 2)
		if r := s.Reference; r != nil {
			lines = lines[:1]
			lines = append(lines, new(line).put(l.dim, "reference ").put(l.strong, percent(r.Accuracy)).
				put(l.plain, fmt.Sprintf("   %s ms", d.millis().format(r.LatencyMS))).
				put(l.dim, "   target ").put(l.accent, "≤ "+ratio(s.Settings.Target)))
		}
		out := make([]string, 2)
		for i := range min(2, len(lines)) {
			out[i] = new(line).put(ink{}, "  ").join(lines[i]).cut(d.width)
		}
		return out
	}
	var numbers line
	compared := d.comparisons()
	for _, i := range []int{1, 2, 0} {
		r := compared[i]
		if i == 0 {
			numbers.put(l.dim, "  ref ").put(l.strong, percent(r.accuracy)).put(l.plain, " "+d.millis().format(r.ms)+" ms")
			continue
		}
		numbers.put(l.dim, " "+r.name+" "+r.number+" ").put(l.strong, percent(r.accuracy)).put(r.ink, " "+ratio(r.ratio)+" ")
	}

	history := episodes(s.Episodes)
	last := s.Last()
	const latency, accuracy, reward = " lat × ", "  acc ", "  rew "
	target := fmt.Sprintf(" →%.2f", s.Settings.Target)
	end := fmt.Sprintf(" %s  σ %.2f", minus(fmt.Sprintf("%.2f", last.Reward)), last.Noise)
	each := max(4, (d.width-1-span(latency+target+accuracy+reward+end))/3)
	var trends line
	trends.put(l.dim, latency).put(l.accent, l.trend(history.latency(), each)).put(l.warn, target)
	trends.put(l.dim, accuracy).put(l.good, l.trend(history.accuracy(), each))
	trends.put(l.dim, reward).put(l.bar, l.trend(history.reward(), each)).put(l.plain, end)
	return []string{numbers.cut(d.width), trends.cut(d.width)}
}

// journal are the latest commands, newest first.
func (d *dashboard) journal(height int) []string {
	l, entries := d.s.look, d.snap.Journal
	if len(entries) == 0 {
		return exactly([]string{l.dim.paint("  no commands yet: what you ask of the search is listed here")}, height)
	}
	var out []string
	for i := len(entries) - 1; i >= 0 && len(out) < height; i-- {
		out = append(out, l.journalEntry(entries[i], d.s.now, d.width).cut(d.width))
	}
	return exactly(out, height)
}
