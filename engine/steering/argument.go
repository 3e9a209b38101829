package steering

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"galen/engine/compress/structure"
	"galen/store"
)

// argument is what follows a command's verb: how it is read, written and completed.
type argument struct {
	parse    func(c *Command, text string) error
	format   func(c Command) string
	complete func(on Course, before, typed string) []string // nil: nothing is known of it
}

// nothing follows.
var nothing = argument{
	parse: func(_ *Command, text string) error {
		if text != "" {
			return errors.New("nothing follows it")
		}
		return nil
	},
	format: func(Command) string { return "" },
}

// number is any number, wholeNumber one that counts.
var (
	number = argument{
		parse: func(c *Command, text string) (err error) {
			if c.Value, err = strconv.ParseFloat(text, 64); err != nil {
				return errors.New("give a number")
			}
			return nil
		},
		format: func(c Command) string { return plain(c.Value) },
	}
	wholeNumber = argument{
		parse:  func(c *Command, text string) (err error) { c.Value, err = parseWhole(text); return err },
		format: func(c Command) string { return plain(c.Value) },
	}
)

func parseWhole(text string) (float64, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, errors.New("give a whole number")
	}
	return float64(n), nil
}

// plain writes a number without an exponent, so that it reads as it was typed.
func plain(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// nameOf is one of the names that are possible.
func nameOf(possible func(on Course) []string) argument {
	return argument{
		parse: func(c *Command, text string) error {
			if c.Name = text; text == "" {
				return errors.New("say which")
			}
			return nil
		},
		format: func(c Command) string { return c.Name },
		complete: func(on Course, before, typed string) []string {
			return beginning(before, typed, possible(on))
		},
	}
}

// layerNames are those of the layers that a condition holds for.
func layerNames(on Course, holds func(store.Layer) bool) (names []string) {
	for _, l := range on.Layers {
		if holds(l) {
			names = append(names, l.Name)
		}
	}
	return names
}

// policy is an episode's, by its number, or one as JSON.
var policy = argument{
	parse: func(c *Command, text string) (err error) {
		if strings.HasPrefix(text, "[") {
			c.Policy, err = structure.ParsePolicy([]byte(text))
		} else {
			c.Value, err = parseWhole(strings.TrimPrefix(text, "#"))
		}
		return err
	},
	format: func(c Command) string {
		if c.Policy == nil {
			return plain(c.Value)
		}
		text, _ := json.Marshal(c.Policy) // plain numbers and strings: it cannot fail
		return string(text)
	},
	complete: func(on Course, before, typed string) []string {
		if on.Best == nil {
			return nil
		}
		return beginning(before, typed, []string{fmt.Sprint(on.Best.Number)})
	},
}

// beginning lists the words that begin as typed, after what comes before them.
func beginning(before, typed string, words []string) []string {
	var fitting []string
	for _, w := range words {
		if strings.HasPrefix(w, typed) {
			fitting = append(fitting, before+w)
		}
	}
	return fitting
}
