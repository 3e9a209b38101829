package ui

import (
	"fmt"
	"slices"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"galen/engine"
	"galen/engine/steering"
	"galen/store"
	"galen/ui/plain"
)

// dashboard shows one run: where it stands against the reference and the target,
// whether it still improves, and what one of its policies does to every layer.
type dashboard struct {
	s             *session
	id            string
	width, height int

	snap   *engine.Snapshot // shown; nil until read
	newest *engine.Snapshot // differs from snap while the display is frozen or slowed
	failed bool             // it could not be read
	frozen time.Duration    // the stopwatch when the display was frozen
	still  bool             // the display is frozen
	pace   pace

	choice  choice
	episode int  // the one shown, for oneEpisode
	against int  // the one it is compared with; 0: the best, or the last with that
	list    list // layers
	prompt  prompt

	given []steering.Command // on their way to the search, the earliest first
	until int                // entries of the journal once all of them took effect

	results block[resultsKey]
	layers  block[layersKey]
}

// choice is which policy the layer table shows.
type choice int

const (
	lastEpisode choice = iota // follows the search
	bestEpisode
	reference
	oneEpisode
)

func newDashboard(s *session, id string) *dashboard {
	return &dashboard{s: s, id: id, prompt: newPrompt()}
}

func (d *dashboard) Typing() bool { return d.prompt.typing() }

func (d *dashboard) SetSize(width, height int) {
	d.width, d.height = width, height
	d.arrange()
}

// accept takes a new state of the run.
func (d *dashboard) accept(s *engine.Snapshot) {
	d.newest = s
	if d.still {
		return
	}
	d.snap = d.pace.slowed(d.snap, s, d.s.now)
	if len(s.Layers) != len(d.list.ids) {
		ids := make([]string, len(s.Layers))
		for i, l := range s.Layers {
			ids[i] = l.Name
		}
		d.list.set(ids)
	}
	d.arrange()
}

func (d *dashboard) arrange() {
	layers := 0
	if d.snap != nil {
		layers = len(d.snap.Layers)
	}
	d.list.show(arrange(d.width, d.height, layers).rows)
}

func (d *dashboard) Update(msg tea.Msg) intent {
	switch msg := msg.(type) {
	case snapshotMsg:
		if msg.snapshot.Run.ID == d.id {
			d.accept(msg.snapshot)
		}
	case openedMsg:
		if msg.id == d.id && msg.err != nil {
			d.failed = true
		} else if msg.id == d.id && d.newest == nil {
			d.accept(msg.snapshot)
		}
	case askedMsg:
		d.give(msg.command)
	case sentMsg:
		if msg.err != nil {
			d.given = nil
		}
	case tickMsg:
		if d.newest != nil {
			d.accept(d.newest) // what was held back
		}
	case tea.KeyMsg:
		if d.prompt.typing() {
			return d.typed(msg)
		}
		return d.press(msg)
	}
	return nil
}

// state is the run's state as it is from here.
func (d *dashboard) state() engine.State { return d.s.state(d.id, d.newest.State) }

// searched tells whether this is the run under search in this store.
func (d *dashboard) searched() bool {
	return d.newest != nil && d.id == d.s.active && d.newest.State.Live()
}

func (d *dashboard) press(msg tea.KeyMsg) intent {
	k := d.bindings()
	if key.Matches(msg, k.back) {
		return backIntent{}
	}
	if d.snap == nil {
		return nil
	}
	if i, ok := d.steer(&k, msg); ok {
		return i
	}
	switch {
	case d.list.press(&k, msg):
	case key.Matches(msg, k.pause):
		return d.pauseOrResume()
	case key.Matches(msg, k.step):
		return commandIntent{steering.Command{Kind: steering.Step}}
	case key.Matches(msg, k.stop):
		return askIntent{question{
			title: fmt.Sprintf("Stop %s?", plain.Line(d.newest.Run.Name)),
			text: fmt.Sprintf("The search ends here and can't be continued; to go on later, pause it. Its %s stay in the store.",
				plural(len(d.newest.Episodes), "finished episode")),
			answers: k.confirm(commandIntent{steering.Command{Kind: steering.Stop}}),
		}}
	case key.Matches(msg, k.freeze):
		d.freeze()
	case key.Matches(msg, k.inspect):
		return inspectIntent{d}
	case key.Matches(msg, k.journal):
		return journalIntent{d}
	case key.Matches(msg, k.device):
		return deviceIntent{d}
	case key.Matches(msg, k.copy):
		shown, _ := d.shown()
		return exportCommand(d.s, d.snap, shown)
	case key.Matches(msg, k.episodes):
		at := 0
		if shown, _ := d.shown(); shown != nil {
			at = shown.Number
		}
		return galleryIntent{d.newest, at}
	case key.Matches(msg, k.best):
		d.choice, d.against = bestEpisode, 0
	case key.Matches(msg, k.reference):
		d.choice, d.against = reference, 0
	case key.Matches(msg, k.last):
		d.choice, d.against = lastEpisode, 0
	case key.Matches(msg, k.first):
		d.turnTo(0)
	case key.Matches(msg, k.previous):
		d.turn(-1)
	case key.Matches(msg, k.subsequent):
		d.turn(+1)
	}
	return nil
}

