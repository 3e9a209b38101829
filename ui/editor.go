package ui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/bubbles/cursor"
	"github.com/charmbracelet/bubbles/key"
	"github.com/charmbracelet/bubbles/textinput"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"galen/ui/plain"
)

// editor is a line of text that is typed: a filter, a name, a command, an entry of a form.
// The cursor moves by characters and words, as in a shell; pasted text stays on the line.
type editor struct{ input textinput.Model }

// mostTyped bounds what is typed or pasted, in characters.
const mostTyped = 4096

func newEditor() editor {
	e := editor{textinput.New()}
	e.input.CharLimit = mostTyped
	e.input.Cursor.SetMode(cursor.CursorStatic) // a blinking one would redraw for nothing
	return e
}

// open begins to edit a text, at its end.
func (e *editor) open(text string) {
	e.set(text)
	e.input.Focus()
}

func (e *editor) close() { e.input.Blur() }

func (e *editor) typing() bool { return e.input.Focused() }

func (e *editor) text() string { return e.input.Value() }

// set replaces the text and moves to its end.
func (e *editor) set(text string) {
	e.input.SetValue(text)
	e.input.CursorEnd()
}

// outcome is what became of a text by a key.
type outcome int

const (
	editing outcome = iota
	entered
	abandoned
)

// press takes a key. A text that is entered or abandoned stays; what to do with it is
// up to who asked for it.
func (e *editor) press(msg tea.KeyMsg) outcome {
	switch msg.Type {
	case tea.KeyEnter:
		e.close()
		return entered
	case tea.KeyEsc:
		e.close()
		return abandoned
	case tea.KeyCtrlV: // the clipboard of the machine galen runs on, which is not the person's
	default:
		e.input, _ = e.input.Update(msg)
	}
	return editing
}

// extend makes the text what all of the texts begin with; false if that is not longer.
func (e *editor) extend(texts []string) bool {
	shared := sharedBeginning(texts)
	if len(shared) <= len(e.text()) {
		return false
	}
	e.set(shared)
	return true
}

// sharedBeginning is what all of the texts begin with.
func sharedBeginning(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	shared := texts[0]
	for _, t := range texts[1:] {
		for !strings.HasPrefix(t, shared) {
			shared = shared[:len(shared)-1]
		}
	}
	return strings.ToValidUTF8(shared, "")
}

// filter takes a key of what narrows a list down: the arrows still move the list's
// cursor, and abandoning it shows everything.
func (e *editor) filter(msg tea.KeyMsg, k *keymap, l *list) {
	switch msg.Type {
	case tea.KeyUp, tea.KeyDown, tea.KeyPgUp, tea.KeyPgDown:
		l.press(k, msg)
	default:
		if e.press(msg) == abandoned {
			e.set("")
		}
	}
}

// line draws the text with its cursor; of one that is wider than the width, the part
// around the cursor.
func (e *editor) line(l *look, width int) *line {
	text, at := []rune(e.text()), e.input.Position()
	before, after := plain.Line(string(text[:at])), plain.Line(string(text[at:]))
	const mark = "_"
	room := width - span(mark)
	ahead := min(span(after), room/4) // what follows is seen coming
	if n := span(before); n > room-ahead {
		before = ansi.TruncateLeft(before, n-(room-ahead)+1, "…")
	}
	after = ansi.Truncate(after, max(0, room-span(before)), "…")
	return new(line).put(ink{}, before).put(l.accent, mark).put(ink{}, after)
}

// editing is the group of keys that work wherever text is typed.
func (k *keymap) editing() keyGroup {
	return keyGroup{"Typing", []key.Binding{k.character, k.word, k.lineEnds, k.deleteWord, k.deleteBefore, k.deleteAfter}, true}
}

// naming asks for a name and does something with it.
type naming struct {
	editor
	title, label string // of the keys; before the text
	does         string // what enter does
	then         func(name string) intent
}

// ask begins with a name to accept or change.
func (n *naming) ask(title, label, name, does string, then func(name string) intent) {
	n.title, n.label, n.does, n.then = title, label, does, then
	n.open(name)
}

// press takes a key; an empty name changes nothing.
func (n *naming) press(msg tea.KeyMsg) intent {
	if n.editor.press(msg) == entered {
		if name := strings.TrimSpace(n.text()); name != "" {
			return n.then(name)
		}
	}
	return nil
}

func (n *naming) line(l *look, width int) string {
	label := new(line).put(l.key, " "+n.label+" ")
	return label.join(n.editor.line(l, width-label.width)).cut(width)
}

func (n *naming) keys() []keyGroup { return typingKeys(n.title, n.does, "leave it") }

// typingKeys are the keys that end the typing of a text.
func typingKeys(title, enter, esc string) []keyGroup {
	return []keyGroup{{title, []key.Binding{
		key.NewBinding(key.WithKeys("enter"), key.WithHelp("enter", enter)),
		key.NewBinding(key.WithKeys("esc"), key.WithHelp("esc", esc)),
	}, false}}
}

// filterLine is what stands below a list that is filtered: what is typed, with something beside it, or
// the filter with what it left; empty if there is neither.
func (e *editor) filterLine(l *look, width int, beside, left string) string {
	var b line
	switch {
	case e.typing():
		b.put(l.key, " /").join(e.line(l, width-2-span(beside))).put(l.dim, beside)
	case e.text() != "":
		b.put(l.dim, fmt.Sprintf(" filter “%s”%s · esc shows all", e.text(), left))
	}
	return b.cut(width)
}
