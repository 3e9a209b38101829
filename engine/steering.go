package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"galen/agents"
	"galen/engine/compress"
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
	Queue    []compress.Policy `json:"queue,omitempty"`    // policies to try next
	Followed int               `json:"followed,omitempty"` // how many entries of the journal the course includes; 0 in older records, too
	Start    start             `json:"start"`

	// Of iterative agents: what their memory is relative to (nil: the uncompressed network), and
	// the first episode of the round under way (0: none yet).
	Centre compress.Policy `json:"centre,omitempty"`
	Round  int             `json:"round,omitempty"`
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

// change is what a command did.
type change struct {
	effect string // for people: old → new
	undo   string // the command that takes it back; empty: none does
}

// steer changes the course by a command, as far as a course is concerned. What it does is
// a function of the arguments alone.
func (c *course) steer(cmd Command, layers []Layer, episodes []*store.Episode) (change, error) {
	s := &c.settings
	switch cmd.Kind {
	case Target:
		return set(s, &s.Target, cmd)
	case Beta:
		return set(s, &s.Beta, cmd)
	case Episodes:
		if int(cmd.Value) <= len(episodes) {
			return change{}, fmt.Errorf("%v episodes are no more than the %d that have finished", cmd.Value, len(episodes))
		}
		return set(s, &s.Episodes, cmd)
	case Reward:
		return set(s, &s.Reward, cmd)
	case Freeze, Thaw:
		return s.freeze(cmd)
	case Bound, Release:
		return s.limit(cmd, layers)
	case Rebase:
		return s.rebase(cmd, layers, episodes)
	case Try:
		policy, what, err := proposed(cmd, layers, episodes)
		if err != nil {
			return change{}, err
		}
		c.progress.Queue = append(slices.Clone(c.progress.Queue), policy)
		return change{effect: what}, nil
	}
	return change{}, fmt.Errorf("command %q is unknown", cmd.Kind)
}

// set gives one setting the command's value if the settings then make sense.
func set[T int | float64 | string](s *Settings, field *T, c Command) (change, error) {
	before := *field
	switch f := any(field).(type) {
	case *int:
		*f = int(c.Value)
	case *float64:
		*f = c.Value
	case *string:
		*f = c.Name
	}
	if err := s.Check(); err != nil {
		*field = before
		return change{}, err
	}
	return change{fmt.Sprintf("%v → %v", before, *field), fmt.Sprintf("%s %v", c.Kind, before)}, nil
}

// freeze takes a method from the agent, or gives it back.
func (s *Settings) freeze(c Command) (change, error) {
	frozen := slices.Contains(s.Frozen, c.Name)
	switch {
	case !slices.Contains(Methods, c.Name):
		return change{}, fmt.Errorf("method %q is unknown; choose from %v", c.Name, Methods)
	case c.Kind == Thaw && !frozen:
		return change{}, fmt.Errorf("%s is not frozen", c.Name)
	case c.Kind == Thaw:
		s.Frozen = slices.DeleteFunc(slices.Clone(s.Frozen), func(m string) bool { return m == c.Name })
		return change{c.Name + " is allowed again", string(Freeze) + " " + c.Name}, nil
	case frozen:
		return change{}, fmt.Errorf("%s is frozen already", c.Name)
	}
	with := append(slices.Clone(s.Frozen), c.Name)
	if !slices.ContainsFunc(Methods, func(m string) bool { return m != pruning && !slices.Contains(with, m) }) {
		return change{}, errors.New("one of fp32, int8 and mixed has to be left")
	}
	s.Frozen = with
	return change{c.Name + " is frozen", string(Thaw) + " " + c.Name}, nil
}

// limit narrows a layer's choices, or releases it. The sparsity of layers that are pruned
// together is limited at the one that decides.
func (s *Settings) limit(c Command, layers []Layer) (change, error) {
	at := slices.IndexFunc(layers, func(l Layer) bool { return l.Name == c.Name })
	switch {
	case len(layers) == 0:
		return change{}, errors.New("the layers are not known yet: try again in a moment")
	case at < 0:
		return change{}, fmt.Errorf("the model has no layer %q", c.Name)
	}
	before := s.Limits[c.Name]
	now := Limits{}
	if c.Kind == Bound {
		now = before.with(c.Limits)
		if err := s.suits(c.Limits, layers, at); err != nil {
			return change{}, err
		}
		if err := now.check(); err != nil {
			return change{}, err
		}
	} else if before.Free() {
		return change{}, fmt.Errorf("layer %s has no limits", c.Name)
	}
	s.Limits = maps.Clone(s.Limits)
	if now.Free() {
		delete(s.Limits, c.Name)
	} else {
		if s.Limits == nil {
			s.Limits = map[string]Limits{}
		}
		s.Limits[c.Name] = now
	}
	undo := Command{Kind: Bound, Name: c.Name}
	switch {
	case c.Kind == Release:
		undo.Limits = before
	case before.Free():
		undo.Kind = Release
	default:
		undo.Limits = before.before(c.Limits)
	}
	return change{before.String() + " → " + now.String(), undo.String()}, nil
}

