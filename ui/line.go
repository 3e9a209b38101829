package ui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"galen/ui/plain"
)

// line builds one line of the screen from runs of text, keeping its width in cells.
type line struct {
	b     strings.Builder
	width int
	only  *ink // overrides every run's ink, for the row under the cursor
}

// put appends text in an ink.
func (l *line) put(k ink, text string) *line {
	text = plain.Line(text)
	if l.only != nil {
		k = *l.only
	}
	l.b.WriteString(k.paint(text))
	l.width += span(text)
	return l
}

// raw appends text that was already drawn, width cells wide.
func (l *line) raw(drawn string, width int) *line {
	l.b.WriteString(drawn)
	l.width += width
	return l
}

// join appends another line.
func (l *line) join(o *line) *line { return l.raw(o.b.String(), o.width) }

// to fills with blanks up to a column.
func (l *line) to(column int) *line {
	if n := column - l.width; n > 0 {
		l.put(ink{}, strings.Repeat(" ", n))
	}
	return l
}

// cut is the line, shortened to the width.
func (l *line) cut(width int) string {
	if l.width <= width {
		return l.b.String()
	}
	return ansi.Truncate(l.b.String(), width, "…")
}

// fit pads or cuts text to exactly width cells; cutting keeps its beginning.
func fit(text string, width int, right bool) string {
	text = plain.Line(text)
	n := span(text)
	if n > width {
		text = ansi.Truncate(text, width, "…")
		n = span(text)
	}
	blank := strings.Repeat(" ", max(0, width-n))
	if right {
		return blank + text
	}
	return text + blank
}

// fitEnd is fit for names that share their beginnings, as layers of a network do:
// cutting keeps the end, which tells them apart.
func fitEnd(text string, width int) string {
	text = plain.Line(text)
	if n := span(text); n > width && width > 0 {
		cut := ansi.TruncateLeft(text, n-width+1, "…")
		for skip := n - width + 2; span(cut) > width; skip++ {
			cut = ansi.TruncateLeft(text, skip, "…")
		}
		if cut == "" {
			cut = "…"
		}
		text = cut
	}
	return fit(text, width, false)
}

// block is a rendered part of a screen, kept until what it shows changes.
type block[K comparable] struct {
	key   K
	drawn bool
	lines []string
}

func (b *block[K]) render(key K, draw func() []string) []string {
	if !b.drawn || b.key != key {
		b.key, b.lines, b.drawn = key, draw(), true
	}
	return b.lines
}
