package ui

import (
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// list keeps a cursor on one of several items by its identity, while items come, go
// and move, and the window of items that is visible.
type list struct {
	id   string // item under the cursor; empty: none
	at   int    // its position
	top  int    // first visible item
	rows int    // visible items
	ids  []string
}

// set replaces the items. The cursor stays on its item; if that is gone, on the one
// that took its place.
func (l *list) set(ids []string) {
	l.ids = ids
	for i, id := range ids {
		if id == l.id {
			l.move(i)
			return
		}
	}
	l.move(l.at)
}

// show sets how many items are visible.
func (l *list) show(rows int) {
	l.rows = max(1, rows)
	l.move(l.at)
}

func (l *list) move(to int) {
	if len(l.ids) == 0 {
		l.id, l.at, l.top = "", 0, 0
		return
	}
	l.at = max(0, min(to, len(l.ids)-1))
	l.id = l.ids[l.at]
	l.top = max(l.top, l.at-l.rows+1)
	l.top = min(l.top, l.at)
	l.top = max(0, min(l.top, len(l.ids)-l.rows))
}

// visible is the half-open range of items in the window.
func (l *list) visible() (from, to int) { return l.top, min(len(l.ids), l.top+l.rows) }

// press moves the cursor if the key asks for it.
func (l *list) press(k *keymap, msg tea.KeyMsg) bool {
	switch {
	case key.Matches(msg, k.up):
		l.move(l.at - 1)
	case key.Matches(msg, k.down):
		l.move(l.at + 1)
	case key.Matches(msg, k.pageUp):
		l.move(l.at - max(1, l.rows-1))
	case key.Matches(msg, k.pageDown):
		l.move(l.at + max(1, l.rows-1))
	case key.Matches(msg, k.top):
		l.move(0)
	case key.Matches(msg, k.bottom):
		l.move(len(l.ids) - 1)
	default:
		return false
	}
	return true
}
