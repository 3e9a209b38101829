package ui

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"galen/engine"
	"galen/store"
	"galen/ui/plain"
	"galen/ui/shell"
)

// runs is the list of stored runs; without any, it says what galen does.
type runs struct {
	s             *session
	width, height int

	loaded bool
	all    []listedRun // newest first
	shown  []int       // positions in all that pass the filter
	list   list
	sorted runOrder
	filter editor
	naming naming
	marked string // the run to compare another one with; empty: none
}

// runOrder is what the list is sorted by.
type runOrder int

const (
	runsByAge runOrder = iota
	runsByName
	runsByAccuracy
	runsByLatency
	runOrders
)

var runOrderNames = [runOrders]string{"newest", "name", "accuracy", "latency"}

// before compares two runs; those without a best episode come last.
func (o runOrder) before(a, b *listedRun) int {
	if (a.Best == nil) != (b.Best == nil) && o >= runsByAccuracy {
		return map[bool]int{true: 1, false: -1}[a.Best == nil]
	}
	switch {
	case o == runsByName:
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	case o == runsByAccuracy && a.Best != nil:
		return cmp.Compare(b.accuracy(), a.accuracy())
	case o == runsByLatency && a.Best != nil:
		return cmp.Compare(a.latency(), b.latency())
	}
	return 0
}

// listedRun is a run with its settings decoded once.
type listedRun struct {
	store.Run
	settings engine.Settings
}

// accuracy is the best episode's, which there must be, as far as is known.
func (l *listedRun) accuracy() float64 {
	if c := l.Best.Confirmed; c != nil {
		return c.Accuracy
	}
	return l.Best.Accuracy
}

// latency is the best episode's ratio, which there must be, as far as is known.
func (l *listedRun) latency() float64 {
	if c := l.Best.Confirmed; c != nil {
		return c.LatencyRatio
	}
	return l.Best.LatencyRatio
}

func newRuns(s *session) *runs {
	return &runs{s: s, filter: newEditor(), naming: naming{editor: newEditor()}}
}

func (r *runs) SetSize(width, height int) {
	r.width, r.height = width, height
	r.list.show(height - 4) // header, rule, titles, summary
}

func (r *runs) Typing() bool { return r.filter.typing() || r.naming.typing() }

func (r *runs) Update(msg tea.Msg) intent {
	switch msg := msg.(type) {
	case runsMsg:
		if msg.err == nil {
			r.load(msg.runs)
		}
	case snapshotMsg:
		r.refresh(msg.snapshot)
	case tea.KeyMsg:
		switch {
		case r.naming.typing():
			return r.naming.press(msg)
		case r.filter.typing():
			r.filter.filter(msg, &r.s.keys, &r.list)
			r.arrange()
			return nil
		}
		return r.press(msg)
	}
	return nil
}

func (r *runs) load(stored []*store.Run) {
	r.loaded = true
	r.all = r.all[:0]
	for _, s := range stored {
		l := listedRun{Run: *s}
		if json.Unmarshal(s.Settings, &l.settings) != nil {
			l.settings = engine.Settings{} // of a later version: what is not understood is left blank
		}
		r.all = append(r.all, l)
	}
	if live := r.s.live; live != nil {
		r.refresh(live)
	}
	r.arrange()
}

// refresh takes over what the snapshot of a search under way knows better than the stored list. Of one
// that has ended the list is read anew: its run may have another name by now, or be gone.
func (r *runs) refresh(snap *engine.Snapshot) {
	if !snap.State.Live() {
		return
	}
	for i := range r.all {
		if r.all[i].ID == snap.Run.ID {
			r.all[i].Run, r.all[i].settings = *snap.Run, snap.Settings
			r.all[i].State = string(snap.State)
			r.all[i].Episodes = max(snap.Run.Episodes, len(snap.Episodes))
			if b := snap.Best; b != nil {
				r.all[i].Best = &store.Best{Episode: b.Number, Accuracy: b.Accuracy, LatencyRatio: b.LatencyRatio, Confirmed: b.Confirmed}
			}
			return
		}
	}
	if r.loaded {
		r.all = slices.Insert(r.all, 0, listedRun{*snap.Run, snap.Settings})
		r.all[0].State = string(snap.State)
		r.arrange()
	}
}

