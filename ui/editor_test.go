package ui

import (
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"
)

// texts are the places where a line is typed, each with the key that begins it.
var texts = map[string]struct {
	open   []string
	editor func(s *stage) *editor
}{
	"filter of runs":     {[]string{"esc", "/"}, func(s *stage) *editor { return &s.model.runs.filter }},
	"new name":           {[]string{"esc", "N"}, func(s *stage) *editor { return &s.model.runs.naming.editor }},
	"fork":               {[]string{"esc", "F"}, func(s *stage) *editor { return &s.model.runs.naming.editor }},
	"command":            {[]string{":"}, func(s *stage) *editor { return &s.model.top().(*dashboard).prompt.editor }},
	"filter of episodes": {[]string{"e", "/"}, func(s *stage) *editor { return &s.model.top().(*gallery).filter }},
	"export":             {[]string{"e", "E"}, func(s *stage) *editor { return &s.model.top().(*gallery).naming.editor }},
	"form":               {[]string{"esc", "n"}, func(s *stage) *editor { f := s.model.top().(*form); return &f.entries[f.at].editor }},
}

// TestTextIsEditedTheSameEverywhere types, moves and deletes in every line that is typed.
func TestTextIsEditedTheSameEverywhere(t *testing.T) {
	for name, place := range texts {
		t.Run(name, func(t *testing.T) {
			s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
			s.openLive(sampleSnapshot(20, 30))
			s.press(place.open...)
			e := place.editor(s)
			if !e.typing() {
				t.Fatalf("nothing is typed:\n%s", s.text())
			}
			s.press("ctrl+u")
			s.press(typed("one two three")...)
			for _, step := range []struct{ key, want string }{
				{"ctrl+w", "one two _"},
				{"home", "_one two "},
				{"ctrl+v", "_one two "},
				{"right", "o_ne two "},
				{"x", "ox_ne two "},
				{"backspace", "o_ne two "},
				{"ctrl+right", "one_ two "},
				{"delete", "one_two "},
				{"end", "onetwo _"},
				{"ctrl+left", "_onetwo "},
				{"ctrl+k", "_"},
			} {
				s.press(step.key)
				if got := e.line(s.model.session.look, 80).cut(80); got != step.want {
					t.Fatalf("%s makes %q, want %q", step.key, got, step.want)
				}
			}
			s.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("q\nprune\tnow"), Paste: true})
			if got, want := e.text(), "q prune now"; got != want {
				t.Errorf("pasting gives %q, want %q", got, want)
			}
			if s.quit {
				t.Error("pasted text quit")
			}
			for range 20 {
				s.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(strings.Repeat("漢字 ", 200)), Paste: true})
				checkFrame(t, s)
			}
			if n := len([]rune(e.text())); n > mostTyped {
				t.Errorf("%d characters were taken", n)
			}
		})
	}
}

func TestPastedTextIsNoCommandAndNoAnswer(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 30))
	for range 2 {
		s.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("q"), Paste: true})
		s.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("x"), Paste: true})
		if s.quit || len(s.bench.asked) > 0 {
			t.Errorf("pasted letters quit (%v) or asked for %q", s.quit, s.bench.asked)
		}
		s.press("q") // now there is a box with answers
	}
}

// TestTheCursorOfALongTextIsSeen walks through a text that is wider than its line.
func TestTheCursorOfALongTextIsSeen(t *testing.T) {
	l := testLook(termenv.Ascii, true, false)
	e := newEditor()
	e.open(strings.Repeat("0123456789", 5) + "漢字漢字" + strings.Repeat("abcdefghij", 5))
	for n := len([]rune(e.text())); n >= 0; n-- {
		for _, width := range []int{10, 40, 77} {
			drawn := e.line(l, width)
			if !strings.Contains(drawn.b.String(), "_") || drawn.width > width || drawn.width < width-2 {
				t.Fatalf("with the cursor at %d in %d cells: %q (%d)", n, width, drawn.b.String(), drawn.width)
			}
		}
		e.press(keyPress("left"))
	}
	e.press(keyPress("home"))
	if got := e.line(l, 12).cut(12); got != "_0123456789…" {
		t.Errorf("at the beginning: %q", got)
	}
}

func TestHistoryIsThePromptsAlone(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 30))
	s.press(":")
	s.press(typed("noise 0.3")...)
	s.press("enter", ":", "up")
	s.sees(":noise 0.3_")
	s.press("esc", "esc", "/", "up")
	s.sees("/_")
}
