package ui

import (
	"fmt"

	"galen/engine"
	"galen/store"
)

// exportCommand copies the shell command that takes an episode's network away.
func exportCommand(s *session, snap *engine.Snapshot, e *store.Episode) intent {
	file := engine.Quoted(fmt.Sprintf("%s-%d", snap.Run.Name, e.Number))
	command := fmt.Sprintf("galen export %s --episode %d --onnx %s.onnx --policy %s.json", engine.Quoted(snap.Run.Name), e.Number, file, file)
	return copyIntent{s.inStore(command), fmt.Sprintf("the command that exports episode %d", e.Number)}
}

// steerCommand copies the shell command that gives a run a command of its journal.
func steerCommand(s *session, snap *engine.Snapshot, entry store.JournalEntry) intent {
	return copyIntent{s.inStore("galen steer " + engine.Quoted(snap.Run.Name) + " " + engine.Quoted(entry.Command)), "the command " + entry.Command}
}

// inStore makes a command work on the store that is shown.
func (s *session) inStore(command string) string {
	if s.database == "" {
		return command
	}
	return command + " --db " + engine.Quoted(s.database)
}