// arrange sorts and applies the filter: every word must occur somewhere in a run's line.
func (r *runs) arrange() {
	words := strings.Fields(strings.ToLower(r.filter.text()))
	r.shown = r.shown[:0]
	for i, l := range r.all {
		text := strings.ToLower(strings.Join([]string{l.Name, string(r.state(l)), l.Model.Name, l.Device, l.settings.Agent, l.ID}, " "))
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			r.shown = append(r.shown, i)
		}
	}
	slices.SortStableFunc(r.shown, func(a, b int) int { return r.sorted.before(&r.all[a], &r.all[b]) })
	ids := make([]string, len(r.shown))
	for n, i := range r.shown {
		ids[n] = r.all[i].ID
	}
	r.list.set(ids)
}

func (r *runs) state(l listedRun) engine.State { return r.s.state(l.ID, engine.State(l.State)) }

// current is the run under the cursor.
func (r *runs) current() (listedRun, bool) {
	if r.list.at >= len(r.shown) {
		return listedRun{}, false
	}
	return r.all[r.shown[r.list.at]], true
}

func (r *runs) press(msg tea.KeyMsg) intent {
	k := &r.s.keys
	run, any := r.current()
	switch {
	case r.list.press(k, msg):
	case key.Matches(msg, k.demo), key.Matches(msg, k.open) && r.first():
		return demoIntent{}
	case key.Matches(msg, k.create):
		return formIntent{}
	case key.Matches(msg, k.mark) && any:
		if r.marked == run.ID {
			r.marked = ""
		} else {
			r.marked = run.ID
		}
	case key.Matches(msg, k.compare) && any:
		if r.marked == "" || r.marked == run.ID {
			return failIntent{fmt.Errorf("mark another run with %s to compare this one with it", k.mark.Help().Key)}
		}
		return compareIntent{[2]string{r.marked, run.ID}}
	case key.Matches(msg, k.fork) && any:
		r.naming.ask("Fork", "fork as", engine.ForkName(run.Name, run.Episodes), "fork", func(name string) intent {
			if name == engine.ForkName(run.Name, run.Episodes) {
				name = "" // more episodes may have been finished until then
			}
			return forkIntent{run.ID, 0, name}
		})
	case key.Matches(msg, k.rename) && any:
		r.naming.ask("Rename", "new name", run.Name, "give this name", func(name string) intent { return renameIntent{run.ID, name} })
	case key.Matches(msg, k.remove) && any && run.ID != r.s.active:
		return askIntent{question{
			title:   "Delete this run?",
			text:    fmt.Sprintf("%s and its %s are removed for good.", run.Name, plural(run.Episodes, "episode")),
			answers: k.confirm(deleteIntent{run.ID}),
		}}
	case key.Matches(msg, k.open) && any:
		return openIntent{run.ID}
	case key.Matches(msg, k.resume) && any && r.canResume(run):
		return resumeIntent{run.ID}
	case key.Matches(msg, k.filter) && len(r.all) > 0:
		r.filter.open(r.filter.text())
	case key.Matches(msg, k.sort):
		r.sorted = (r.sorted + 1) % runOrders
		r.arrange()
	case key.Matches(msg, k.copy) && any:
		return copyIntent{shell.OnStore(run.settings.CommandLine(), r.s.database), "the command that starts such a run"}
	case key.Matches(msg, k.reload):
		return reloadIntent{}
	case key.Matches(msg, k.back):
		r.filter.set("")
		r.arrange()
	}
	return nil
}

// first tells whether this is a first start: there are no runs yet.
func (r *runs) first() bool { return r.loaded && len(r.all) == 0 }

func (r *runs) canResume(l listedRun) bool { return l.ID != r.s.active && resumable(r.state(l)) }

func (r *runs) Keys() []keyGroup {
	k := r.s.keys
	run, any := r.current()
	k.open.SetEnabled(any || r.first())
	if r.first() {
		k.open.SetHelp("enter", "start the demo")
	}
	k.resume.SetEnabled(any && r.canResume(run))
	k.filter.SetEnabled(len(r.all) > 0)
	k.fork.SetEnabled(any)
	k.copy.SetEnabled(any)
	k.copy.SetHelp("y", "copy its command")
	k.rename.SetEnabled(any)
	k.mark.SetEnabled(any)
	k.compare.SetEnabled(any)
	k.remove.SetEnabled(any && run.ID != r.s.active)
	switch {
	case r.naming.typing():
		return r.naming.keys()
	case r.filter.typing():
		return typingKeys("Filter", "keep the filter", "show all runs")
	}
	return []keyGroup{{"Runs", []key.Binding{k.open, k.create, k.resume, k.demo, k.fork, k.rename, k.remove, k.filter}, false}, {"List", []key.Binding{k.mark, k.compare, k.sort, k.copy, k.reload}, true}, k.movement()}
}

