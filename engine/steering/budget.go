package steering

import (
	"errors"
	"strings"
)

// Budget adds to the number of episodes.
const Budget Kind = "budget"

var budget = command{
	kind: Budget, takes: "+NUMBER", does: "try so many policies more", argument: more,
	apply: func(c Command, on Course, _ Search) (Change, error) {
		return on.setEpisodes(on.Settings.Episodes + int(c.Value))
	},
}

// more is a whole number to add.
var more = argument{
	parse: func(c *Command, text string) (err error) {
		added, ok := strings.CutPrefix(text, "+")
		if !ok {
			return errors.New("give what to add, with its sign; episodes sets the number in all")
		}
		c.Value, err = parseWhole(added)
		return err
	},
	format: func(c Command) string { return "+" + plain(c.Value) },
}
