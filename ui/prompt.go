package ui

import (
	"slices"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"galen/engine"
	"galen/engine/steering"
)

// prompt is the command line: what is typed after a colon, what may come next, and what
// it would do.
type prompt struct {
	editor
	history []string // earlier commands, the latest last
	at      int      // in history; its length: what is being typed
	draft   string   // what was being typed before history was looked through
	choices []string // completions to choose from; nil: none were asked for
	layer   string   // under the cursor: offered before the others
}

func newPrompt() prompt {
	return prompt{editor: newEditor()}
}

// open begins a command with some text.
func (p *prompt) open(text string) {
	p.editor.open(text)
	p.at, p.draft, p.choices = len(p.history), "", nil
}

// press takes a key and returns the command that it completes; empty: none.
func (p *prompt) press(msg tea.KeyMsg, s *engine.Snapshot) string {
	choices := p.choices
	p.choices = nil
	switch msg.Type {
	case tea.KeyUp:
		p.recall(p.at - 1)
	case tea.KeyDown:
		p.recall(p.at + 1)
	case tea.KeyTab:
		p.complete(s, choices)
	default:
		if msg.Type == tea.KeyBackspace && p.text() == "" {
			p.close()
		} else if p.editor.press(msg) == entered {
			return p.remember(strings.TrimSpace(p.text()))
		}
	}
	return ""
}

// remember keeps a command for being recalled.
func (p *prompt) remember(command string) string {
	if command != "" && (len(p.history) == 0 || p.history[len(p.history)-1] != command) {
		p.history = append(p.history, command)
	}
	return command
}

// keys are the ones that act while a command is typed.
func (p *prompt) keys() []keyGroup {
	bind := func(shown, does string) key.Binding {
		return key.NewBinding(key.WithKeys(shown), key.WithHelp(shown, does))
	}
	return []keyGroup{{"Command", []key.Binding{bind("enter", "give it"), bind("tab", "complete"), bind("↑", "recall"), bind("esc", "leave")}, false}}
}

// recall shows an earlier command.
func (p *prompt) recall(at int) {
	if at < 0 || at > len(p.history) {
		return
	}
	if p.at == len(p.history) {
		p.draft = p.text()
	}
	p.at = at
	if at == len(p.history) {
		p.set(p.draft)
	} else {
		p.set(p.history[at])
	}
}

// complete extends the text as far as it is certain and then offers the choices; asked
// again, it goes through them.
func (p *prompt) complete(s *engine.Snapshot, offered []string) {
	text := p.text()
	for i, c := range offered {
		if c == text {
			p.choices = offered
			p.set(offered[(i+1)%len(offered)])
			return
		}
	}
	choices := s.Course().Complete(text)
	if len(choices) == 0 {
		return
	}
	if at := slices.IndexFunc(choices, func(c string) bool { return strings.HasSuffix(strings.TrimSpace(c), " "+p.layer) }); at > 0 {
		choices = slices.Concat(choices[at:at+1], choices[:at], choices[at+1:])
	}
	common := sharedBeginning(choices)
	if len(choices) > 1 {
		p.choices = choices
		if common == text {
			common = choices[0]
		}
	}
	p.set(common)
}

// line draws what is typed and what it would do.
func (p *prompt) line(l *look, width int, s *engine.Snapshot) string {
	var b line
	b.put(l.key, " :").join(p.editor.line(l, width*2/3)).put(ink{}, "   ")
	if p.choices != nil {
		typed := p.text()
		stem := strings.LastIndexByte(strings.TrimSuffix(typed, " "), ' ') + 1
		for _, c := range p.window(width-b.width, stem) {
			k := l.dim
			if c == typed {
				k = l.accent
			}
			b.put(k, strings.TrimSpace(c[min(stem, len(c)):])+"  ")
		}
		return b.cut(width)
	}
	b.put(l.dim, p.preview(s))
	return b.cut(width)
}

// window is the part of the choices that fits into a width, with the chosen one in it.
func (p *prompt) window(width, stem int) []string {
	wide := func(c string) int { return span(strings.TrimSpace(c[min(stem, len(c)):])) + 2 }
	from, room := 0, width
	for i, c := range p.choices {
		if room -= wide(c); room < 0 {
			if slices.Contains(p.choices[from:i], p.text()) {
				break
			}
			from, room = i, width-wide(c)
		}
	}
	return p.choices[from:]
}

// preview says what the command would do, or what is missing of it.
func (p *prompt) preview(s *engine.Snapshot) string {
	text := strings.TrimSpace(p.text())
	if text == "" {
		return "a command; tab completes, ↑ recalls, esc leaves"
	}
	verb, _, argued := strings.Cut(text, " ")
	for _, v := range steering.Verbs() {
		if v.Name == verb && !argued && v.Takes != "" {
			return v.Takes + ": " + v.Does
		}
	}
	c, err := steering.Parse(text)
	if err != nil {
		return err.Error()
	}
	effect, err := s.Preview(c)
	switch {
	case err != nil:
		return err.Error()
	case effect != "":
		return effect
	}
	for _, v := range steering.Verbs() {
		if v.Name == verb {
			return v.Does
		}
	}
	return ""
}