func (r *runs) Legend() [][2]string {
	return [][2]string{
		{"accuracy", "of the best episode, on validation images, or on others once it is confirmed"},
		{"reward", "how the rewards of the episodes developed"},
		{"…-it", "prune-iterative and quantize-iterative, where there is no room for the whole name"},
		{"latency", "of the best episode, relative to the uncompressed model on the device"},
	}
}

func (r *runs) Status() string {
	if r.naming.typing() {
		return r.naming.line(r.s.look, r.width)
	}
	found := fmt.Sprintf("%d of %s", len(r.shown), plural(len(r.all), "run"))
	status := r.filter.filterLine(r.s.look, r.width, "   "+found, ": "+found)
	if run, any := r.current(); status == "" && any && run.Problem != "" {
		status = new(line).put(r.s.look.bad, " ! "+run.Problem).cut(r.width)
	}
	return status
}

func (r *runs) View() []string {
	l := r.s.look
	left := []segment{{l.strong, " galen", 0}, {l.dim, "   runs", 0}}
	if r.sorted != runsByAge {
		left = append(left, segment{l.dim, " by " + runOrderNames[r.sorted], 3})
	}
	var right []segment
	if s := r.s.live; s != nil && s.Run.ID == r.s.active {
		symbol, k := l.stateLook(s.State)
		right = []segment{
			{l.plain, plain.Line(s.Run.Name) + " ", 1}, {l.dim, fmt.Sprintf("%d/%d ", len(s.Episodes), budget(s)), 2},
			{k, symbol + " " + string(s.State), 0}, {l.plain, "  " + clock(r.s.elapsed(s)), 0},
		}
	}
	out := []string{spread(r.width, left, right), l.rule.paint(repeat(l.ruleRest, r.width))}
	switch {
	case !r.loaded:
		out = append(out, l.dim.paint("  reading the store …"))
	case r.first():
		out = append(out, r.welcome()...)
	default:
		out = append(out, r.lines()...)
	}
	return exactly(out, r.height)
}

// welcome is what a first start shows.
func (r *runs) welcome() []string {
	l := r.s.look
	text := []struct {
		ink  ink
		text string
	}{
		{l.plain, ""},
		{l.strong, "Galen makes a trained network small and fast enough for the device it will run on."},
		{l.plain, ""},
		{l.plain, "For every layer it searches how many channels can be pruned away and how few bits the rest needs. An agent proposes, galen compresses the network accordingly, measures its accuracy on validation images and its latency on the device, and tells the agent how good that was. A few hundred such episodes find a network that meets your latency target and loses the least accuracy."},
		{l.plain, ""},
		{l.strong, "The demo needs nothing: its network and its images are built in."},
		{l.plain, "You will see the uncompressed network measured first, then how sensitive each layer is, then episode after episode: latency sinking towards the target, accuracy recovering, and what the agent chose for each layer. Everything is kept; pause, quit and resume whenever you like."},
		{l.plain, ""},
	}
	var out []string
	room := min(r.width-8, 92)
	for _, p := range text {
		for _, t := range strings.Split(ansi.Wrap(p.text, room, ""), "\n") {
			out = append(out, new(line).put(ink{}, "    ").put(p.ink, t).cut(r.width))
		}
	}
	var start line
	start.put(ink{}, "    ").put(l.key, "enter").put(ink{}, "  starts the demo    ").put(l.key, "n").put(ink{}, "  asks for a network of your own    ").put(l.key, "q").put(ink{}, "  leaves")
	return append(out, start.cut(r.width))
}

// Cells of a run's sparkline.
const (
	leastTrend = 8
	mostTrend  = 16
)

