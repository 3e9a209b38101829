package ui

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"galen/engine"
	"galen/engine/steering"
	"galen/store"
)

// gallery shows all episodes of a run: a list to sort and filter, and accuracy against
// latency with the Pareto front.
type gallery struct {
	s             *session
	id            string
	width, height int

	snap   *engine.Snapshot
	front  []*store.Episode
	shown  []*store.Episode
	sorted order
	filter editor
	naming naming // the file to export to
	marked map[int]bool
	list   list
}

// order is what the list is sorted by.
type order int

const (
	byNumber order = iota
	byAccuracy
	byLatency
	byReward
	orders
)

var orderNames = [orders]string{"newest", "accuracy", "latency", "reward"}

func newGallery(s *session, id string, at int) *gallery {
	g := &gallery{s: s, id: id, filter: newEditor(), naming: naming{editor: newEditor()}, marked: map[int]bool{}}
	g.list.id = strconv.Itoa(at)
	return g
}

func (g *gallery) Typing() bool { return g.filter.typing() || g.naming.typing() }

func (g *gallery) SetSize(width, height int) {
	g.width, g.height = width, height
	g.arrange()
}

// accept takes a new state of the run.
func (g *gallery) accept(s *engine.Snapshot) {
	changed := g.snap == nil || g.snap.Best != s.Best || g.snap.Settings.Target != s.Settings.Target || !slices.Equal(g.snap.Episodes, s.Episodes)
	g.snap = s
	if changed {
		g.front = engine.Front(s.Episodes)
		g.arrange()
	}
}

// wide tells whether chart and list stand side by side.
func (g *gallery) wide() bool { return g.width >= 116 }

const listWidth = 62

// chartHeight is the chart's, axes included.
func (g *gallery) chartHeight() int {
	if g.wide() {
		return g.height - 2
	}
	return max(8, (g.height-3)*2/5)
}

// arrange filters and sorts.
func (g *gallery) arrange() {
	rows := g.height - 3
	if !g.wide() {
		rows -= g.chartHeight()
	}
	if g.snap == nil {
		return
	}
	g.shown = g.shown[:0]
	keep := g.condition()
	for _, e := range g.snap.Episodes {
		if keep(e) {
			g.shown = append(g.shown, e)
		}
	}
	slices.SortStableFunc(g.shown, func(a, b *store.Episode) int {
		newest := cmp.Compare(b.Number, a.Number)
		switch g.sorted {
		case byAccuracy:
			return cmp.Or(cmp.Compare(b.Accuracy, a.Accuracy), newest)
		case byLatency:
			return cmp.Or(cmp.Compare(a.LatencyRatio, b.LatencyRatio), newest)
		case byReward:
			return cmp.Or(cmp.Compare(b.Reward, a.Reward), newest)
		}
		return newest
	})
	ids := make([]string, len(g.shown))
	for i, e := range g.shown {
		ids[i] = strconv.Itoa(e.Number)
	}
	g.list.set(ids)
	g.list.show(rows)
}

// condition is what the filter asks of an episode; every word must hold. Words are front,
// marked, met, confirmed, and flags of measurements; acc>90, lat<0.3 and reward>0 compare.
func (g *gallery) condition() func(*store.Episode) bool {
	var conditions []func(*store.Episode) bool
	for _, word := range strings.Fields(strings.ToLower(g.filter.text())) {
		conditions = append(conditions, g.word(word))
	}
	return func(e *store.Episode) bool {
		return !slices.ContainsFunc(conditions, func(holds func(*store.Episode) bool) bool { return !holds(e) })
	}
}

func (g *gallery) word(word string) func(*store.Episode) bool {
	if at := strings.IndexAny(word, "<>"); at > 0 {
		limit, err := strconv.ParseFloat(word[at+1:], 64)
		of := map[string]func(*store.Episode) float64{
			"acc":    func(e *store.Episode) float64 { return 100 * e.Accuracy },
			"lat":    func(e *store.Episode) float64 { return e.LatencyRatio },
			"reward": func(e *store.Episode) float64 { return e.Reward },
		}[word[:at]]
		if err != nil || of == nil {
			return func(*store.Episode) bool { return true } // not finished yet
		}
		if word[at] == '>' {
			return func(e *store.Episode) bool { return of(e) > limit }
		}
		return func(e *store.Episode) bool { return of(e) < limit }
	}
	switch word {
	case "front":
		return func(e *store.Episode) bool { return slices.Contains(g.front, e) }
	case "marked":
		return func(e *store.Episode) bool { return g.marked[e.Number] }
	case "confirmed":
		return func(e *store.Episode) bool { return e.Confirmed != nil }
	case "met":
		return g.snap.Meets
	}
	return func(e *store.Episode) bool {
		return strings.HasPrefix(strconv.Itoa(e.Number), strings.TrimPrefix(word, "#")) ||
			slices.ContainsFunc(e.Flags, func(f string) bool { return strings.HasPrefix(f, word) })
	}
}

