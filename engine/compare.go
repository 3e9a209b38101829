package engine

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"galen/agents"
	"galen/engine/planner"
	"galen/engine/workload"
	"galen/hw/kernel"
	"galen/store"
)

// Comparison asks for the same search by several agents, each with several seeds.
type Comparison struct {
	Settings Settings // of every run but for Name, Agent and Seed
	Agents   []string // of Agents and Sequences
	Seeds    int      // 1, 2, …
}

// Sequences are pairs of agents that share a run's budget of episodes: the second one starts
// from the best policy of the first, which has half of the episodes and, as both are to
// contribute alike, the square root of the target.
var Sequences = []string{"prune>quantize", "quantize>prune"}

// Check reports what makes no sense, and what would.
func (c Comparison) Check() error {
	if len(c.Agents) == 0 {
		return fmt.Errorf("no agents: choose some of %s", strings.Join(slices.Concat(planner.Agents, Sequences), ", "))
	}
	if c.Seeds < 1 || c.Seeds > 1000 {
		return fmt.Errorf("%d seeds: give a number from 1 to 1000", c.Seeds)
	}
	for i, agent := range c.Agents {
		if slices.Contains(c.Agents[:i], agent) {
			return fmt.Errorf("agent %s is named twice", agent)
		}
		if slices.Contains(Sequences, agent) && c.Settings.Episodes < 2 {
			return fmt.Errorf("agents %s share %d episodes: give at least 2", agent, c.Settings.Episodes)
		}
		for _, s := range c.stages(agent, 1) {
			if err := s.Check(); err != nil {
				return err
			}
		}
	}
	return nil
}

// stages are the settings of an agent's run, or of the two of a sequence; all runs judge by the same images.
// A preset is left to the agents that have one.
func (c Comparison) stages(agent string, seed uint64) []Settings {
	s := c.Settings
	s.Agent, s.Seed, s.DataSeed = agent, seed, c.Settings.dataSeed()
	if !slices.Contains(Sequences, agent) {
		if !s.Learns() {
			s.Preset = ""
		}
		return []Settings{s}
	}
	first, second := s, s
	first.Agent, second.Agent, _ = strings.Cut(agent, ">")
	first.Target, first.Episodes = math.Sqrt(s.Target), s.Episodes/2
	second.Episodes -= first.Episodes
	return []Settings{first, second}
}

// Compared is how agents did at an equal budget.
type Compared struct {
	Settings Settings       `json:"settings"`
	Agents   []AgentResults `json:"agents"`
}

// AgentResults are the runs of one agent, by seed.
type AgentResults struct {
	Agent string      `json:"agent"`
	Runs  []RunResult `json:"runs"`
}

// RunResult is what one run came to.
type RunResult struct {
	Run      string        `json:"run"`
	Seed     uint64        `json:"seed"`
	Accuracy float64       `json:"accuracy"` // of the best episode, on validation images; 0: none meets the target
	Ratio    float64       `json:"ratio"`    // its latency ÷ the original's
	Others   float64       `json:"others"`   // its accuracy on images that nothing was chosen by; 0: none meets the target when timed for longer, or there are no such images
	Reserve  int           `json:"reserve"`  // how many these are
	Rewards  []float64     `json:"rewards"`  // the best so far, by episode
	Volume   float64       `json:"volume"`   // see Hypervolume
	Elapsed  time.Duration `json:"elapsed_ns"`
}

// Compare runs every agent with every seed, one after another, and reports. The runs are
// stored like any others: an interrupted comparison goes on where it was when it is asked
// for again. All runs share the original's evaluation and the sensitivities of the first
// one that measured them. progress is told before each run and after each episode.
func (w *Workbench) Compare(ctx context.Context, c Comparison, progress func(run string, episodes, budget int)) (*Compared, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if _, err := kernel.Default(); err != nil {
		return nil, err
	}
	var err error
	if c.Settings, err = c.Settings.Resolved(); err != nil {
		return nil, err
	}
	load, err := workload.Load(c.Settings.workload())
	if err != nil {
		return nil, err
	}
	return w.compare(ctx, c, load, progress)
}

func (w *Workbench) compare(ctx context.Context, c Comparison, load *workload.Workload, progress func(run string, episodes, budget int)) (*Compared, error) {
	prefix, err := c.name(load)
	if err != nil {
		return nil, err
	}
	compared := &Compared{Settings: c.Settings}
	first := ""
	for _, agent := range c.Agents {
		results := AgentResults{Agent: agent}
		for seed := range uint64(c.Seeds) {
			var runs []string
			for _, s := range c.stages(agent, seed+1) {
				s.Name = fmt.Sprintf("%s/%s/%d", prefix, agent, s.Seed)
				if s.Agent != agent {
					s.Name += "/" + s.Agent
				}
				if len(runs) > 0 {
					if s.Base, err = BaseFrom(w, runs[len(runs)-1]); err != nil {
						return nil, err
					}
				}
				run, err := w.comparedRun(s, load, first)
				if err != nil {
					return nil, err
				}
				if first == "" {
					first = run.ID
				}
				if State(run.State) != Finished {
					if err := w.see(ctx, run, load, progress); err != nil {
						return nil, err
					}
				}
				runs = append(runs, run.ID)
			}
			result, err := w.result(runs)
			if err != nil {
				return nil, err
			}
			results.Runs = append(results.Runs, result)
		}
		compared.Agents = append(compared.Agents, results)
	}
	return compared, nil
}

