package steering

import (
	"errors"

	"galen/store"
)

// Undo takes the latest command back that can be. It is carried out as the command that does so, see [Undoing].
const Undo Kind = "undo"

var undo = command{
	kind: Undo, does: "take the latest command back that can be", argument: nothing,
	apply: func(Command, Course, Search) (Change, error) {
		return Change{}, errors.New("it is not known yet what to take back")
	},
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
