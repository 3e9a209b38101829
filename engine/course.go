package engine

import (
	"encoding/json"
	"fmt"

	"galen/engine/planner"
	"galen/engine/steering"
	"galen/store"
)

// course is what a run follows and steering changes: its settings, and what waits to be
// tried. It is stored with every episode. What was commanded since is in the journal with
// the step at which it took effect, and takes effect there again when the run is
// resumed: so an interrupted run goes on as if it had not been.
type course struct {
	settings Settings
	progress progress
}

// progress is the part of a course that is not a setting.
type progress struct {
	planner.Progress
	Followed int `json:"followed,omitempty"` // how many entries of the journal the course includes; 0 in older records, too
}

// readCourse returns the course a run was stored with.
func readCourse(run *store.Run) (c course, err error) {
	if c.settings, err = decodeSettings(run); err != nil {
		return c, err
	}
	if run.Progress == nil {
		return c, nil
	}
	if err := json.Unmarshal(run.Progress, &c.progress); err != nil {
		return c, fmt.Errorf("run %s: read how far it is: %w", run.Name, err)
	}
	return c, nil
}

// write puts the course into a run's record.
func (c course) write(run *store.Run) (err error) {
	if run.Settings, err = json.Marshal(c.settings); err == nil {
		run.Progress, err = json.Marshal(c.progress)
	}
	if err != nil {
		return fmt.Errorf("encode the run's course: %w", err)
	}
	run.Budget = c.settings.Episodes
	return nil
}

// steered is the course as commands see it.
func (c *course) steered(layers []Layer, episodes []*store.Episode) steering.Course {
	return steering.Course{
		Settings: &c.settings.Settings, Progress: &c.progress.Progress, Layers: layers, Episodes: episodes,
	}
}

// pending are the commands of the journal that changed the course after it was stored, when so many episodes had
// finished.
func (c course) pending(journal []store.JournalEntry, episodes int) []store.JournalEntry {
	var later []store.JournalEntry
	for i, e := range journal {
		if steering.Follows(e.Command) && i >= c.progress.Followed && e.Episode > episodes {
			later = append(later, e)
		}
	}
	return later
}

// follow changes the course by the journal's commands as far as they concern it. A search
// that resumes the run does the same, and more: see [Search.catchUp].
func (c *course) follow(commands []store.JournalEntry, layers []Layer, episodes []*store.Episode) {
	for _, entry := range commands {
		if command, err := steering.Parse(entry.Command); err == nil {
			_, _ = steering.Apply(command, c.steered(layers, episodes), nil) // what has no effect now had none then
		}
	}
}

// truncate goes back to the end of an earlier episode.
func (c *course) truncate(episode int) {
	if b := c.settings.Base; b != nil && b.Run == "" && b.Episode > episode {
		given := *b // the fork will have another episode of that number
		given.Episode = 0
		c.settings.Base = &given
	}
	c.progress.Truncate(episode)
}
