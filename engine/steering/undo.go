package steering

import (
	"errors"
)

// Undo takes the latest command back that can be. It is carried out as the command that does so, see [Undoing].
const Undo Kind = "undo"

var undo = command{
	kind: Undo, does: "take the latest command back that can be", argument: nothing,
	apply: func(Command, Course, Search) (Change, error) {
		return Change{}, errors.New("it is not known yet what to take back")
	},
}