// suits checks that a layer can be limited this way.
func (s *Settings) suits(l Limits, layers []Layer, at int) error {
	layer := layers[at]
	bits := l.Weights != nil || l.Activations != nil
	switch {
	case l.Sparsity != nil && !s.kind().Prunes():
		return fmt.Errorf("the %s agent does not prune", s.Agent)
	case bits && !s.kind().Quantizes():
		return fmt.Errorf("the %s agent does not quantize", s.Agent)
	case l.Sparsity != nil && l.Sparsity.Least > 0 && !layer.Prunable:
		return fmt.Errorf("%s cannot lose channels: %s", layer.Name, layer.Why)
	case l.Sparsity != nil && !layer.Root:
		root := slices.IndexFunc(layers, func(other Layer) bool { return other.Root && other.Group == layer.Group })
		if root >= 0 {
			return fmt.Errorf("%s is pruned together with %s, which decides: limit that one", layer.Name, layers[root].Name)
		}
	}
	for _, b := range []*Span[int]{l.Weights, l.Activations} {
		if b != nil && b.Most < 8 && !layer.Mixable {
			return fmt.Errorf("%s keeps at least 8 bits", layer.Name)
		}
	}
	return nil
}

// proposed is the policy a Try command is about.
func proposed(c Command, layers []Layer, episodes []*store.Episode) (p compress.Policy, what string, err error) {
	if c.Policy != nil {
		for i := range c.Policy {
			switch {
			case i >= len(layers) || c.Policy[i].Layer != layers[i].Name || len(c.Policy) != len(layers):
				return nil, "", fmt.Errorf("the policy does not name the model's %d layers in their order", len(layers))
			case c.Policy[i].Kept != nil:
				return nil, "", fmt.Errorf("the policy lists the channels that %s keeps: a search decides by sparsity which, so give that instead", layers[i].Name)
			}
		}
		return c.Policy, "a policy to try next", nil
	}
	n := int(c.Value)
	at, found := slices.BinarySearchFunc(episodes, n, func(e *store.Episode, n int) int { return e.Number - n })
	if !found {
		return nil, "", fmt.Errorf("there is no episode %d; %d have finished", n, len(episodes))
	}
	return policyOf(episodes[at]), fmt.Sprintf("the policy of episode %d is tried next", n), nil
}

// heed carries a person's command out if it makes sense now.
func (s *Search) heed(c Command) (change, error) {
	if err := s.sensible(c); err != nil {
		return change{}, err
	}
	return s.apply(c)
}

// sensible refuses a command that would come between those of an earlier session, which the journal has
// before it, and policies that could not be tried.
func (s *Search) sensible(c Command) error {
	switch c.Kind {
	case Pause, Resume, Step, Stop:
		return nil
	}
	if len(s.pending) > 0 {
		e := s.pending[0]
		return fmt.Errorf("%q from before the run was interrupted takes effect first, in episode %d: try again then", e.Command, e.Episode)
	}
	switch {
	case c.Kind == Try:
		return s.triable(c)
	case c.Kind == Rebase && c.Policy != nil:
		return s.compressor.Structure().Validate(c.Policy)
	}
	return nil
}

// apply carries a command out.
func (s *Search) apply(c Command) (change, error) {
	switch c.Kind {
	case Pause:
		if s.state == Paused {
			return change{}, errors.New("the search is paused already")
		}
		s.state = Paused
	case Resume:
		if s.state != Paused && s.state != Stepping {
			return change{}, errors.New("the search is not paused")
		}
		s.state, s.problem = s.working(), ""
	case Step:
		if s.agent == nil {
			return change{}, errors.New("there is nothing to step through before the first episode")
		}
		s.state, s.problem = Stepping, ""
	case Stop:
		s.stopping = true
	case Noise, Updates:
		return s.tune(c)
	case Try, Rebase:
		return s.course.steer(c, s.layers, s.episodes)
	default:
		done, err := s.course.steer(c, s.layers, s.episodes)
		if err == nil {
			s.best = bestOf(s.episodes, s.settings.Target)
			if s.agent != nil {
				s.agent.Rescore(s.settings.reward())
			}
		}
		return done, err
	}
	return change{}, nil
}

// tunable is an agent whose learning can be steered.
type tunable interface {
	Settings() agents.Settings
	SetNoise(sigma float64)
	SetUpdates(n int)
}

