package ui

import (
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"galen/engine"
	"galen/engine/planner"
	"galen/engine/steering"
	"galen/store"
)

// job is a request to the workbench.
type job struct {
	label string // shown until it is acknowledged
	note  string // shown behind it
	do    func() tea.Msg
}

// maxJobs bounds what waits for the workbench.
const maxJobs = 8

// Intents of the boxes the root itself puts up.
type (
	quitIntent    struct{}
	leaveIntent   struct{ after steering.Kind } // quit once the search has obeyed
	insteadIntent struct{ of intent }           // begin a search although another one is running
)

// carryOut does what a screen asks for.
func (m *model) carryOut(i intent) tea.Cmd {
	switch i := i.(type) {
	case openIntent:
		return m.open(i.id)
	case backIntent:
		if len(m.stack) > 1 {
			m.stack = m.stack[:len(m.stack)-1]
			return m.reload()
		}
	case galleryIntent:
		g := newGallery(m.session, i.snap.Run.ID, i.at)
		g.accept(i.snap)
		m.push(g)
	case inspectIntent:
		m.push(newInspector(i.of))
	case journalIntent:
		m.push(newJournal(i.of))
	case deviceIntent:
		m.push(newDevice(i.of))
	case logIntent:
		if _, shown := m.top().(*logView); !shown {
			m.push(newLogView(m.session))
		}
		return m.readLog()
	case showIntent:
		m.stack = m.stack[:2]
		m.stack[1].(*dashboard).show(i)
	case exportIntent:
		return m.enqueue(fmt.Sprintf("exporting episode %d of %s to %s", i.episode, m.session.name(i.run), i.path), func() tea.Msg {
			_, err := guarded("export", func() (*store.Episode, error) {
				return m.workbench.Export(m.ctx, i.run, i.episode, i.path, "")
			})
			return exportedMsg{fmt.Sprintf("wrote %s", i.path), err}
		})
	case reloadIntent:
		return m.reload()
	case askIntent:
		m.box = &i.question
	case quitIntent:
		return m.leave()
	case formIntent:
		m.push(newForm(m.session))
	case compareIntent:
		return m.compare(i.ids)
	case forkIntent:
		label := "forking " + m.session.name(i.id)
		if i.episode > 0 {
			label += fmt.Sprintf(" at episode %d", i.episode)
		}
		if i.name != "" {
			label += " as " + i.name
		}
		return m.enqueue(label, func() tea.Msg {
			name, err := guarded("fork the run", func() (string, error) {
				run, err := m.workbench.Fork(i.id, i.episode, i.name)
				if err != nil {
					return "", err
				}
				return run.Name, nil
			})
			return changedMsg{"made " + name, err}
		})
	case renameIntent:
		return m.enqueue(fmt.Sprintf("calling %s %s", m.session.name(i.id), i.name), func() tea.Msg {
			name, err := guarded("rename the run", func() (string, error) { return m.workbench.Rename(i.id, i.name) })
			return changedMsg{"it is called " + name, err}
		})
	case deleteIntent:
		return m.enqueue("deleting "+m.session.name(i.id), func() tea.Msg {
			_, err := guarded("delete the run", func() (struct{}, error) { return struct{}{}, m.workbench.Delete(i.id) })
			return changedMsg{"the run is deleted", err}
		})
	case baseIntent:
		return func() tea.Msg {
			base, err := guarded("find what to start from", func() (*planner.Base, error) {
				base, err := engine.BaseFrom(m.workbench, i.reference)
				if err == nil {
					err = engine.CheckBase(base, i.model)
				}
				return base, err
			})
			return baseMsg{i, base, err}
		}
	case checkupIntent:
		return m.enqueue("reading, scoring and timing the original model", func() tea.Msg {
			c, err := guarded("try the settings out", func() (*engine.Checkup, error) { return m.workbench.Checkup(m.ctx, i.settings) })
			return checkupMsg{i.settings, c, err}
		})
	case copyIntent:
		m.copy(i.text)
		m.done = "copied " + i.what
	case demoIntent, resumeIntent, startIntent:
		if m.session.searching() {
			m.box = &question{
				title:   "Leave the search that is running?",
				text:    "Only one search runs at a time. The other one is paused, keeps its finished episodes, and can be resumed.",
				answers: m.session.keys.confirm(insteadIntent{i}),
			}
			return nil
		}
		return m.begin(i)
	case insteadIntent:
		return m.begin(i.of)
	case commandIntent:
		return m.command(i.command)
	case failIntent:
		m.report(i.err)
	case leaveIntent:
		m.leaving = true
		return m.command(steering.Command{Kind: i.after})
	}
	return nil
}

