// Package headless reports a search as plain lines or JSON, for scripts, logs and
// machines without a terminal.
package headless

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"galen/engine"
	"galen/store"
	"galen/ui/plain"
	"galen/ui/shell"
)

// Source is where a running search is followed; see engine.Workbench.
type Source interface {
	Wait(ctx context.Context, after uint64) (*engine.Snapshot, error)
}

// Options say how to report.
type Options struct {
	JSON bool // one object a line instead of text
	Live bool // out is a terminal: show progress on a line that is overwritten

	Database string // what commands to go on with pass as --db; empty: nothing
}

// ErrGaveWay means that somebody began to search another run.
var ErrGaveWay = errors.New("gave way")

// Follow reports the search of a run, by its ID, on out until it ends. It returns the search's own
// problem as an error if it failed or paused itself, [ErrGaveWay], and ctx's error if that ended first.
func Follow(ctx context.Context, source Source, run string, out io.Writer, o Options) error {
	r := reporter{out: out, Options: o}
	var version uint64
	for {
		s, err := source.Wait(ctx, version)
		if err != nil {
			r.clearProgress()
			return err
		}
		version = s.Version
		if s.Run.ID != run {
			r.clearProgress()
			return fmt.Errorf("run %s %w to run %s", run, ErrGaveWay, s.Run.Name)
		}
		if err := r.report(s); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		if s.Problem != "" && (s.State == engine.Failed || s.State == engine.Paused) {
			return errors.New(s.Problem) // nobody is there to resume it
		}
		if !s.State.Live() {
			return nil
		}
	}
}

type reporter struct {
	Options
	out       io.Writer
	started   bool
	reference bool
	episodes  int    // reported
	activity  string // the last one reported as a line
	progress  bool   // a progress line stands on the terminal
}

func (r *reporter) report(s *engine.Snapshot) error {
	if !r.started {
		r.started = true
		r.episodes = len(s.Episodes)
		r.text("run %s (%s): %s agent on %s, target %.3g × the original latency, %d episodes\n",
			s.Run.Name, s.Run.ID, s.Settings.Agent, s.Settings.Device, s.Settings.Target, s.Settings.Episodes)
		if r.episodes > 0 {
			r.text("resumed after episode %d\n", r.episodes)
		}
	}
	if s.Reference != nil && !r.reference {
		r.reference = true
		if err := r.writeReference(s); err != nil {
			return err
		}
	}
	for ; r.episodes < len(s.Episodes); r.episodes++ {
		if err := r.writeEpisode(s, s.Episodes[r.episodes]); err != nil {
			return err
		}
	}
	if !s.State.Live() {
		return r.writeDone(s)
	}
	r.writeProgress(s)
	return nil
}

func (r *reporter) writeReference(s *engine.Snapshot) error {
	ref := s.Reference
	if r.JSON {
		return r.object(struct {
			Event     string  `json:"event"`
			Run       string  `json:"run"`
			Accuracy  float64 `json:"accuracy"`
			LatencyMS float64 `json:"latency_ms"`
			MACs      int64   `json:"macs"`
			BOPs      int64   `json:"bops"`
		}{"reference", s.Run.ID, ref.Accuracy, ref.LatencyMS, ref.MACs, ref.BOPs})
	}
	r.text("reference: %.2f %% top-1, %.3f ms, %.1f M MACs\n", 100*ref.Accuracy, ref.LatencyMS, float64(ref.MACs)/1e6)
	return nil
}

func (r *reporter) writeEpisode(s *engine.Snapshot, e *store.Episode) error {
	if r.JSON {
		return r.object(struct {
			Event        string  `json:"event"`
			Episode      int     `json:"episode"`
			Accuracy     float64 `json:"accuracy"`
			LatencyMS    float64 `json:"latency_ms"`
			LatencyRatio float64 `json:"latency_ratio"`
			Reward       float64 `json:"reward"`
			MACs         int64   `json:"macs"`
			BOPs         int64   `json:"bops"`
			Seconds      float64 `json:"seconds"`
		}{"episode", e.Number, e.Accuracy, e.LatencyMS, e.LatencyRatio, e.Reward, e.MACs, e.BOPs, e.Seconds})
	}
	mark := ""
	if s.Best != nil && s.Best.Number == e.Number {
		mark = "  best"
	}
	r.text("episode %*d/%d  %6.2f %%  %.3f×  %.3f ms  reward %+.3f  %.1f s%s%s\n",
		len(fmt.Sprint(s.Settings.Episodes)), e.Number, s.Settings.Episodes,
		100*e.Accuracy, e.LatencyRatio, e.LatencyMS, e.Reward, e.Seconds, remaining(s.Remaining), mark)
	return nil
}

func (r *reporter) writeDone(s *engine.Snapshot) error {
	r.clearProgress()
	if r.JSON {
		type best struct {
			Episode      int     `json:"episode"`
			Accuracy     float64 `json:"accuracy"`
			LatencyRatio float64 `json:"latency_ratio"`

			Confirmed *store.Confirmation `json:"confirmed,omitempty"`
		}
		done := struct {
			Event string `json:"event"`
			Run   string `json:"run"`
			State string `json:"state"`
			Best  *best  `json:"best"`
		}{Event: "done", Run: s.Run.ID, State: string(s.State)}
		if b := s.Best; b != nil {
			done.Best = &best{b.Number, b.Accuracy, b.LatencyRatio, b.Confirmed}
		}
		return r.object(done)
	}
	if b := s.Best; b != nil {
		what := fmt.Sprintf("%s: best is", s.State)
		if !s.Met() {
			what = fmt.Sprintf("%s: no policy meets the target; the fastest is", s.State)
		}
		r.text("%s episode %d with %.2f %% at %.3f× (target %.3g×)\n", what, b.Number, 100*b.Accuracy, b.LatencyRatio, s.Settings.Target)
		if c := b.Confirmed; c != nil {
			r.text("timed for longer, it takes %.3f× ± %.3f", c.LatencyRatio, c.RatioError)
			if c.Images > 0 {
				r.text("; on %d other images it has %.2f %%", c.Images, 100*c.Accuracy)
			}
			r.text("\n")
		}
		r.text("export it with: %s\n", shell.Command(r.Database, "export", s.Run.Name, "--onnx", "FILE"))
	}
	return nil
}

// writeProgress keeps a terminal's last line up to date; elsewhere each activity
// outside episodes is named once.
func (r *reporter) writeProgress(s *engine.Snapshot) {
	if r.JSON {
		return
	}
	text := s.Activity
	if s.Total > 0 {
		text = fmt.Sprintf("%s %d/%d", s.Activity, s.Done, s.Total)
	}
	if r.Live {
		plain.Fprintf(r.out, "\r\x1b[K%s%s", text, remaining(s.Remaining))
		r.progress = true
		return
	}
	if s.State == engine.Preparing && s.Activity != r.activity {
		r.activity = s.Activity
		r.text("%s …\n", s.Activity)
	}
}

func (r *reporter) clearProgress() {
	if r.progress {
		fmt.Fprint(r.out, "\r\x1b[K")
		r.progress = false
	}
}

func (r *reporter) text(format string, arguments ...any) {
	if !r.JSON {
		r.clearProgress()
		plain.Fprintf(r.out, format, arguments...)
	}
}

func (r *reporter) object(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(r.out, "%s\n", line)
	return err
}

func remaining(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return fmt.Sprintf("  %s left", d.Round(time.Second))
}