// tune changes how the agent learns.
func (s *Search) tune(c Command) (change, error) {
	agent, ok := s.agent.(tunable)
	switch {
	case s.agent == nil:
		return change{}, errors.New("there is no agent yet: try again when the episodes have begun")
	case !ok:
		return change{}, fmt.Errorf("the %s agent has neither noise nor updates to set", s.settings.Agent)
	case c.Kind == Noise && !(c.Value >= 0 && c.Value <= 1):
		return change{}, fmt.Errorf("noise %v: give a number from 0 to 1", c.Value)
	case c.Kind == Updates && c.Value > 10_000:
		return change{}, fmt.Errorf("updates %v: give a number from 0 to 10000", c.Value)
	}
	var before float64
	if c.Kind == Noise {
		before = s.agent.Noise()
		agent.SetNoise(c.Value)
	} else {
		before = float64(agent.Settings().Updates)
		agent.SetUpdates(int(c.Value))
	}
	return change{fmt.Sprintf("%.3g → %.3g", before, c.Value), fmt.Sprintf("%s %s", c.Kind, plain(before))}, nil
}

// triable checks that a policy can be tried and lies within what the agent decides about:
// only then does it learn the right thing from the outcome.
func (s *Search) triable(c Command) error {
	if s.agent == nil {
		return errors.New("policies can be tried when the episodes have begun")
	}
	policy, _, err := proposed(c, s.layers, s.episodes)
	if err != nil {
		return err
	}
	if err := s.compressor.Structure().Validate(policy); err != nil {
		return err
	}
	for i, p := range policy {
		base := s.base[i]
		switch {
		case p.Sparsity != base.Sparsity && !s.space.Kind.Prunes():
			return fmt.Errorf("the %s agent does not prune, and the policy has %s lose %.4g of its channels instead of %.4g", s.settings.Agent, p.Layer, p.Sparsity, base.Sparsity)
		case (p.WeightBits != base.WeightBits || p.ActivationBits != base.ActivationBits) && !s.space.Kind.Quantizes():
			return fmt.Errorf("the %s agent does not quantize, and the policy gives %s %d bits of weights and %d of activations instead of %d and %d",
				s.settings.Agent, p.Layer, p.WeightBits, p.ActivationBits, base.WeightBits, base.ActivationBits)
		}
	}
	return nil
}

// choiceOf is a layer's policy as a choice.
func choiceOf(p compress.LayerPolicy) agents.Choice {
	return named(agents.Choice{Sparsity: p.Sparsity, WeightBits: p.WeightBits, ActivationBits: p.ActivationBits})
}

// obey applies a command, writes it to the journal and acknowledges it.
func (s *Search) obey(r request) {
	switch r.Kind {
	case Cost:
		r.reply <- s.timeLayer(r.Name)
		return
	case rename:
		run := *s.run
		run.Name, s.run = r.Name, &run
		s.publish()
		r.reply <- nil
		return
	}
	undoes := 0
	if r.Kind == Undo {
		var err error
		if undoes, r.Command, err = undoing(s.journal, r.Who); err != nil {
			r.reply <- err
			return
		}
	}
	done, err := s.heed(r.Command)
	if err != nil {
		r.reply <- err
		return
	}
	entry := store.JournalEntry{
		Time: time.Now().UTC(), Who: r.Who, Command: r.Command.String(), Effect: done.effect, Undo: done.undo, Undoes: undoes,
		Episode: len(s.episodes) + 1, Step: s.step,
	}
	if err := s.db.AppendJournal(s.run.ID, entry); err != nil {
		r.reply <- fmt.Errorf("%s took effect but is not in the journal: %w", r.Kind, err)
		return
	}
	s.journal = append(s.journal, entry)
	s.note(logInfo, "%s: %s", entry.Who, strings.TrimSpace(entry.Command+"   "+entry.Effect))
	s.publish()
	r.reply <- nil
}

// After is the snapshot with the settings that a command will leave; the same one if it changes none,
// or would be refused.
func (s *Snapshot) After(c Command) *Snapshot {
	now := course{settings: s.Settings}
	if _, err := now.steer(c, s.Layers, s.Episodes); err != nil {
		return s
	}
	after := *s
	after.Settings = now.settings
	return &after
}

// Preview says what a command would do now; empty where only the search can tell.
func (s *Snapshot) Preview(c Command) (effect string, err error) {
	switch c.Kind {
	case Undo:
		if _, c, err = undoing(s.Journal, ""); err != nil {
			return "", err
		}
		effect, err = s.Preview(c)
		return c.String() + ": " + effect, err
	case Pause, Resume, Step, Stop, Noise, Updates:
		return "", nil
	case Cost:
		return "", s.Timeable()
	}
	now := course{settings: s.Settings}
	done, err := now.steer(c, s.Layers, s.Episodes)
	return done.effect, err
}