func (d *dashboard) pauseOrResume() intent {
	switch {
	case !d.searched():
		return resumeIntent{d.id}
	case d.newest.State == engine.Paused:
		return commandIntent{steering.Command{Kind: steering.Resume}}
	}
	return commandIntent{steering.Command{Kind: steering.Pause}}
}

// freeze stops or resumes following the search; the search itself goes on.
func (d *dashboard) freeze() {
	d.still = !d.still
	if d.still {
		d.frozen = d.s.elapsed(d.snap)
	} else {
		d.accept(d.newest)
	}
}

// stillness is what the headers of screens over a frozen dashboard say.
func (d *dashboard) stillness() segment {
	if !d.still {
		return segment{}
	}
	return segment{d.s.look.warn, "display frozen   ", 0}
}

// show puts an episode into the table, compared with another one (0: as usual).
func (d *dashboard) show(i showIntent) {
	d.choice, d.episode, d.against = oneEpisode, i.episode, i.against
}

// turn shows the episode before or after the one shown; from the reference, the last or the first one.
func (d *dashboard) turn(by int) {
	e, _ := d.shown()
	switch {
	case e == nil && by < 0:
		d.turnTo(len(d.snap.Episodes) - 1)
		return
	case e == nil:
		d.turnTo(0)
		return
	}
	at, _ := slices.BinarySearchFunc(d.snap.Episodes, e.Number, func(e *store.Episode, n int) int { return e.Number - n })
	d.turnTo(at + by)
}

// turnTo shows the episode at a position; after the latest comes following the search.
func (d *dashboard) turnTo(at int) {
	switch n := len(d.snap.Episodes); {
	case n == 0 || at < 0:
	case at >= n:
		d.choice = lastEpisode
	default:
		d.choice, d.episode = oneEpisode, d.snap.Episodes[at].Number
	}
}

// shown is the episode in the layer table and what it is called; nil stands for the
// uncompressed model.
func (d *dashboard) shown() (*store.Episode, string) {
	s := d.snap
	switch {
	case d.choice == bestEpisode && s.Best != nil:
		return s.Best, fmt.Sprintf("best episode #%d", s.Best.Number)
	case d.choice == lastEpisode && s.Last() != nil:
		return s.Last(), fmt.Sprintf("last episode #%d", s.Last().Number)
	case d.choice == oneEpisode:
		at, found := slices.BinarySearchFunc(s.Episodes, d.episode, func(e *store.Episode, n int) int { return e.Number - n })
		switch {
		case found && d.rival() != nil: // the title names the other instead
			return s.Episodes[at], fmt.Sprintf("episode #%d", d.episode)
		case found:
			return s.Episodes[at], fmt.Sprintf("episode #%d of %d", d.episode, s.Last().Number)
		}
	}
	return nil, "reference: the uncompressed model"
}

