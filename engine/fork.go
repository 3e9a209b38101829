package engine

import (
	"fmt"
	"time"

	"galen/engine/records"
	"galen/store"
)

// ForkName is what a fork of a run at an episode is called unless it is given a name.
func ForkName(run string, episode int) string { return fmt.Sprintf("%s-from-%d", run, episode) }

// Fork copies a run up to an episode (0: all of it) into a new one of another name (empty:
// one made from the old), which can be resumed and steered by itself. It shares the
// original's settings as they are now. The agent of a fork from an earlier episode
// learns from the copied episodes anew.
func (w *Workbench) Fork(nameOrID string, episode int, name string) (*store.Run, error) {
	from, err := w.Find(nameOrID)
	if err != nil {
		return nil, err
	}
	switch {
	case episode < 0 || episode > from.Episodes:
		return nil, fmt.Errorf("run %s has no episode %d; it has %d so far", from.Name, episode, from.Episodes)
	case episode == 0:
		episode = from.Episodes
	}
	episodes, err := w.db.Episodes(from.ID)
	if err != nil {
		return nil, err
	}
	journal, err := w.db.Journal(from.ID)
	if err != nil {
		return nil, err
	}
	layers, err := store.Optional(w.db.Layers(from.ID))
	if err != nil {
		return nil, err
	}
	c, err := readCourse(from)
	if err != nil {
		return nil, err
	}
	c.follow(c.pending(journal, len(episodes)), layers, episodes)
	c.progress.Followed = 0 // of the journal the fork has what its episodes followed, and no more
	if episode < from.Episodes {
		c.truncate(episode)
	}
	fork := *from
	if fork.Name = name; name == "" {
		fork.Name = ForkName(from.Name, episode)
	}
	fork.Created, fork.State, fork.Problem, fork.Episodes = time.Now().UTC(), string(Paused), "", episode
	fork.Elapsed, fork.Best, fork.Trend = 0, nil, trendOf(episodes[:episode])
	for _, e := range episodes[:episode] {
		fork.Elapsed += time.Duration(e.Seconds * float64(time.Second))
	}
	c.settings.Name = fork.Name
	c.settings.Episodes = max(c.settings.Episodes, episode+1)
	if best := bestOf(episodes[:episode], c.settings.Target); best != nil {
		fork.Best = records.BestOf(best)
	}
	if err := c.write(&fork); err != nil {
		return nil, err
	}
	made, err := w.db.ForkRun(from.ID, fork)
	if err == nil {
		w.log.note(logInfo, made.Name, "forked from episode %d of %s", episode, from.Name)
	}
	return made, err
}
