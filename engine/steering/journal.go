package steering

import (
	"errors"
	"strings"

	"galen/store"
)

// What the journal has to know of commands.

// Follows tells whether a run that is resumed has to follow a command of its journal, given as text.
func Follows(text string) bool {
	verb, _, _ := strings.Cut(text, " ")
	known, ok := find(Kind(verb))
	return !ok || known.scope == course
}

// Waits tells whether a command has to take effect after those of the journal that a resumed run still follows.
func (k Kind) Waits() bool { return k.scope() == course }

// Recorded tells whether the journal has commands of a kind.
func (k Kind) Recorded() bool { return k.scope() != inquiry }

func (k Kind) scope() scope {
	known, _ := find(k)
	return known.scope
}

// Undoing is the command that takes the latest entry of the journal back that can be and has
// not been, with the number of that entry, from 1.
func Undoing(journal []store.JournalEntry) (entry int, c Command, err error) {
	undone := map[int]bool{}
	for i := len(journal) - 1; i >= 0; i-- {
		e := journal[i]
		switch {
		case e.Undoes > 0:
			undone[e.Undoes] = true
		case e.Undo != "" && !undone[i+1]:
			c, err = Parse(e.Undo)
			return i + 1, c, err
		}
	}
	return 0, c, errors.New("there is nothing to undo")
}
