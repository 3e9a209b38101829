package ui

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"galen/engine"
	"galen/engine/planner"
	"galen/engine/steering"
	"galen/store"
	"galen/ui/plain"
)

// The least terminal everything can be read in.
const (
	minWidth  = 80
	minHeight = 24
)

// model is the root: it owns the screens, what lies over them, and every call to
// the workbench.
type model struct {
	ctx       context.Context
	workbench Workbench
	options   Options
	clock     func() time.Time
	copy      func(text string) // puts text on the clipboard of the person's terminal
	timer     func(time.Duration, func(time.Time) tea.Msg) tea.Cmd

	session *session
	runs    *runs
	stack   []screen // the last one is shown; the first is the list of runs
	box     *question
	help    bool
	helpTop int    // first line of the help that is seen
	notice  string // the latest error; a key removes it
	lost    string // why the search cannot be followed; empty: it can
	done    string // what was carried out; a key removes it

	jobs          []job // requests to the workbench, one at a time; the first is under way
	leaving       bool  // once all of them are done and none has failed
	width, height int
	ticking       time.Duration // interval of the armed tick; 0: none
	ticks         int           // generation of the armed tick; older ones are ignored
}

type (
	runsMsg struct {
		runs []*store.Run
		err  error
	}
	openedMsg struct {
		id       string
		snapshot *engine.Snapshot
		err      error
	}
	comparedMsg struct { // two runs that shall be compared
		from      screen // what was in front when they were asked for
		ids       [2]string
		snapshots [2]*engine.Snapshot
		err       error
	}
	beganMsg struct { // a search was started or resumed
		from screen // what was in front when it was asked for
		id   string
		err  error
	}
	askedMsg    struct{ command steering.Command } // it is on its way to the search
	sentMsg     struct{ err error }
	exportedMsg struct {
		done string
		err  error
	}
	changedMsg struct { // the list of runs has changed
		done string
		err  error
	}
	baseMsg struct { // what a new run may start from
		of   baseIntent
		base *planner.Base
		err  error
	}
	checkupMsg struct {
		of      engine.Settings
		checkup *engine.Checkup
		err     error
	}
	logMsg struct {
		lines []string
		err   error
	}
	tickMsg struct{ generation int }
)

func newModel(ctx context.Context, w Workbench, o Options, look *look, clock func() time.Time) *model {
	s := &session{look: look, database: o.Database, keys: newKeymap(), now: clock(), active: w.Active()}
	r := newRuns(s)
	return &model{ctx: ctx, workbench: w, options: o, clock: clock, timer: tea.Tick, copy: func(string) {}, session: s, runs: r, stack: []screen{r}}
}

func (m *model) Init() tea.Cmd {
	commands := []tea.Cmd{tea.SetWindowTitle("galen"), m.reload()}
	if m.options.Open != "" {
		commands = append(commands, m.carryOut(openIntent{m.options.Open}))
	}
	return tea.Batch(append(commands, m.tick())...)
}

func (m *model) top() screen { return m.stack[len(m.stack)-1] }

func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var command tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		for _, s := range m.stack {
			m.fit(s)
		}
	case tea.KeyMsg:
		command = m.pressAll(msg)
	case tea.MouseMsg:
		command = m.mouse(msg)
	case savedMsg:
		m.report(msg.err)
		if msg.err == nil {
			m.done = "saved as " + msg.path
		}
	case tickMsg:
		if msg.generation != m.ticks {
			return m, nil
		}
		m.session.now, m.ticking = m.clock(), 0
		m.tell(msg)
		command = m.readLog()
	case snapshotMsg:
		m.arrived(msg.snapshot)
		m.tell(msg)
		if !working(msg.snapshot.State) { // else the next second shows it
			command = m.readLog()
		}
		if !msg.snapshot.State.Live() {
			command = tea.Batch(command, m.reload())
		}
	case comparedMsg:
		command = m.compared(msg)
	case runsMsg:
		m.report(msg.err)
		if msg.err == nil {
			m.session.runs = msg.runs
		}
		m.tell(msg)
	case openedMsg:
		m.report(msg.err)
		m.tell(msg)
	case beganMsg:
		command = m.began(msg)
	case sentMsg:
		m.report(msg.err)
		m.tell(msg)
		command = m.finishJob(msg.err)
	case exportedMsg:
		m.report(msg.err)
		if msg.err == nil {
			m.done = msg.done
		}
		command = m.finishJob(msg.err)
	case changedMsg:
		m.report(msg.err)
		if msg.err == nil {
			m.done = msg.done
		}
		command = tea.Batch(m.finishJob(msg.err), m.reload())
	case baseMsg:
		m.tell(msg) // the form says what is wrong with it
	case checkupMsg:
		m.report(msg.err)
		m.tell(msg)
		command = m.finishJob(msg.err)
	case logMsg:
		m.report(msg.err)
		m.tell(msg)
	case failureMsg:
		m.lose(msg.err)
	}
	return m, tea.Batch(command, m.tick())
}

