package engine

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"galen/agents"
	"galen/engine/compress"
	"galen/engine/onnx"
	"galen/hw/graph"
	"galen/store"
)

// Base is a policy that a search starts from. What the agent does not decide about stays
// as it is there: pruning keeps its bits, quantization its sparsities.
type Base struct {
	Policy  compress.Policy `json:"policy"`
	Run     string          `json:"run,omitempty"`     // the other run it is from; empty: none
	Episode int             `json:"episode,omitempty"` // of that run or, without one, of the run itself; 0: of none
	Model   string          `json:"model,omitempty"`   // SHA-256 of the other run's model
}

// String names the policy.
func (b *Base) String() string {
	switch {
	case b == nil:
		return "none"
	case b.Run != "":
		return fmt.Sprintf("%s:%d", b.Run, b.Episode)
	case b.Episode > 0:
		return fmt.Sprintf("episode %d", b.Episode)
	}
	return "a given policy"
}

// BaseFrom finds the policy that RUN or RUN:EPISODE names; without an episode it is the
// run's best. w reads stored runs.
func BaseFrom(w interface {
	Episode(nameOrID string, number int) (*Snapshot, *store.Episode, error)
}, reference string) (*Base, error) {
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
	return &Base{Policy: policyOf(e), Run: s.Run.Name, Episode: e.Number, Model: s.Run.Model.SHA256}, nil
}

// suits checks that a base is one of the model.
func (b *Base) suits(load *workload) error {
	if b == nil {
		return nil
	}
	if err := b.isOf(load.model.SHA256); err != nil {
		return err
	}
	structure, err := compress.Analyze(load.graph)
	if err != nil {
		return err
	}
	if err := structure.Validate(b.Policy); err != nil {
		return fmt.Errorf("start from %s: %w", b, err)
	}
	return nil
}

// isOf checks that a base is not another model's.
func (b *Base) isOf(sha256 string) error {
	if b.Model != "" && b.Model != sha256 {
		return fmt.Errorf("run %s searched another model; start from a run of this one", b.Run)
	}
	return nil
}

// IsOf checks that a base is of the model in a file, by its content.
func (b *Base) IsOf(model string) error {
	content, err := onnx.ReadFile(model)
	if err != nil {
		return fmt.Errorf("read the model: %w", err)
	}
	return b.isOf(hash(content))
}

// checkBase refuses a base to agents that would not use it.
func (s Settings) checkBase() error {
	if s.Base != nil && s.kind() == agents.Joint {
		return fmt.Errorf("the %s agent decides about channels and bits of every layer: there is nothing it could take from another policy", s.Agent)
	}
	return nil
}

// rebase makes an episode's policy the base, or a given one, or none.
func (s *Settings) rebase(c Command, layers []Layer, episodes []*store.Episode) (change, error) {
	before := s.Base
	var now *Base
	switch {
	case c.Name == none && s.iterative():
		return change{}, fmt.Errorf("the %s agent always moves around some policy: name an episode", s.Agent)
	case c.Name == none && before == nil:
		return change{}, errors.New("there is no base")
	case c.Name != none:
		policy, _, err := proposed(c, layers, episodes)
		if err != nil {
			return change{}, err
		}
		now = &Base{Policy: policy}
		if c.Policy == nil {
			now.Episode = int(c.Value)
		}
	}
	s.Base = now
	if err := s.checkBase(); err != nil {
		s.Base = before
		return change{}, err
	}
	undo := Command{Kind: Rebase}
	switch {
	case before == nil && s.iterative():
		return change{effect: fmt.Sprintf("%s → %s with the next episode", before, now)}, nil
	case before == nil:
		undo.Name = none
	case before.Run == "" && before.Episode > 0 && before.Episode <= len(episodes):
		undo.Value = float64(before.Episode)
	default:
		undo.Policy = before.Policy
	}
	return change{fmt.Sprintf("%s → %s with the next episode", before, now), undo.String()}, nil
}

// wantedBase is the policy that decisions start from.
func (s *Search) wantedBase() compress.Policy {
	if s.settings.Base == nil {
		return compress.Uniform(s.workload.graph, 0, graph.FloatBits)
	}
	return s.settings.Base.Policy
}

// applyBase lets the base that the settings name take effect: from then on decisions start from
// it, and the layers' sensitivities are those in the network it makes.
func (s *Search) applyBase(ctx context.Context) error {
	for first := true; first || !slices.EqualFunc(s.base, s.wantedBase(), sameLayerPolicy); first = false { // it may be steered meanwhile
		s.base = s.wantedBase()
		if s.settings.iterative() {
			s.around = s.window(s.base)
		}
		if err := s.measureSensitivity(ctx); err != nil {
			return err
		}
	}
	return nil
}

func sameLayerPolicy(a, b compress.LayerPolicy) bool {
	return a.Layer == b.Layer && a.Sparsity == b.Sparsity && a.WeightBits == b.WeightBits && a.ActivationBits == b.ActivationBits && slices.Equal(a.Kept, b.Kept)
}

// onBase is a choice with what the agent does not decide as it is in the base.
func (s *Search) onBase(step int, c agents.Choice) agents.Choice {
	base := choiceOf(s.base[step])
	if !s.space.Kind.Prunes() {
		c.Sparsity = base.Sparsity
	}
	if !s.space.Kind.Quantizes() {
		c.Method, c.WeightBits, c.ActivationBits = base.Method, base.WeightBits, base.ActivationBits
	}
	return c
}

// probes are the values at which the layers' sensitivities are measured, with a name for
// them and the policy they are measured in; empty: the original's, at the usual levels.
func (s *Search) probes() (probes []compress.Probe, name string, err error) {
	switch {
	case s.settings.iterative() && !s.beginning():
		for l := range s.base {
			probes = append(probes, s.levels(l))
		}
	case s.settings.Base == nil:
		return nil, "", nil
	default:
		var levels compress.Probe
		for level := range compress.Levels {
			x := float64(level) / compress.Levels
			levels.Sparsity = append(levels.Sparsity, x)
			levels.WeightBits = append(levels.WeightBits, agents.Bits(x, s.settings.MaxBits))
		}
		levels.ActivationBits = levels.WeightBits
		probes = slices.Repeat([]compress.Probe{levels}, len(s.base))
	}
	content, err := json.Marshal([]any{s.base, probes})
	if err != nil {
		return nil, "", fmt.Errorf("name the sensitivities: %w", err)
	}
	return probes, fmt.Sprintf("%x", sha256.Sum256(content))[:16], nil
}