// current is the episode under the cursor; nil if none is shown.
func (g *gallery) current() *store.Episode {
	if g.list.at >= len(g.shown) {
		return nil
	}
	return g.shown[g.list.at]
}

func (g *gallery) Update(msg tea.Msg) intent {
	switch msg := msg.(type) {
	case snapshotMsg:
		if msg.snapshot.Run.ID == g.id {
			g.accept(msg.snapshot)
		}
	case tea.KeyMsg:
		switch {
		case g.naming.typing():
			return g.naming.press(msg)
		case g.filter.typing():
			g.filter.filter(msg, &g.s.keys, &g.list)
			g.arrange()
			return nil
		}
		return g.press(msg)
	}
	return nil
}

func (g *gallery) press(msg tea.KeyMsg) intent {
	k, e := g.bindings(), g.current()
	switch {
	case key.Matches(msg, k.back):
		if g.filter.text() != "" {
			g.filter.set("")
			g.arrange()
			return nil
		}
		return backIntent{}
	case g.list.press(&k, msg):
	case key.Matches(msg, k.filter):
		g.filter.open(g.filter.text())
	case key.Matches(msg, k.sort):
		g.sorted = (g.sorted + 1) % orders
		g.arrange()
	case e == nil:
	case key.Matches(msg, k.open):
		return showIntent{episode: e.Number}
	case key.Matches(msg, k.copy):
		return exportCommand(g.s, g.snap, e)
	case key.Matches(msg, k.mark):
		g.marked[e.Number] = !g.marked[e.Number]
		g.list.move(g.list.at + 1)
	case key.Matches(msg, k.diff):
		return g.diff(e)
	case key.Matches(msg, k.try):
		return commandIntent{steering.Command{Kind: steering.Try, Value: float64(e.Number)}}
	case key.Matches(msg, k.export):
		g.naming.ask("Export", fmt.Sprintf("export episode %d to", e.Number), exportName(g.snap, e)+".onnx", "write the file",
			func(path string) intent { return exportIntent{g.id, e.Number, path} })
	case key.Matches(msg, k.fork):
		g.naming.ask("Fork", fmt.Sprintf("fork at episode %d as", e.Number), engine.ForkName(g.snap.Run.Name, e.Number), "fork",
			func(name string) intent { return forkIntent{g.id, e.Number, name} })
	case key.Matches(msg, k.previous):
		g.along(-1)
	case key.Matches(msg, k.subsequent):
		g.along(+1)
	}
	return nil
}

// diff compares the two marked episodes, or the one under the cursor with the marked one
// or the best.
func (g *gallery) diff(at *store.Episode) intent {
	var marked []int
	for _, e := range g.snap.Episodes {
		if g.marked[e.Number] {
			marked = append(marked, e.Number)
		}
	}
	switch {
	case len(marked) == 2:
		return showIntent{marked[1], marked[0]}
	case len(marked) == 1 && marked[0] != at.Number:
		return showIntent{at.Number, marked[0]}
	case len(marked) < 2 && g.snap.Best != nil && g.snap.Best != at:
		return showIntent{at.Number, g.snap.Best.Number}
	}
	return failIntent{fmt.Errorf("mark two episodes with %s to compare them", g.s.keys.mark.Help().Key)}
}

// along moves the cursor to the next faster or slower episode on the front.
func (g *gallery) along(by int) {
	e := g.current()
	at, on := slices.BinarySearchFunc(g.front, e, func(a, b *store.Episode) int { return cmp.Compare(a.LatencyRatio, b.LatencyRatio) })
	if on || by < 0 {
		at += by
	}
	if at < 0 || at >= len(g.front) {
		return
	}
	for i, id := range g.list.ids {
		if id == strconv.Itoa(g.front[at].Number) {
			g.list.move(i)
		}
	}
}

func (g *gallery) bindings() keymap {
	k := g.s.keys
	any := len(g.shown) > 0
	k.previous.SetHelp("[ ←", "faster on the front")
	k.subsequent.SetHelp("] →", "slower on the front")
	k.open.SetHelp("enter", "show")
	k.copy.SetHelp("y", "copy the export command")
	for _, b := range []*key.Binding{&k.open, &k.mark, &k.diff, &k.export, &k.fork, &k.copy, &k.previous, &k.subsequent} {
		b.SetEnabled(any)
	}
	k.try.SetEnabled(any && g.s.active == g.id)
	return k
}

func (g *gallery) Keys() []keyGroup {
	k := g.bindings()
	switch {
	case g.naming.typing():
		return g.naming.keys()
	case g.filter.typing():
		return typingKeys("Filter", "keep the filter", "show all episodes")
	}
	return []keyGroup{
		{"Episode", []key.Binding{k.open, k.mark, k.diff, k.export, k.try, k.fork}, false},
		{"List", []key.Binding{k.sort, k.filter, k.subsequent, k.previous, k.copy}, false},
		k.movement(),
	}
}