// table chooses the fields that fit the width; names get what is left.
func (r *runs) table() *table[listedRun] {
	l := r.s.look
	text := func(f func(l listedRun) string) func(listedRun) cell {
		return func(run listedRun) cell { return cell{f(run), l.plain} }
	}
	model, agent := text(func(l listedRun) string { return l.Model.Name }), func(l listedRun) string { return l.settings.Agent }
	state := func(run listedRun) cell {
		state := r.state(run)
		symbol, k := l.stateLook(state)
		return cell{symbol + " " + string(state), k}
	}
	name := min(24, r.widest(8, text(func(l listedRun) string { return l.Name })))
	t := &table[listedRun]{look: l, width: r.width, gap: 2, fields: []field[listedRun]{
		{column{width: 2}, 0, func(run listedRun) cell {
			marks := " "
			if run.ID == r.list.id {
				marks = l.cursorMark
			}
			if run.ID == r.marked {
				marks += "*"
			}
			return cell{marks, l.accent}
		}},
		{column{title: "name", near: true, width: name, least: min(13, name), yields: 7}, 0, func(run listedRun) cell { return cell{run.Name, l.strong} }},
		{column{title: "state", width: 11, least: r.widest(5, state), yields: 7}, 0, state},
		{column{title: "model", width: min(20, r.widest(8, model)), least: 16, yields: 9, end: true}, 5, model},
		{column{title: "agent", width: r.widest(5, text(agent)), least: r.widest(5, text(func(l listedRun) string { return shortAgent(agent(l)) })), yields: 8}, 0, nil},
		{column{title: "device", width: 7}, 10, text(func(l listedRun) string { return processor(l.Device) })},
		{column{title: "target", width: 6, right: true}, 6, text(func(l listedRun) string {
			if l.settings.Target == 0 {
				return ""
			}
			return fmt.Sprintf("%.2f×", l.settings.Target)
		})},
		{column{title: "episodes", width: 8, right: true}, 0, text(func(l listedRun) string { return fmt.Sprintf("%d/%d", l.Episodes, l.Budget) })},
		{column{width: 8}, 11, func(run listedRun) cell {
			return cell{l.meter(quotient(int64(run.Episodes), int64(run.Budget)), 8), l.bar}
		}},
		{column{title: "reward", width: leastTrend}, 3, nil},
		{column{title: "accuracy", width: 8, right: true}, 0, text(func(l listedRun) string {
			if l.Best == nil {
				return unknown
			}
			return percent(l.accuracy())
		})},
		{column{title: "latency", width: 7, right: true}, 0, func(run listedRun) cell {
			if run.Best == nil {
				return cell{unknown, l.plain}
			}
			k := l.plain
			if run.settings.Target > 0 && engine.WithinTarget(run.latency(), run.settings.Target) {
				k = l.good
			}
			return cell{ratio(run.latency()), k}
		}},
		{column{title: "worked", width: 8, right: true}, 12, text(func(l listedRun) string { return clock(l.Elapsed) })},
		{column{title: "started", width: 11, right: true}, 4, func(run listedRun) cell { return cell{age(r.s.now, run.Created), l.dim} }},
	}}
	t.shrink()
	t.grow("agent", r.widest(0, text(agent)))
	t.grow("name", name)
	t.grow("reward", mostTrend)
	for i := range t.fields {
		switch f := &t.fields[i]; f.title {
		case "reward":
			f.cell = func(run listedRun) cell { return cell{l.trend(numbersOf(run.Trend), f.width), l.bar} }
		case "agent":
			f.cell = text(func(run listedRun) string {
				if span(agent(run)) > f.width {
					return shortAgent(agent(run))
				}
				return agent(run)
			})
		}
	}
	for _, f := range slices.Clone(t.fields) {
		if f.title == "name" || f.title == "model" || f.title == "device" {
			t.grow(f.title, r.widest(0, f.cell))
		}
	}
	return t
}

// shortAgent is an agent's name for narrow columns, where cutting would make them alike.
func shortAgent(name string) string {
	return strings.Replace(strings.Replace(name, "-iterative", "-it", 1), "quantize-", "quant-", 1)
}

// widest is how many cells a column needs for the runs that are shown, at least some.
func (r *runs) widest(least int, of func(listedRun) cell) int {
	for _, i := range r.shown {
		least = max(least, span(of(r.all[i]).text))
	}
	return least
}

func (r *runs) lines() []string {
	l, t := r.s.look, r.table()
	out := []string{t.header()}
	from, to := r.list.visible()
	for i := from; i < to; i++ {
		run := r.all[r.shown[i]]
		out = append(out, t.row(run, run.ID == r.list.id))
	}
	if len(r.shown) == 0 {
		out = append(out, l.dim.paint("  no run matches the filter"))
	}
	for len(out) < r.height-3 {
		out = append(out, "")
	}
	if from > 0 || to < len(r.shown) {
		out = append(out, l.dim.paint(fmt.Sprintf("  %d–%d of %d", from+1, to, len(r.shown))))
	}
	return out
}

// exactly cuts or fills a view to a number of lines.
func exactly(lines []string, n int) []string {
	for len(lines) < n {
		lines = append(lines, "")
	}
	return lines[:max(0, n)]
}

func repeat(s string, n int) string { return strings.Repeat(s, max(0, n)) }
