package engine

import (
	"errors"
	"strings"

	"galen/store"
)

// The journal holds every command a person gave, with the step at which it took effect. What the stored
// course does not include of it takes effect again where it did, when the run is resumed.

// pending are the commands that changed the course after it was stored, when so many episodes had finished.
func (c course) pending(journal []store.JournalEntry, episodes int) []store.JournalEntry {
	var later []store.JournalEntry
	for i, e := range journal {
		switch verb, _, _ := strings.Cut(e.Command, " "); CommandKind(verb) {
		case Pause, Resume, Step, Stop:
		default:
			if i >= c.progress.Followed && e.Episode > episodes {
				later = append(later, e)
			}
		}
	}
	return later
}

// follow changes the course by the journal's commands as far as they concern it. A search
// that resumes the run does the same, and more: see [Search.catchUp].
func (c *course) follow(commands []store.JournalEntry, layers []Layer, episodes []*store.Episode) {
	for _, entry := range commands {
		if cmd, err := ParseCommand(entry.Command); err == nil {
			_, _ = c.steer(cmd, layers, episodes) // of an agent's tuning there is nothing to see here
		}
	}
}

// catchUp lets the journal's commands take effect where they did before the run was
// interrupted.
func (s *Search) catchUp() {
	for s.agent != nil && len(s.pending) > 0 {
		entry := s.pending[0]
		if entry.Episode > len(s.episodes)+1 || entry.Episode == len(s.episodes)+1 && entry.Step > s.step {
			return
		}
		c, err := ParseCommand(entry.Command)
		if err == nil {
			_, err = s.apply(c)
		}
		if err != nil { // better than a run that cannot be resumed
			s.note(logWarning, "%s by %s is in the journal but has no effect: %v", entry.Command, entry.Who, err)
		}
		s.pending = s.pending[1:]
	}
}

// undoing is the command that takes the latest entry of the journal back that can be and has
// not been.
func undoing(journal []store.JournalEntry, who string) (entry int, c Command, err error) {
	undone := map[int]bool{}
	for i := len(journal) - 1; i >= 0; i-- {
		e := journal[i]
		switch {
		case e.Undoes > 0:
			undone[e.Undoes] = true
		case e.Undo != "" && !undone[i+1]:
			c, err = ParseCommand(e.Undo)
			c.Who = who
			return i + 1, c, err
		}
	}
	return 0, c, errors.New("there is nothing to undo")
}