// tell passes a message on to every screen, seen or not.
func (m *model) tell(msg tea.Msg) {
	for _, s := range m.stack {
		s.Update(msg)
	}
}

// report shows an error until the next key. One that does not fit into the line
// gets a box, unless a question is open there.
func (m *model) report(err error) {
	if err == nil || m.ctx.Err() != nil {
		return
	}
	m.notice = plain.Line(err.Error())
	reported := append(m.session.reported, engine.LogLine(m.clock(), "error", "here: "+m.notice))
	m.session.reported = reported[max(0, len(reported)-mostReported):]
	asked := m.box != nil && len(m.box.answers) > 0
	if m.width > 0 && span(m.notice)+4 > m.width && !asked {
		m.box = &question{title: "That did not work", text: m.notice}
	}
}

// lose takes note that the search cannot be followed. What lasts is reported once; a search that goes
// on is taken up again with its next snapshot.
func (m *model) lose(err error) {
	m.session.active, m.session.live = "", nil
	if why := err.Error(); why != m.lost {
		m.lost = why
		m.report(err)
	}
}

func (m *model) arrived(s *engine.Snapshot) {
	m.session.now, m.lost = m.clock(), ""
	if s.Run.ID != m.session.active {
		awaited := m.session.active != "" && m.session.live == nil
		if awaited || !s.State.Live() {
			return // of a search that was left meanwhile
		}
		m.session.active, m.session.live = s.Run.ID, nil // another window began it
	}
	if before := m.session.live; s.Problem != "" && (before == nil || before.Problem != s.Problem) {
		m.report(errors.New(s.Problem))
	}
	m.session.live, m.session.liveAt = s, m.session.now
	if !s.State.Live() {
		m.session.active, m.session.live = "", nil
	}
}

// began takes note of a search that was started or resumed.
func (m *model) began(msg beganMsg) tea.Cmd {
	m.report(msg.err)
	next := m.finishJob(msg.err)
	if msg.err != nil {
		return next
	}
	m.session.active = msg.id
	if live := m.session.live; live != nil && live.Run.ID != msg.id { // else its first snapshot was faster
		m.session.live = nil
	}
	m.runs.list.id = msg.id
	commands := []tea.Cmd{next, m.reload()}
	switch {
	case len(m.stack) > 1 && showsRun(m.stack[1], msg.id):
	case m.undisturbed(msg.from):
		commands = append(commands, m.carryOut(openIntent{msg.id}))
	default:
		m.done = m.session.name(msg.id) + " runs; open it from the list"
	}
	return tea.Batch(commands...)
}

// showsRun tells whether a screen is the dashboard of a run.
func showsRun(s screen, id string) bool {
	d, ok := s.(*dashboard)
	return ok && d.id == id
}

// undisturbed tells whether nothing came in front of a screen and nobody types into it, so that another
// one may take its place. A form that has asked for something is done with.
func (m *model) undisturbed(s screen) bool {
	_, form := s.(*form)
	return m.top() == s && m.box == nil && (form || !s.Typing())
}

