package ui

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/bubbles/key"
	"github.com/muesli/termenv"
)

// keyTable is the table of the README: what keys do by screen, from the table the
// interface itself uses.
func keyTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| where | keys |\n|---|---|\n")
	for _, c := range []struct {
		where string
		keys  []string
	}{{"runs", []string{"esc"}}, {"dashboard", nil}, {"layer", []string{"enter"}}, {"episodes", []string{"e"}}, {"journal", []string{"J"}}, {"device and timing", []string{"D"}}, {"log", []string{"!"}}} {
		s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
		s.openLive(sampleSteered())
		s.press(c.keys...)
		var words []string
		for _, g := range s.model.top().Keys() {
			if g.title != "Moving" {
				words = append(words, described(g.keys)...)
			}
		}
		fmt.Fprintf(&b, "| %s | %s |\n", c.where, strings.Join(words, ", "))
	}
	s := newStage(t, &fakeWorkbench{runs: sampleRuns()}, testLook(termenv.Ascii, true, false), 80, 24)
	s.compareTwo()
	fmt.Fprintf(&b, "| comparison of runs | %s |\n", strings.Join(described(s.model.top().Keys()[0].keys[:1]), ", "))
	k := newKeymap()
	fmt.Fprintf(&b, "| everywhere | %s |\n", strings.Join(described(append(k.movement().keys, k.back, k.log, k.save, k.help, k.quit)), ", "))
	fmt.Fprintf(&b, "| while typing | %s |\n", strings.Join(described(k.editing().keys), ", "))
	return b.String()
}

func described(keys []key.Binding) (out []string) {
	for _, k := range keys {
		out = append(out, fmt.Sprintf("`%s` %s", k.Help().Key, k.Help().Desc))
	}
	return out
}

// TestReadmeListsTheKeys compares the README's table of keys; -update writes it anew.
func TestReadmeListsTheKeys(t *testing.T) {
	const begin, end = "<!-- keys: written by go test ./ui -run TestReadme -update -->\n", "<!-- end of keys -->"
	path := filepath.Join("..", "README.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	got, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatal("the README has no place for the table of keys")
	}
	want := keyTable(t)
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != want {
		t.Errorf("the README lists\n%s, want\n%s; write it anew with go test ./ui -run TestReadme -update", got, want)
	}
}
