package ui

import tea "github.com/charmbracelet/bubbletea"

// pointed is a screen with a list that the mouse can reach.
type pointed interface {
	// listAt is the list, the line of the screen its first visible item is on, and the
	// cells it spans; no cells: the wheel moves its cursor, and there is nothing to click.
	listAt() (l *list, line, left, right int)
}

// wheelStep is how many items a notch of the wheel moves.
const wheelStep = 3

// mouse moves the cursor: a click to the row under the pointer, the wheel up and down.
// Clicking the row under the cursor opens it.
func (m *model) mouse(msg tea.MouseMsg) tea.Cmd {
	if msg.Action != tea.MouseActionPress || m.box != nil || m.tooSmall() {
		return nil
	}
	by := map[tea.MouseButton]int{tea.MouseButtonWheelUp: -wheelStep, tea.MouseButtonWheelDown: wheelStep}[msg.Button]
	if m.help {
		m.scrollHelp(by)
		return nil
	}
	p, ok := m.top().(pointed)
	if !ok || m.top().Typing() {
		return nil
	}
	m.notice, m.done = "", ""
	l, first, left, right := p.listAt()
	if by != 0 {
		l.move(l.at + by)
		return nil
	}
	from, to := l.visible()
	at := from + msg.Y - first
	if msg.Button != tea.MouseButtonLeft || msg.X < left || msg.X >= right || at < from || at >= to {
		return nil
	}
	if at == l.at {
		return m.press(tea.KeyMsg{Type: tea.KeyEnter})
	}
	l.move(at)
	return nil
}

func (r *runs) listAt() (*list, int, int, int) { return &r.list, 3, 0, r.width }

func (d *dashboard) listAt() (*list, int, int, int) {
	const header, titles = 2, 2
	return &d.list, header + arrange(d.width, d.height, len(d.list.ids)).results + titles, 0, d.width
}

func (i *inspector) listAt() (*list, int, int, int) { return &i.d.list, 0, 0, 0 }

func (g *gallery) listAt() (*list, int, int, int) {
	if g.wide() {
		return &g.list, 3, g.width - listWidth, g.width
	}
	return &g.list, 3 + g.chartHeight(), 0, g.width
}

func (v *versus) listAt() (*list, int, int, int) { return &v.list, 0, 0, 0 }

func (j *journal) listAt() (*list, int, int, int) { return &j.list, 3, 0, j.width }
