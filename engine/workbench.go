package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"galen/engine/steering"
	"galen/engine/workload"
	"galen/hw"
	"galen/hw/kernel"
	"galen/store"
)

// Workbench is a store of runs with at most one search under way. Its methods may be
// called from any goroutine.
type Workbench struct {
	db  *store.DB
	box *mailbox // of whichever search is under way
	log *logbook // nil: nothing is noted

	mu     sync.Mutex
	search *Search // nil: none was started
	cancel context.CancelFunc
}

// Open opens the database, creating it if need be, for running searches. Only one
// process can at a time; the others get store.ErrLocked.
func Open(path string) (*Workbench, error) {
	db, err := store.Open(path)
	if err != nil {
		return nil, err
	}
	return &Workbench{db: db, box: newMailbox(), log: openLog(path)}, nil
}

// OpenReadOnly opens an existing database for looking only.
func OpenReadOnly(path string) (*Workbench, error) {
	db, err := store.OpenReadOnly(path)
	if err != nil {
		return nil, err
	}
	return &Workbench{db: db, box: newMailbox()}, nil
}

// Close pauses the search under way, so that it can be resumed, and closes the database.
func (w *Workbench) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leave()
	return errors.Join(w.db.Close(), w.log.close())
}

// leave pauses the search under way, if any, and waits until it has put everything down.
func (w *Workbench) leave() {
	if w.search != nil {
		w.cancel()
		<-w.search.done
	}
}

// Runs lists all runs, newest first.
func (w *Workbench) Runs() ([]*store.Run, error) {
	runs, err := w.db.Runs()
	if err != nil {
		return nil, err
	}
	active := w.Active()
	for i := range runs {
		runs[i] = w.asItIs(runs[i], active)
	}
	return runs, nil
}

// asItIs is a stored run in the state it is in now, which the store learns with the next
// episode only.
func (w *Workbench) asItIs(r *store.Run, active string) *store.Run {
	if r.ID != active {
		return atRest(r)
	}
	latest := w.box.peek()
	if latest == nil || latest.Run.ID != r.ID {
		return r
	}
	now := *r
	now.State, now.Problem = string(latest.State), latest.Problem
	return &now
}

// atRest is a run nobody is searching: one that was cut off, even by a power failure,
// is paused.
func atRest(r *store.Run) *store.Run {
	if !State(r.State).Live() {
		return r
	}
	rest := *r
	rest.State = string(Paused)
	return &rest
}

// Find returns a run by its name or id.
func (w *Workbench) Find(nameOrID string) (*store.Run, error) {
	run, err := w.db.Run(nameOrID)
	if err != nil {
		return nil, err
	}
	return w.asItIs(run, w.Active()), nil
}

// Active is the id of the run being searched; empty if none is.
func (w *Workbench) Active() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.search == nil {
		return ""
	}
	select {
	case <-w.search.done:
		return ""
	default:
		return w.search.id
	}
}

// Working tells whether a search is making progress: one that is paused is not.
func (w *Workbench) Working() bool {
	if w.Active() == "" {
		return false
	}
	latest := w.box.peek()
	return latest == nil || latest.State != Paused
}

// Start creates a run and begins to search. Model and data are read and checked first,
// so that nothing is created for settings that cannot work.
func (w *Workbench) Start(s Settings) (run string, err error) {
	if s, err = s.Resolved(); err != nil {
		return "", err
	}
	if _, err := kernel.Default(); err != nil {
		return "", err
	}
	load, err := workload.Load(s.workload())
	if err != nil {
		return "", err
	}
	if err := suitsModel(s.Base, load); err != nil {
		return "", err
	}
	if s.Name == "" {
		s.Name = load.Model.Name
	}
	settings, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("encode the settings: %w", err)
	}
	created, err := w.db.CreateRun(store.Run{
		Name: s.Name, Created: time.Now().UTC(), State: string(Preparing), Settings: settings,
		Model: load.Model, Data: load.Data, Device: s.Device, Budget: s.Episodes,
	})
	if err != nil {
		return "", err
	}
	return created.ID, w.startSearch(created.ID, load)
}

// Resume goes on with a stored run, if its model and data are still what they were and its device is there.
func (w *Workbench) Resume(id string) error {
	run, err := w.Find(id)
	if err != nil {
		return err
	}
	switch {
	case run.ID == w.Active():
		return fmt.Errorf("run %s is running already", run.Name)
	case State(run.State) == Finished || State(run.State) == Stopped:
		return fmt.Errorf("run %s is %s with %d episodes; start another with galen search", run.Name, run.State, run.Episodes)
	}
	s, load, err := reload(run)
	if err != nil {
		return err
	}
	if _, err := hw.Locate(s.Device); err != nil {
		return fmt.Errorf("run %s: %w", run.Name, err)
	}
	return w.startSearch(run.ID, load)
}

