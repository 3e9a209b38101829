package ui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
)

// helpView shows every key of the screen in front, from the same table that the
// footer and the key handling use, and what its symbols mean. What does not fit is scrolled to.
func (m *model) helpView() []string {
	l := m.session.look
	frame := []string{
		spread(m.width, []segment{{l.strong, " galen", 0}, {l.dim, "   keys", 0}}, nil),
		l.rule.paint(repeat(l.ruleRest, m.width)),
	}
	text, rows := m.helpText(), m.helpRows()
	top := min(m.helpTop, max(0, len(text)-rows))
	frame = append(frame, exactly(text[top:], rows)...)
	k := &m.session.keys
	hints := []key.Binding{key.NewBinding(key.WithKeys("?"), key.WithHelp("? esc", "close"))}
	if len(text) > rows {
		more := k.down
		more.SetHelp("↓ ↑", fmt.Sprintf("lines %d–%d of %d", top+1, min(top+rows, len(text)), len(text)))
		hints = append([]key.Binding{more}, hints...)
	}
	return append(frame, l.hints(m.width, nil, hints))
}

// helpRows is how many lines of the help are seen at once.
func (m *model) helpRows() int { return m.height - 3 }

func (m *model) scrollHelp(by int) {
	m.helpTop = max(0, min(m.helpTop+by, len(m.helpText())-m.helpRows()))
}

// pressInHelp closes the help or scrolls it.
func (m *model) pressInHelp(msg tea.KeyMsg) {
	k := &m.session.keys
	switch page := m.helpRows() - 1; {
	case key.Matches(msg, k.help, k.back, k.quit):
		m.help = false
	case key.Matches(msg, k.up):
		m.scrollHelp(-1)
	case key.Matches(msg, k.down):
		m.scrollHelp(+1)
	case key.Matches(msg, k.pageUp, k.top):
		m.scrollHelp(-page)
	case key.Matches(msg, k.pageDown, k.bottom, k.pause):
		m.scrollHelp(+page)
	}
}

// helpKeyWidth is how many cells the help gives to the names of keys.
const helpKeyWidth = 9

// helpText is all of the help: the keys in two columns, then the symbols.
func (m *model) helpText() []string {
	l, k := m.session.look, &m.session.keys
	always := []key.Binding{k.back, k.log, k.save, k.help, k.quit}
	groups := append(m.top().Keys(), keyGroup{"Everywhere", always, false}, k.editing())
	const columns = 2
	wide := m.width / columns
	var sides [columns][]line
	for _, g := range groups {
		shortest := 0
		for i := range sides {
			if len(sides[i]) < len(sides[shortest]) {
				shortest = i
			}
		}
		var title line
		title.put(l.strong, " "+g.title)
		side := append(sides[shortest], title)
		for _, b := range g.keys {
			var entry line
			entry.put(l.key, "   "+fit(b.Help().Key, helpKeyWidth, false)).put(ink{}, b.Help().Desc)
			if !b.Enabled() {
				entry = line{}
				entry.put(l.dim, "   "+fit(b.Help().Key, helpKeyWidth, false)+b.Help().Desc+"  (not now)")
			}
			side = append(side, entry)
		}
		sides[shortest] = append(side, line{})
	}
	var out []string
	for i := range max(len(sides[0]), len(sides[1])) {
		var row line
		for c := range sides {
			row.to(c * wide)
			if i < len(sides[c]) {
				cut := sides[c][i].cut(wide - 1)
				row.raw(cut, span(cut))
			}
		}
		out = append(out, row.cut(m.width))
	}
	const symbolWidth = 10
	for _, e := range m.top().Legend() {
		symbol := e[0]
		for _, text := range strings.Split(ansi.Wrap(e[1], m.width-symbolWidth-5, ""), "\n") {
			out = append(out, new(line).put(l.accent, "   "+fit(symbol, symbolWidth, false)+" ").put(ink{}, text).cut(m.width))
			symbol = ""
		}
	}
	return out
}
