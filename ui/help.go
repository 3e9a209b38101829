package ui

import "github.com/charmbracelet/bubbles/key"

// helpView shows every key of the screen in front, from the same table that the
// footer and the key handling use, and what its symbols mean.
func (m *model) helpView() []string {
	l, k := m.session.look, &m.session.keys
	groups := append(m.top().Keys(), keyGroup{"Everywhere", []key.Binding{k.back, k.help, k.quit}, false})
	frame := []string{
		spread(m.width, []segment{{l.strong, " galen", 0}, {l.dim, "   keys", 0}}, nil),
		l.rule.paint(repeat(l.ruleRest, m.width)),
	}
	const columns, keyWidth = 2, 8
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
			entry.put(l.key, "   "+fit(b.Help().Key, keyWidth, false)).put(ink{}, b.Help().Desc)
			if !b.Enabled() {
				entry = line{}
				entry.put(l.dim, "   "+fit(b.Help().Key, keyWidth, false)+b.Help().Desc+"  (not now)")
			}
			side = append(side, entry)
		}
		sides[shortest] = append(side, line{})
	}
	for i := range max(len(sides[0]), len(sides[1])) {
		var row line
		for c := range sides {
			row.to(c * wide)
			if i < len(sides[c]) {
				cut := sides[c][i].cut(wide - 1)
				row.raw(cut, span(cut))
			}
		}
		frame = append(frame, row.cut(m.width))
	}
	for _, e := range m.top().Legend() {
		var b line
		b.put(l.accent, "   "+fit(e[0], keyWidth, false)).put(ink{}, e[1])
		frame = append(frame, b.cut(m.width))
	}
	for len(frame) < m.height-1 {
		frame = append(frame, "")
	}
	return append(frame[:m.height-1], l.hints(m.width, nil, []key.Binding{key.NewBinding(key.WithKeys("?"), key.WithHelp("? esc", "close"))}))
}