// Rename gives a run a name, with a number appended if another has it, and returns it.
func (w *Workbench) Rename(nameOrID, name string) (string, error) {
	run, err := w.Find(nameOrID)
	if err != nil {
		return "", err
	}
	given, err := w.db.RenameRun(run.ID, name)
	if err != nil {
		return "", err
	}
	w.log.note(logInfo, run.Name, "it is called %s now", given)
	w.mu.Lock()
	search := w.search
	w.mu.Unlock()
	if search != nil && search.id == run.ID {
		// It learns its name between two steps, which nobody needs to wait for.
		go func() {
			_ = search.ask(context.Background(), func() error { search.rename(given); return nil })
		}()
	}
	return given, nil
}

// Log returns the latest lines of the store's log.
func (w *Workbench) Log() ([]string, error) { return ReadLog(w.db.Path()) }

// Delete removes a run that is not being searched, with everything that belongs to it.
func (w *Workbench) Delete(nameOrID string) error {
	run, err := w.Find(nameOrID)
	if err != nil {
		return err
	}
	if run.ID == w.Active() {
		return fmt.Errorf("run %s is being searched; stop it first", run.Name)
	}
	if err := w.db.DeleteRun(run.ID); err != nil {
		return err
	}
	w.log.note(logInfo, run.Name, "deleted with %d episodes", run.Episodes)
	return nil
}

// reload reads a run's model and data again and refuses them if they have changed.
func reload(run *store.Run) (Settings, *workload.Workload, error) {
	s, err := decodeSettings(run)
	if err != nil {
		return s, nil, err
	}
	load, err := workload.Load(s.workload())
	if err != nil {
		return s, nil, fmt.Errorf("run %s: %w", run.Name, err)
	}
	if load.Model.SHA256 != run.Model.SHA256 {
		return s, nil, fmt.Errorf("run %s: the model %s is not the one the run began with; put the old file back, or start a new run", run.Name, run.Model.Path)
	}
	if load.Data.SHA256 != run.Data.SHA256 {
		return s, nil, fmt.Errorf("run %s: the images in %s are not those the run began with; put the old files back, or start a new run", run.Name, run.Data.Path)
	}
	return s, load, nil
}

// startSearch leaves the search under way and starts the run's, which goes on from what is stored by then.
func (w *Workbench) startSearch(id string, load *workload.Workload) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leave()
	run, err := w.db.Run(id)
	if err != nil {
		return err
	}
	search, err := newSearch(w.db, run, load, w.box, w.log)
	if err != nil {
		return err
	}
	search.solved = w.layers()
	ctx, cancel := context.WithCancel(context.Background())
	search.publish()
	w.search, w.cancel = search, cancel
	go search.work(ctx)
	return nil
}

// layers is the folder of the compressed-layer database, which all runs of a store share. It may be
// deleted at any time.
func (w *Workbench) layers() string { return filepath.Join(filepath.Dir(w.db.Path()), "layers") }

// errIdle answers what needs a search under way.
var errIdle = errors.New("no search is running")

// Wait returns the latest snapshot of the search under way, or of the one that ended last,
// once it is newer than version after. Versions grow from one search to the next; before
// the first it waits for that to begin.
func (w *Workbench) Wait(ctx context.Context, after uint64) (*Snapshot, error) {
	return w.box.wait(ctx, after)
}

// Send gives the search under way a command and returns once it took effect or was refused.
func (w *Workbench) Send(ctx context.Context, c steering.Command) error {
	w.mu.Lock()
	search := w.search
	w.mu.Unlock()
	if search == nil {
		return errIdle
	}
	return search.send(ctx, c)
}

// View reads a stored run that is not being searched.
func (w *Workbench) View(id string) (*Snapshot, error) {
	run, err := w.Find(id)
	if err != nil {
		return nil, err
	}
	c, err := readCourse(run)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{
		Version: 1, Run: run, State: State(run.State), Problem: run.Problem, Elapsed: run.Elapsed,
		Device: hw.Fingerprint{Device: run.Device}, Step: -1,
	}
	if s.Reference, err = store.Optional(w.db.Reference(run.ID)); err != nil {
		return nil, err
	}
	if s.Episodes, err = w.db.Episodes(run.ID); err != nil {
		return nil, err
	}
	if s.Journal, err = w.db.Journal(run.ID); err != nil {
		return nil, err
	}
	if s.Layers, err = store.Optional(w.db.Layers(run.ID)); err != nil {
		return nil, err
	}
	c.follow(c.pending(s.Journal, len(s.Episodes)), s.Layers, s.Episodes)
	s.Settings, s.Queued = c.settings, len(c.progress.Queue)
	s.Best = bestOf(s.Episodes, c.settings.Target)
	s.Episode = len(s.Episodes) + 1
	return s, nil
}

// Episode returns a run with one of its episodes; number 0 means the best, which is nil
// if none has finished.
func (w *Workbench) Episode(nameOrID string, number int) (*Snapshot, *store.Episode, error) {
	run, err := w.Find(nameOrID)
	if err != nil {
		return nil, nil, err
	}
	s, err := w.View(run.ID)
	if err != nil {
		return nil, nil, err
	}
	if number == 0 {
		return s, s.Best, nil
	}
	for _, e := range s.Episodes {
		if e.Number == number {
			return s, e, nil
		}
	}
	return nil, nil, fmt.Errorf("run %s has no episode %d; it has %d so far", run.Name, number, len(s.Episodes))
}
