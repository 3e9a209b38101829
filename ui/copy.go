package ui

import (
	"fmt"
	"strconv"
	"strings"

	"galen/engine"
	"galen/store"
	"galen/ui/shell"
)

// exportCommand copies the shell command that takes an episode's network away.
func exportCommand(s *session, snap *engine.Snapshot, e *store.Episode) intent {
	file := exportName(snap, e)
	command := shell.Command(s.database, "export", snap.Run.Name, "--episode", strconv.Itoa(e.Number), "--onnx", file+".onnx", "--policy", file+".json")
	return copyIntent{command, fmt.Sprintf("the command that exports episode %d", e.Number)}
}

// exportName is what the files of an episode are called, without their extensions, unless a person says
// otherwise.
func exportName(snap *engine.Snapshot, e *store.Episode) string {
	return fmt.Sprintf("%s-%d", strings.ReplaceAll(snap.Run.Name, "/", "-"), e.Number)
}

// steerCommand copies the shell command that gives a run a command of its journal.
func steerCommand(s *session, snap *engine.Snapshot, entry store.JournalEntry) intent {
	return copyIntent{shell.Command(s.database, "steer", snap.Run.Name, entry.Command), "the command " + entry.Command}
}
