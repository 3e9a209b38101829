package engine

import (
	"fmt"
	"strconv"
	"strings"

	"galen/engine/compress/structure"
	"galen/engine/planner"
	"galen/engine/records"
	"galen/engine/workload"
	"galen/store"
)

// BaseFrom finds the policy that RUN or RUN:EPISODE names; without an episode it is the
// run's best. w reads stored runs.
func BaseFrom(w interface {
	Episode(nameOrID string, number int) (*Snapshot, *store.Episode, error)
}, reference string) (*planner.Base, error) {
	s, e, err := w.Episode(reference, 0)
	if at := strings.LastIndexByte(reference, ':'); err != nil && at >= 0 { // and no run has a name like that
		number, wrong := strconv.Atoi(reference[at+1:])
		if wrong != nil || number < 1 {
			return nil, fmt.Errorf("%q names no episode; give a run, or a run and an episode like demo:12", reference)
		}
		s, e, err = w.Episode(reference[:at], number)
	}
	switch {
	case err != nil:
		return nil, err
	case e == nil:
		return nil, fmt.Errorf("run %s has no finished episode to start from", s.Run.Name)
	}
	return &planner.Base{Policy: records.PolicyOf(e), Run: s.Run.Name, Episode: e.Number, Model: s.Run.Model.SHA256}, nil
}

// suitsModel checks that a base, if there is one, is of the model.
func suitsModel(b *planner.Base, load *workload.Workload) error {
	if b == nil {
		return nil
	}
	if err := isOf(b, load.Model.SHA256); err != nil {
		return err
	}
	channels, err := structure.Analyze(load.Graph)
	if err != nil {
		return err
	}
	if err := channels.Validate(b.Policy); err != nil {
		return fmt.Errorf("start from %s: %w", b, err)
	}
	return nil
}

// isOf checks that a base is not another model's.
func isOf(b *planner.Base, sha256 string) error {
	if b.Model != "" && b.Model != sha256 {
		return fmt.Errorf("run %s searched another model; start from a run of this one", b.Run)
	}
	return nil
}

// CheckBase checks that a base is of the model in a file, by its content.
func CheckBase(b *planner.Base, model string) error {
	sha256, err := workload.ModelHash(model)
	if err != nil {
		return err
	}
	return isOf(b, sha256)
}
