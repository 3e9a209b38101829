// Package shell writes galen's commands as a person can paste them into a shell.
package shell

import (
	"strings"

	"galen/engine"
)

// Command is galen with arguments, on the store of a file; none: on the usual one.
func Command(database string, arguments ...string) string {
	words := []string{"galen"}
	for _, a := range arguments {
		words = append(words, engine.Quoted(a))
	}
	return OnStore(strings.Join(words, " "), database)
}

// OnStore makes a command work on the store of a file; none: on the usual one.
func OnStore(command, database string) string {
	if database == "" {
		return command
	}
	return command + " --db " + engine.Quoted(database)
}
