package remote

import (
	"slices"

	"galen/engine"
	"galen/store"
)

// A snapshot travels without what its receiver has of the same run already. That is right because
// under one owner a run's episodes and journal only grow: what was sent of them is the beginning of
// what there is later, but for the records of episodes that were confirmed since. Layers are the
// same for nearly all of a run, and replaced as a whole.

// Seen is what a client has already.
type Seen struct {
	After    uint64 // version
	Run      string // the rest is about this run
	Episodes int
	Journal  int
	Layers   int // generation
}

// Update is a snapshot without what was seen.
type Update struct {
	Snapshot  *engine.Snapshot
	Confirmed []*store.Episode // of those the client has, whose records have changed since they ended
	Best      int              // its number; 0: none
	Layers    int              // generation of the layers; they are left out where the client has it
}

// seen is what a client has whose latest snapshot is this one; nil: none.
func seen(after uint64, latest *engine.Snapshot, layers int) Seen {
	if latest == nil {
		return Seen{After: after}
	}
	return Seen{after, latest.Run.ID, len(latest.Episodes), len(latest.Journal), layers}
}

// without makes the update for a client from a snapshot with layers of a generation.
func (client Seen) without(snapshot *engine.Snapshot, layers int) Update {
	rest := *snapshot
	u := Update{Snapshot: &rest, Layers: layers}
	if rest.Best != nil {
		u.Best, rest.Best = rest.Best.Number, nil
	}
	if rest.Run.ID != client.Run {
		return u
	}
	episodes, journal := min(client.Episodes, len(rest.Episodes)), min(client.Journal, len(rest.Journal)) // a client may claim anything
	for _, e := range rest.Episodes[:episodes] {
		if e.Confirmed != nil {
			u.Confirmed = append(u.Confirmed, e)
		}
	}
	rest.Episodes, rest.Journal = rest.Episodes[episodes:], rest.Journal[journal:]
	if layers == client.Layers {
		rest.Layers = nil
	}
	return u
}

// with makes the snapshot from an update for a client whose latest one was this.
func (client Seen) with(u Update, latest *engine.Snapshot) *engine.Snapshot {
	s := u.Snapshot
	if s.Run.ID == client.Run {
		// Appending shares memory with earlier snapshots, whose part of it stays as it is.
		s.Episodes = append(latest.Episodes, s.Episodes...)
		if len(u.Confirmed) > 0 {
			s.Episodes = slices.Clone(s.Episodes)
		}
		for _, e := range u.Confirmed {
			s.Episodes[e.Number-1] = e
		}
		s.Journal = append(latest.Journal, s.Journal...)
		if u.Layers == client.Layers {
			s.Layers = latest.Layers
		}
	}
	if u.Best > 0 {
		s.Best = episode(s.Episodes, u.Best)
	}
	return s
}

// episode is the one of a number among episodes numbered from 1 without gaps.
func episode(all []*store.Episode, number int) *store.Episode {
	if number < 1 || number > len(all) {
		return nil
	}
	return all[number-1]
}
