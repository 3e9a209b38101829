package ui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	"github.com/charmbracelet/x/ansi"
)

func (m *model) View() string {
	if m.width == 0 || m.height == 0 {
		return ""
	}
	l := m.session.look
	var frame []string
	switch {
	case m.tooSmall():
		frame = m.tooSmallView()
	case m.help:
		frame = m.helpView()
	default:
		frame = append(slices.Clone(m.top().View()), m.status(), m.footer())
	}
	if m.box != nil && !m.tooSmall() {
		frame = overlay(frame, m.box.lines(l, &m.session.keys, m.width), m.width)
	}
	view := strings.Join(frame, "\n")
	if l.ascii {
		view = asciiOnly(view)
	}
	return view
}

// status is the line above the footer: what leaving waits for, else what is being typed, else an
// error, else what is asked for, else what the screen has to say.
func (m *model) status() string {
	l := m.session.look
	var b line
	switch {
	case m.leaving:
		const before = " … leaving once "
		after := " is done, " + m.session.keys.end.Help().Key + " leaves at once"
		label := new(line).put(l.warn, m.jobs[len(m.jobs)-1].label)
		room := max(0, m.width-span(before+after))
		b.put(l.warn, before).raw(label.cut(room), min(label.width, room)).put(l.warn, after)
	case m.typingBelow():
		return m.top().Status()
	case m.notice != "":
		b.put(l.bad, " ! "+m.notice)
	case m.done != "":
		b.put(l.good, " "+m.done)
	case len(m.jobs) > 0:
		b.put(l.warn, " … "+m.jobs[0].label+m.jobs[0].note)
		if n := len(m.jobs) - 1; n > 0 {
			b.put(l.dim, fmt.Sprintf("   %d more waiting", n))
		}
	default:
		return m.top().Status()
	}
	return b.cut(m.width)
}

// typingBelow tells whether text is typed in the line above the footer: nothing else may be shown there.
func (m *model) typingBelow() bool { return m.top().Typing() && m.top().Status() != "" }

func (m *model) footer() string {
	k := &m.session.keys
	always := []key.Binding{k.help, k.quit}
	switch {
	case m.top().Typing():
		always = []key.Binding{k.end}
	case len(m.stack) > 1:
		always = []key.Binding{k.back, k.help, k.quit}
	}
	return m.session.look.hints(m.width, m.top().Keys(), always)
}

func (m *model) tooSmallView() []string {
	lines := []string{
		fmt.Sprintf("galen needs %d×%d cells;", minWidth, minHeight),
		fmt.Sprintf("this terminal has %d×%d.", m.width, m.height),
		"Make it larger, or q quits.",
	}
	if m.leaving {
		lines[2] = "Leaving; " + m.session.keys.end.Help().Key + " leaves at once."
	}
	lines = lines[:min(len(lines), m.height)]
	for i := range lines {
		lines[i] = ansi.Truncate(lines[i], m.width, "…")
	}
	return lines
}