// compared shows two runs that were read.
func (m *model) compared(msg comparedMsg) tea.Cmd {
	m.report(msg.err)
	switch {
	case msg.err != nil:
	case m.undisturbed(msg.from):
		v := newVersus(m.session, msg.snapshots)
		m.push(v)
		if live := m.session.live; live != nil {
			v.Update(snapshotMsg{live}) // what came while the runs were read
		}
	default:
		m.done = fmt.Sprintf("%s and %s are read; compare them from the list", m.session.name(msg.ids[0]), m.session.name(msg.ids[1]))
	}
	return m.finishJob(msg.err)
}

func (m *model) tooSmall() bool { return m.width < minWidth || m.height < minHeight }

// pressAll takes keys that were typed in quick succession, or arrived together over
// a slow line, one by one. Pasted text is text, and no command.
func (m *model) pressAll(msg tea.KeyMsg) tea.Cmd {
	switch {
	case msg.Paste && (m.box != nil || m.help || m.tooSmall() || !m.top().Typing()):
		return nil
	case msg.Paste, msg.Type != tea.KeyRunes, len(msg.Runes) < 2:
		return m.press(msg)
	}
	var commands []tea.Cmd
	for _, r := range msg.Runes {
		commands = append(commands, m.press(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}, Alt: msg.Alt}))
	}
	return tea.Batch(commands...)
}

// press gives a key to whatever is in front.
func (m *model) press(msg tea.KeyMsg) tea.Cmd {
	k := &m.session.keys
	if !m.typingBelow() { // else they wait to be seen
		m.notice, m.done = "", ""
	}
	switch {
	case m.leaving && key.Matches(msg, k.end):
		return tea.Quit
	case key.Matches(msg, k.save) && !m.tooSmall():
		return m.capture()
	case m.tooSmall(): // boxes and help are not seen
		if key.Matches(msg, k.quit) {
			return m.leave()
		}
		return nil
	case m.box != nil:
		return m.answer(msg)
	case m.help:
		m.pressInHelp(msg)
		return nil
	case m.top().Typing() && !key.Matches(msg, k.end):
		return m.carryOut(m.top().Update(msg))
	case key.Matches(msg, k.help):
		m.help, m.helpTop = true, 0
		return nil
	case key.Matches(msg, k.log):
		return m.carryOut(logIntent{})
	case key.Matches(msg, k.quit):
		if !m.session.searching() {
			return m.leave()
		}
		m.box = &question{
			title: "Leave the search that is running?",
			text:  "Detached, it goes on in the background, and galen finds it again. Paused, it keeps its finished episodes and can be resumed. Stopped, it keeps them and cannot be continued.",
			answers: []answer{
				{k.detach, quitIntent{}},
				{k.pauseAndQuit, leaveIntent{steering.Pause}},
				{k.stopAndQuit, leaveIntent{steering.Stop}},
			},
		}
		return nil
	}
	return m.carryOut(m.top().Update(msg))
}

// answer gives a key to the box in front.
func (m *model) answer(msg tea.KeyMsg) tea.Cmd {
	k, q := &m.session.keys, m.box
	switch {
	case key.Matches(msg, k.end):
		return tea.Quit
	case len(q.answers) == 0, key.Matches(msg, k.no):
		m.box = nil
	}
	for _, a := range q.answers {
		if key.Matches(msg, a.key) {
			m.box = nil
			return m.carryOut(a.then)
		}
	}
	return nil
}

// push puts a screen on top of the others.
func (m *model) push(s screen) {
	m.fit(s)
	m.stack = append(m.stack, s)
}

// tick keeps one timer running: each second while a stopwatch is seen, else each
// minute, for ages.
func (m *model) tick() tea.Cmd {
	interval := time.Minute
	if s := m.session; s.live != nil && working(s.live.State) {
		interval = time.Second
	}
	if m.ticking != 0 && m.ticking <= interval {
		return nil
	}
	m.ticking = interval
	m.ticks++
	generation := m.ticks
	return m.timer(interval, func(time.Time) tea.Msg { return tickMsg{generation} })
}

// The last two lines belong to the root: status and footer.
func (m *model) fit(s screen) { s.SetSize(m.width, max(0, m.height-2)) }