func (g *gallery) Legend() [][2]string {
	l := g.s.look
	return [][2]string{
		{l.frontMark, "on the Pareto front: no episode is both faster and more accurate"},
		{l.bestMark, "the best that meets the target; the fastest if none does"},
		{l.chosenMark, "the one under the cursor"},
		{"/", "words filter: front, marked, met, confirmed, noisy, acc>90, lat<0.3, reward>0, #12"},
	}
}

func (g *gallery) Status() string {
	if g.naming.typing() {
		return g.naming.line(g.s.look, g.width)
	}
	l := g.s.look
	status := g.filter.filterLine(l, g.width, "   front  marked  met  confirmed  noisy  acc>90  lat<0.3", "")
	if e := g.current(); status == "" && e != nil && e.Confirmed != nil {
		status = new(line).put(l.dim, fmt.Sprintf("  episode %d ", e.Number)).put(l.good, confirmedText(e.Confirmed)).cut(g.width)
	}
	return status
}

func (g *gallery) View() []string {
	l := g.s.look
	left := []segment{{l.strong, " galen", 0}, {l.dim, "   episodes of ", 0}, {l.plain, g.snap.Run.Name, 0}}
	counted := fmt.Sprintf("%d", len(g.shown))
	if len(g.shown) != len(g.snap.Episodes) {
		counted += fmt.Sprintf(" of %d", len(g.snap.Episodes))
	}
	right := []segment{{l.dim, counted + " shown, by ", 1}, {l.plain, orderNames[g.sorted], 0}, {l.dim, fmt.Sprintf("   %d on the front", len(g.front)), 2}}
	out := []string{spread(g.width, left, right), l.rule.paint(repeat(l.ruleRest, g.width))}
	chart := scatter{width: g.width, height: g.chartHeight(), target: g.snap.Settings.Target, reference: unknownAccuracy}
	if r := g.snap.Reference; r != nil {
		chart.reference = r.Accuracy
	}
	if g.wide() {
		chart.width = g.width - listWidth - 2
	}
	var picture []string
	if len(g.snap.Episodes) > 0 {
		picture = chart.rows(l, g.snap.Episodes, g.front, g.current(), g.snap.Best)
	}
	table := g.lines(min(g.width, listWidth))
	if !g.wide() {
		return exactly(append(append(out, exactly(picture, chart.height)...), table...), g.height)
	}
	picture, table = exactly(picture, g.height-2), exactly(table, g.height-2)
	for i := range picture {
		out = append(out, new(line).raw(picture[i], span(picture[i])).to(chart.width+2).raw(table[i], span(table[i])).cut(g.width))
	}
	return exactly(out, g.height)
}

// lines draws the list.
func (g *gallery) lines(width int) []string {
	l := g.s.look
	ms := millis(3)
	if g.snap.Reference != nil {
		ms = millisFor(g.snap.Reference.LatencyMS)
	}
	t := &table[*store.Episode]{look: l, width: width, gap: 2, fields: []field[*store.Episode]{
		{column{width: 3}, 0, func(e *store.Episode) cell {
			marks := []string{" ", " ", " "}
			if e == g.current() {
				marks[0] = l.cursorMark
			}
			if g.marked[e.Number] {
				marks[1] = "*"
			}
			switch {
			case e == g.snap.Best:
				marks[2] = l.bestMark
			case slices.Contains(g.front, e):
				marks[2] = l.frontMark
			}
			return cell{strings.Join(marks, ""), l.accent}
		}},
		{column{title: "#", width: 5, right: true, near: true}, 0, func(e *store.Episode) cell { return cell{strconv.Itoa(e.Number), l.plain} }},
		{column{title: "top-1", width: 7, right: true}, 0, func(e *store.Episode) cell { return cell{percent(e.Accuracy), l.strong} }},
		{column{title: "latency", width: 7, right: true}, 0, func(e *store.Episode) cell {
			k := l.plain
			if g.snap.Meets(e) {
				k = l.good
			}
			return cell{ratio(e.LatencyRatio), k}
		}},
		{column{title: "ms", width: 7, right: true}, 1, func(e *store.Episode) cell { return cell{ms.format(e.LatencyMS), l.plain} }},
		{column{title: "reward", width: 7, right: true}, 2, func(e *store.Episode) cell {
			return cell{minus(fmt.Sprintf("%.3f", e.Reward)), l.plain}
		}},
		{column{title: "flags", width: 10}, 3, func(e *store.Episode) cell {
			if len(e.Flags) == 0 && e.Confirmed != nil {
				return cell{"confirmed", l.good}
			}
			return cell{strings.Join(e.Flags, ","), l.warn}
		}},
	}}
	t.shrink()
	out := []string{t.header()}
	from, to := g.list.visible()
	for i := from; i < min(to, len(g.shown)); i++ {
		out = append(out, t.row(g.shown[i], i == g.list.at))
	}
	if len(g.shown) == 0 {
		text := "  no episode matches the filter"
		if len(g.snap.Episodes) == 0 {
			text = "  no episode has finished yet"
		}
		out = append(out, l.dim.paint(text))
	}
	return out
}
