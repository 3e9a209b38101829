package ui

import (
	"fmt"
	"strconv"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"galen/engine/steering"
	"galen/store"
)

// journal shows every command that a run was given, the latest first, with who gave it
// and what it changed.
type journal struct {
	d             *dashboard
	width, height int
	list          list
}

func newJournal(d *dashboard) *journal {
	j := &journal{d: d}
	j.arrange()
	return j
}

func (j *journal) SetSize(width, height int) {
	j.width, j.height = width, height
	j.list.show(height - 3)
}

func (j *journal) Typing() bool { return j.d.Typing() }

// arrange lists the commands by their number, so that the cursor stays where it is when
// another one is given.
func (j *journal) arrange() {
	n := len(j.d.snap.Journal)
	if n == len(j.list.ids) {
		return
	}
	ids := make([]string, n)
	for i := range ids {
		ids[i] = strconv.Itoa(n - i)
	}
	j.list.set(ids)
}

// current is the command under the cursor; ok is false if there is none.
func (j *journal) current() (entry store.JournalEntry, ok bool) {
	all := j.d.snap.Journal
	at := len(all) - 1 - j.list.at
	if at < 0 || at >= len(all) {
		return entry, false
	}
	return all[at], true
}

func (j *journal) Update(msg tea.Msg) intent {
	press, ok := msg.(tea.KeyMsg)
	if !ok {
		j.arrange() // the dashboard below has taken what arrived
		return nil
	}
	if j.d.Typing() {
		return j.d.Update(msg)
	}
	k := j.bindings()
	switch {
	case key.Matches(press, k.back):
		return backIntent{}
	case j.list.press(&k, press):
	case key.Matches(press, k.copy):
		if entry, ok := j.current(); ok {
			return steerCommand(j.d.s, j.d.snap, entry)
		}
	case key.Matches(press, k.undo):
		return commandIntent{steering.Command{Kind: steering.Undo}}
	case key.Matches(press, k.command):
		j.d.prompt.open("")
	}
	return nil
}

func (j *journal) bindings() keymap {
	k := j.d.bindings()
	k.copy.SetEnabled(len(j.d.snap.Journal) > 0)
	k.copy.SetHelp("y", "copy as a shell command")
	return k
}

func (j *journal) Keys() []keyGroup {
	if j.d.Typing() {
		return j.d.Keys()
	}
	k := j.bindings()
	return []keyGroup{{"Journal", []key.Binding{k.command, k.undo, k.copy}, false}, k.movement()}
}

func (j *journal) Legend() [][2]string {
	return [][2]string{
		{"from", "the first episode a command applies to"},
		{"undone", "a later command took it back"},
	}
}

// Status is the command under the cursor in full.
func (j *journal) Status() string {
	if j.d.Typing() {
		return j.d.Status()
	}
	l := j.d.s.look
	entry, ok := j.current()
	if !ok {
		return ""
	}
	return new(line).put(l.plain, "  "+entry.Command).put(l.dim, "   "+entry.Effect).cut(j.width)
}

func (j *journal) View() []string {
	l, s := j.d.s.look, j.d.snap
	left := []segment{{l.strong, " galen", 0}, {l.dim, "   journal of ", 0}, {l.plain, s.Run.Name, 0}}
	right := []segment{j.d.stillness(), {l.dim, plural(len(s.Journal), "command"), 1}}
	out := []string{spread(j.width, left, right), l.rule.paint(repeat(l.ruleRest, j.width))}
	if len(s.Journal) == 0 {
		return exactly(append(out, l.dim.paint("  no commands yet: what you ask of the search is listed here")), j.height)
	}
	t := j.table()
	out = append(out, t.header())
	from, to := j.list.visible()
	for i := from; i < to; i++ {
		out = append(out, t.row(len(s.Journal)-1-i, i == j.list.at))
	}
	return exactly(out, j.height)
}

// table has a row for each position in the journal.
func (j *journal) table() *table[int] {
	l, all := j.d.s.look, j.d.snap.Journal
	undone := map[int]bool{}
	command, effect, who := 12, 10, 3
	for _, e := range all {
		undone[e.Undoes-1] = true
		command, effect, who = max(command, span(e.Command)), max(effect, span(e.Effect)), max(who, span(e.Who))
	}
	stamp := timeOfDay
	if n := len(all); !sameDay(all[0].Time, all[n-1].Time) {
		stamp = dateAndTime
	}
	t := &table[int]{look: l, width: j.width, gap: 2, fields: []field[int]{
		{column{width: 1}, 0, func(i int) cell {
			if i == len(all)-1-j.list.at {
				return cell{l.cursorMark, l.accent}
			}
			return cell{}
		}},
		{column{title: "time", width: len(stamp), near: true}, 0, func(i int) cell { return cell{all[i].Time.Local().Format(stamp), l.dim} }},
		{column{title: "who", width: min(who, 8)}, 2, func(i int) cell { return cell{all[i].Who, l.plain} }},
		{column{title: "from", width: 5, right: true}, 1, func(i int) cell { return cell{fmt.Sprintf("#%d", all[i].Episode), l.dim} }},
		{column{title: "command", width: 12}, 0, func(i int) cell { return cell{all[i].Command, l.strong} }},
		{column{title: "effect", width: 10}, 0, func(i int) cell {
			if undone[i] {
				return cell{"undone: " + all[i].Effect, l.dim}
			}
			return cell{all[i].Effect, l.plain}
		}},
	}}
	t.shrink()
	t.grow("command", min(command, max(24, j.width/3)))
	t.grow("effect", effect+len("undone: "))
	t.grow("command", command)
	return t
}

// How times are written where all are of one day, and where not.
const (
	timeOfDay   = "15:04:05"
	dateAndTime = "2006-01-02 15:04"
)

// sameDay tells whether two times are on the same day here.
func sameDay(a, b time.Time) bool {
	return a.Local().Format(time.DateOnly) == b.Local().Format(time.DateOnly)
}