// bindings are the keys as they are now: what they do, and whether they do anything.
func (d *dashboard) bindings() keymap {
	k := d.s.keys
	searched := d.searched()
	episodes := d.snap != nil && len(d.snap.Episodes) > 0
	paused := searched && d.newest.State == engine.Paused
	if !searched || paused {
		k.pause.SetHelp("space", "resume")
	}
	k.pause.SetEnabled(searched || d.newest != nil && resumable(d.state()))
	k.step.SetEnabled(searched)
	k.stop.SetEnabled(searched)
	if d.still {
		k.freeze.SetHelp("f", "follow again")
	}
	k.freeze.SetEnabled(searched || d.still)
	k.command.SetEnabled(searched)
	k.target.SetEnabled(searched)
	k.noise.SetEnabled(searched)
	k.method.SetEnabled(searched)
	k.undo.SetEnabled(searched)
	shown := (*store.Episode)(nil)
	if d.snap != nil {
		shown, _ = d.shown()
	}
	k.try.SetEnabled(searched && shown != nil)
	layers := searched && d.snap != nil && len(d.snap.Layers) > 0
	for _, b := range []*key.Binding{&k.pin, &k.sparser, &k.denser, &k.moreBits, &k.fewerBits} {
		b.SetEnabled(layers)
	}
	if layers && d.limited() != "" {
		k.pin.SetHelp("p", "unpin")
	}
	k.inspect.SetEnabled(d.snap != nil && len(d.snap.Layers) > 0)
	k.episodes.SetEnabled(d.snap != nil)
	k.journal.SetEnabled(d.snap != nil)
	k.device.SetEnabled(d.snap != nil)
	k.copy.SetHelp("y", "copy the export command")
	k.copy.SetEnabled(shown != nil)
	k.best.SetEnabled(episodes)
	k.last.SetEnabled(episodes)
	k.first.SetEnabled(episodes)
	k.previous.SetEnabled(episodes)
	k.subsequent.SetEnabled(episodes)
	return k
}

func (d *dashboard) Keys() []keyGroup {
	if d.prompt.typing() {
		return d.prompt.keys()
	}
	k := d.bindings()
	return []keyGroup{
		{"Search", []key.Binding{k.pause, k.step, k.episodes, k.inspect}, false},
		{"Steering", []key.Binding{k.command, k.pin, k.target, k.try, k.undo}, false},
		{"The layer under the cursor", []key.Binding{k.denser, k.sparser, k.fewerBits, k.moreBits}, true},
		{"More", []key.Binding{k.stop, k.freeze, k.noise, k.method, k.journal, k.device}, true},
		{"Shown in the table", []key.Binding{k.best, k.reference, k.last, k.previous, k.subsequent, k.first, k.copy}, false},
		k.movement(),
	}
}

func (d *dashboard) Legend() [][2]string {
	l := d.s.look
	return [][2]string{
		{l.stepMark, "the layer the agent is deciding on"},
		{"⚯a", "same letter: same channels removed, since their outputs are added"},
		{l.pinMark, "pinned or bounded: the agent decides within the limits"},
		{"frozen", "of methods: no layer may use them; of a layer: it keeps its channels"},
		{"int8≡8", "runs on the 8-bit kernel: fewer bits bought no time here"},
		{"sens.", "how much the answers change as this layer alone is pruned further"},
		{"Δ best", "against the best episode: channels, weight bits w, activation bits a"},
		{"step", "the search finishes one episode, then pauses"},
		{"freeze", "the display stands still; the search goes on"},
	}
}

// Status is the latest command a person gave, where the journal has no lines of its own.
func (d *dashboard) Status() string {
	if d.snap == nil {
		return ""
	}
	l := d.s.look
	if d.prompt.typing() {
		return d.prompt.line(l, d.width, d.newest)
	}
	switch n := len(d.snap.Journal); {
	case d.snap.Problem != "":
		return new(line).put(l.bad, " ! "+d.snap.Problem).cut(d.width)
	case len(d.snap.Episodes) == 0 && working(d.snap.State) && d.snap.Reference != nil && arrange(d.width, d.height, len(d.snap.Layers)).compact:
		return new(line).put(l.dim, "  "+explanation(d.snap)).cut(d.width)
	case d.limited() != "":
		return new(line).put(l.accent, "  "+l.pinMark+" ").put(l.dim, d.limited()).cut(d.width)
	case n > 0 && arrange(d.width, d.height, len(d.snap.Layers)).journal == 0:
		return l.journalEntry(d.snap.Journal[n-1], d.s.now, d.width).cut(d.width)
	}
	return ""
}

// journalEntry is a command with its effect; wide terminals show long ones in full.
func (l *look) journalEntry(e store.JournalEntry, now time.Time, width int) *line {
	command := max(24, min(60, width/2-20))
	stamp := timeOfDay
	if !sameDay(e.Time, now) {
		stamp = dateAndTime
	}
	b := new(line).put(l.dim, "  "+e.Time.Local().Format(stamp)+" ").put(l.plain, fit(e.Who, 8, false)).
		put(l.plain, " "+fit(e.Command, command, false)).put(l.dim, fmt.Sprintf("   from episode %d", e.Episode))
	if e.Effect != "" {
		b.put(l.dim, "   "+e.Effect)
	}
	return b
}