// leave quits, once what was asked for is done.
func (m *model) leave() tea.Cmd {
	if m.leaving = len(m.jobs) > 0; m.leaving {
		return nil
	}
	return tea.Quit
}

// command gives the search a command.
func (m *model) command(c steering.Command) tea.Cmd {
	c.Who = m.options.Who
	before := len(m.jobs)
	first := m.enqueueNoted(c.String(), " asked for; it takes effect at the next step", func() tea.Msg {
		_, err := guarded(c.String(), func() (struct{}, error) { return struct{}{}, m.workbench.Send(m.ctx, c) })
		return sentMsg{err}
	})
	if len(m.jobs) > before {
		m.tell(askedMsg{c})
	}
	return first
}

// begin starts a search, or resumes one.
func (m *model) begin(i intent) tea.Cmd {
	from := m.top()
	ask := func(label, doing string, start func() (string, error)) tea.Cmd {
		return m.enqueue(label, func() tea.Msg {
			id, err := guarded(doing, start)
			return beganMsg{from, id, err}
		})
	}
	switch i := i.(type) {
	case demoIntent:
		return ask("starting the demo", "start the demo", func() (string, error) { return m.workbench.Start(engine.DemoSettings()) })
	case startIntent:
		return ask(strings.TrimSpace("starting the search "+i.settings.Name), "start the search", func() (string, error) { return m.workbench.Start(i.settings) })
	case resumeIntent:
		return ask("resuming "+m.session.name(i.id), "resume the run", func() (string, error) { return i.id, m.workbench.Resume(i.id) })
	}
	return nil
}

// open shows a run: the active search's as it is, another one read from the store.
func (m *model) open(id string) tea.Cmd {
	d := newDashboard(m.session, id)
	m.fit(d)
	m.stack = append(m.stack[:1:1], d)
	if live := m.session.live; live != nil && live.Run.ID == id {
		d.accept(live)
		return nil
	}
	if id == m.session.active {
		return nil // its first snapshot is on its way
	}
	return func() tea.Msg {
		s, err := guarded("open the run", func() (*engine.Snapshot, error) { return m.workbench.View(id) })
		return openedMsg{id, s, err}
	}
}

// compare reads two runs and shows them side by side; the active search's as it is now.
func (m *model) compare(ids [2]string) tea.Cmd {
	live, from := m.session.live, m.top()
	return m.enqueue(fmt.Sprintf("reading %s and %s", m.session.name(ids[0]), m.session.name(ids[1])), func() tea.Msg {
		msg := comparedMsg{from: from, ids: ids}
		for n, id := range ids {
			if live != nil && live.Run.ID == id {
				msg.snapshots[n] = live
			} else if msg.snapshots[n], msg.err = guarded("open the run", func() (*engine.Snapshot, error) { return m.workbench.View(id) }); msg.err != nil {
				break
			}
		}
		return msg
	})
}

func (m *model) reload() tea.Cmd {
	return func() tea.Msg {
		r, err := guarded("list the runs", m.workbench.Runs)
		return runsMsg{r, err}
	}
}

// readLog reads the log if it is shown.
func (m *model) readLog() tea.Cmd {
	if _, shown := m.top().(*logView); !shown {
		return nil
	}
	return func() tea.Msg {
		lines, err := guarded("read the log", m.workbench.Log)
		return logMsg{lines, err}
	}
}

// enqueue asks the workbench for something once everything asked for before is done.
// Asking for what waits last already changes nothing.
func (m *model) enqueue(label string, do func() tea.Msg) tea.Cmd {
	return m.enqueueNoted(label, "", do)
}

// enqueueNoted is enqueue for what there is more to say about while it waits.
func (m *model) enqueueNoted(label, note string, do func() tea.Msg) tea.Cmd {
	switch n := len(m.jobs); {
	case n > 0 && m.jobs[n-1].label == label:
		return nil
	case n >= maxJobs:
		m.notice, m.leaving = "too many requests are waiting; try again when the search has answered", false
		return nil
	}
	m.jobs = append(m.jobs, job{label, note, do})
	if len(m.jobs) == 1 {
		return do
	}
	return nil
}

// finishJob goes on to the next request, or leaves if that is wanted and nothing has failed.
func (m *model) finishJob(err error) tea.Cmd {
	if len(m.jobs) > 0 {
		m.jobs = slices.Delete(m.jobs, 0, 1)
	}
	m.leaving = m.leaving && err == nil
	switch {
	case len(m.jobs) > 0:
		return m.jobs[0].do
	case m.leaving:
		m.leaving = false
		return tea.Quit
	}
	return nil
}