// name is the same for comparisons of runs that can be compared.
func (c Comparison) name(load *workload.Workload) (string, error) {
	s := c.Settings
	s.Name, s.Agent, s.Seed = "", "", 0
	identity, err := json.Marshal([]any{s, load.Model.SHA256, load.Data.SHA256})
	if err != nil {
		return "", fmt.Errorf("name the comparison: %w", err)
	}
	return fmt.Sprintf("compare-%x", sha256.Sum256(identity))[:len("compare-")+8], nil
}

// comparedRun finds the run with the settings' name or creates it, with what the
// preparation of another run found.
func (w *Workbench) comparedRun(s Settings, load *workload.Workload, prepared string) (*store.Run, error) {
	run, err := w.Find(s.Name)
	if err == nil || !errors.Is(err, store.ErrNotFound) {
		return run, err
	}
	settings, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode the settings: %w", err)
	}
	run, err = w.db.CreateRun(store.Run{
		Name: s.Name, Created: time.Now().UTC(), State: string(Paused), Settings: settings,
		Model: load.Model, Data: load.Data, Device: s.Device, Budget: s.Episodes,
	})
	if err != nil || prepared == "" {
		return run, err
	}
	reference, err := w.db.Reference(prepared)
	if err != nil {
		return nil, err
	}
	layers, err := w.db.Layers(prepared)
	if err != nil {
		return nil, err
	}
	return run, errors.Join(w.db.SetReference(run.ID, reference), w.db.SetLayers(run.ID, layers))
}

// see searches a run to its end.
func (w *Workbench) see(ctx context.Context, run *store.Run, load *workload.Workload, progress func(run string, episodes, budget int)) error {
	if err := w.startSearch(run.ID, load); err != nil {
		return err
	}
	version, episodes := uint64(0), -1
	for {
		s, err := w.Wait(ctx, version)
		if err != nil {
			w.mu.Lock()
			w.leave()
			w.mu.Unlock()
			return err
		}
		version = s.Version
		if s.Run.ID != run.ID {
			return fmt.Errorf("run %s gave way to run %s; compare again when that is through", run.Name, s.Run.Name)
		}
		if n := len(s.Episodes); n != episodes {
			episodes = n
			progress(run.Name, n, run.Budget)
		}
		switch {
		case s.State == Failed, s.Problem != "":
			return fmt.Errorf("run %s: %s", run.Name, s.Problem)
		case s.State == Stopped:
			return fmt.Errorf("run %s was stopped; delete it to compare again", run.Name)
		case s.State == Finished:
			w.mu.Lock()
			defer w.mu.Unlock()
			<-w.search.done
			return nil
		}
	}
}

// result sums the finished runs of a sequence, or a single one, up. All rewards are those
// that the last one would have given.
func (w *Workbench) result(ids []string) (RunResult, error) {
	var r RunResult
	last, err := w.View(ids[len(ids)-1])
	if err != nil {
		return r, err
	}
	var episodes []*store.Episode
	best, reward := math.Inf(-1), last.Settings.NewReward()
	for _, id := range ids {
		s, err := w.View(id)
		if err != nil {
			return r, err
		}
		r.Elapsed += s.Elapsed
		for _, e := range s.Episodes {
			best = max(best, reward(agents.Outcome{
				Accuracy: e.Accuracy, ReferenceAccuracy: s.Reference.Accuracy, Latency: e.LatencyRatio, ReferenceLatency: 1,
			}))
			r.Rewards = append(r.Rewards, best)
		}
		episodes = append(episodes, s.Episodes...)
	}
	r.Run, r.Seed, r.Volume = last.Run.ID, last.Settings.Seed, Hypervolume(episodes)
	if last.Best != nil {
		meets := func(ratio float64) bool { return WithinTarget(ratio, last.Settings.Target) }
		r.Ratio = last.Best.LatencyRatio
		if meets(r.Ratio) {
			r.Accuracy = last.Best.Accuracy
		}
		if c := last.Best.Confirmed; c != nil && c.Images > 0 {
			r.Reserve = c.Images
			if meets(c.LatencyRatio) {
				r.Others = c.Accuracy
			}
		}
	}
	return r, nil
}

// Hypervolume is the area between the front of episodes and the worst that can be of
// use, accuracy 0 and the original's latency: 1 would be all of the accuracy in no
// time (Zitzler and Thiele 1999).
func Hypervolume(episodes []*store.Episode) float64 {
	area, front := 0.0, Front(episodes)
	for i, e := range front {
		until := 1.0
		if i+1 < len(front) {
			until = min(until, front[i+1].LatencyRatio)
		}
		area += e.Accuracy * max(until-e.LatencyRatio, 0)
	}
	return area
}
