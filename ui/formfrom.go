package ui

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"galen/engine/planner"
	"galen/store"
)

// errLookingUp is shown until it is known whether a run can be started from.
var errLookingUp = errors.New("from: looking it up …")

// base is the policy that the new run starts from; nil: none. One that was not found yet
// has no policy, which is enough to see whether the agent would take any.
func (f *form) base() *planner.Base {
	switch {
	case f.reference == "":
		return nil
	case f.from.of == f.sought() && f.from.err == nil:
		return f.from.base
	}
	return &planner.Base{Run: f.reference}
}

// sought is what has to be looked up for the entries as they are.
func (f *form) sought() baseIntent { return baseIntent{f.reference, f.settings.Model} }

// checkFrom tells what is wrong with the run to start from. Its name is checked against the
// list of runs as it is typed; the policy is looked up only when there is such a run.
func (f *form) checkFrom() error {
	switch {
	case f.reference == "":
		return nil
	case f.named() == nil:
		return fmt.Errorf("from: there is no run %s", f.reference)
	case f.from.of != f.sought():
		return errLookingUp
	case f.from.err != nil:
		return fmt.Errorf("from: %w", f.from.err)
	}
	return nil
}

// lookUp asks for the policy to start from if that is not known and not asked for.
func (f *form) lookUp() intent {
	if f.problem != errLookingUp || f.asked == f.sought() {
		return nil
	}
	f.asked = f.sought()
	return f.asked
}

// named is the listed run that the reference is about; nil: there is none. A name may have colons in it.
func (f *form) named() *store.Run {
	find := func(name string) *store.Run {
		at := slices.IndexFunc(f.s.runs, func(r *store.Run) bool { return r.Name == name || r.ID == name })
		if at < 0 {
			return nil
		}
		return f.s.runs[at]
	}
	if run := find(f.reference); run != nil {
		return run
	}
	if at := strings.LastIndexByte(f.reference, ':'); at >= 0 {
		return find(f.reference[:at])
	}
	return nil
}

// candidates are the names of runs to start from that begin like this: those of a model with the
// same name that have finished an episode. Whether it is the same model is seen by its content.
func (f *form) candidates(begun string) (names []string) {
	file := filepath.Base(f.settings.Model)
	model := strings.TrimSuffix(file, filepath.Ext(file))
	for _, r := range f.s.runs {
		if r.Episodes > 0 && strings.HasPrefix(r.Name, begun) && (f.settings.Model == "" || r.Model.Name == model) {
			names = append(names, r.Name)
		}
	}
	return names
}

func (f *form) completeRun(e *editor) bool { return e.extend(f.candidates(e.text())) }

// hint says what an entry is for; where a run is to be named, which ones there are.
func (f *form) hint(e *entry) string {
	if e.hint != "" {
		return e.hint
	}
	hint := "a run of this model, or RUN:EPISODE, to start from"
	if names := f.candidates(e.text()); e.typing() && len(names) > 0 && !slices.Contains(names, e.text()) {
		hint = "one of " + strings.Join(names, ", ")
	}
	return hint
}
