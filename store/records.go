package store

import (
	"encoding/json"
	"time"
)

// Run is one search: who it is and how far it came.
type Run struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Created  time.Time       `json:"created"`
	State    string          `json:"state"`
	Problem  string          `json:"problem,omitempty"`  // why it failed or paused itself
	Settings json.RawMessage `json:"settings"`           // the engine's, verbatim, as of the latest episode
	Progress json.RawMessage `json:"progress,omitempty"` // the engine's, as of the latest episode
	Model    Source          `json:"model"`
	Data     Source          `json:"data"`
	Device   string          `json:"device"`   // description of where latency is measured
	Episodes int             `json:"episodes"` // finished
	Budget   int             `json:"budget"`
	Elapsed  time.Duration   `json:"elapsed"` // working time, pauses left out
	Best     *Best           `json:"best,omitempty"`
	Trend    []float64       `json:"trend,omitempty"` // a few numbers that show how rewards developed; none in older records
}

// Source identifies the model or data a run was made with.
type Source struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	SHA256 string `json:"sha256"` // hexadecimal, of the content

	Mean []float32 `json:"mean,omitempty"` // of data: what normalized its pixels, per channel, on the scale from 0 to 1
	Std  []float32 `json:"std,omitempty"`
}

// Best points to a run's best episode.
type Best struct {
	Episode      int     `json:"episode"`
	Accuracy     float64 `json:"accuracy"`
	LatencyRatio float64 `json:"latency_ratio"`

	Confirmed *Confirmation `json:"confirmed,omitempty"` // nil: by the search's own figures only
}

// Reference is the uncompressed model's evaluation.
type Reference struct {
	Accuracy   float64   `json:"accuracy"` // top-1 on the validation images, in [0,1]
	LatencyMS  float64   `json:"latency_ms"`
	MACs       int64     `json:"macs"`
	BOPs       int64     `json:"bops"`
	Parameters int64     `json:"parameters"`
	LayerMS    []float64 `json:"layer_ms"` // per layer, as the device timed it
}

// Layer is what does not change about a layer during a run, and its sensitivity, which is
// measured again where the engine starts decisions from another network.
type Layer struct {
	Name        string      `json:"name"`    // as in the ONNX file
	Kind        string      `json:"kind"`    // Conv, Gemm
	Kernel      [2]int      `json:"kernel"`  // height, width; 1×1 for Gemm
	In          int         `json:"in"`      // channels
	Out         int         `json:"out"`     // channels
	MACs        int64       `json:"macs"`    // of the uncompressed layer
	Group       int         `json:"group"`   // channel group, from 0; layers that share one are pruned together
	Coupled     bool        `json:"coupled"` // whether the group has other layers
	Root        bool        `json:"root"`    // whether this layer decides its group's sparsity
	Prunable    bool        `json:"prunable"`
	Mixable     bool        `json:"mixable"`       // whether it may have fewer than 8 bits
	Why         string      `json:"why,omitempty"` // why it is not prunable; empty otherwise
	Sensitivity Sensitivity `json:"sensitivity"`   // empty until measured
}

// Sensitivity is how much one layer's compression changes the output distribution,
// as KL divergence; each curve has one entry per level.
type Sensitivity struct {
	Sparsity       []float64 `json:"sparsity"`
	ActivationBits []float64 `json:"activation_bits"`
	WeightBits     []float64 `json:"weight_bits"`
	Int8           float64   `json:"int8"`
	Float          float64   `json:"float"`

	Around string `json:"around,omitempty"` // the engine's name for the compressed network it was measured in; empty: the original
}

// Episode is one policy with what it achieved.
type Episode struct {
	Number       int           `json:"number"` // from 1
	Layers       []LayerResult `json:"layers"`
	Actions      [][]float64   `json:"actions"`  // per layer, after projection
	Accuracy     float64       `json:"accuracy"` // top-1 on the validation images, in [0,1]
	LatencyMS    float64       `json:"latency_ms"`
	LatencyMAD   float64       `json:"latency_mad"`     // median absolute deviation, milliseconds
	LatencyRatio float64       `json:"latency_ratio"`   // to the interleaved reference
	Samples      []float64     `json:"samples"`         // candidate latencies, milliseconds
	Flags        []string      `json:"flags,omitempty"` // what was wrong with the measurement: noisy, …
	Reward       float64       `json:"reward"`
	Noise        float64       `json:"noise"` // the agent's exploration σ; 0: none
	MACs         int64         `json:"macs"`
	BOPs         int64         `json:"bops"`
	Parameters   int64         `json:"parameters"`
	Seconds      float64       `json:"seconds"`
	Timing       *Timing       `json:"timing,omitempty"` // nil: written by a galen that took no times
	Finished     time.Time     `json:"finished"`
	Confirmed    *Confirmation `json:"confirmed,omitempty"` // nil: not looked at again
}

// Timing is where an episode's time went, in seconds of work, pauses left out.
type Timing struct {
	Deciding    float64 `json:"deciding"` // the agent's policy, layer by layer
	Compressing float64 `json:"compressing"`
	Scoring     float64 `json:"scoring"`
	Measuring   float64 `json:"measuring"`
	Learning    float64 `json:"learning"`
	Committing  float64 `json:"committing"` // of the episode before
}

// Confirmation is a second look at an episode that may be the best of its run: on images
// that nothing was chosen by, and timed for longer.
type Confirmation struct {
	Accuracy     float64  `json:"accuracy"` // top-1, in [0,1]
	Images       int      `json:"images"`   // 0: no others are held out, the accuracy is the search's
	LatencyMS    float64  `json:"latency_ms"`
	LatencyMAD   float64  `json:"latency_mad"` // median absolute deviation, milliseconds
	LatencyRatio float64  `json:"latency_ratio"`
	RatioError   float64  `json:"ratio_error"` // half width of its 95 % confidence interval
	Samples      int      `json:"samples"`
	Flags        []string `json:"flags,omitempty"`
	Looks        int      `json:"looks,omitempty"`    // how often it was timed, of which this is the surest; 0: once, by a galen that did not repeat
	Episodes     int      `json:"episodes,omitempty"` // the run had finished at the latest look; 0: written by a galen that did not count
}

// LayerResult is what a policy chose for one layer and what that costs.
type LayerResult struct {
	Name           string  `json:"name"`
	Asked          float64 `json:"asked"`           // sparsity the policy asked for, before rounding
	Sparsity       float64 `json:"sparsity"`        // share of output channels removed
	Kept           int     `json:"kept"`            // output channels left
	Channels       int     `json:"channels"`        // output channels of the original
	WeightBits     int     `json:"weight_bits"`     // 32: float
	ActivationBits int     `json:"activation_bits"` // 32: float
	Kernel         string  `json:"kernel"`          // what the runtime chose
	MS             float64 `json:"ms"`
	MACs           int64   `json:"macs"`
}

// JournalEntry records a command a person gave.
type JournalEntry struct {
	Time    time.Time `json:"time"`
	Who     string    `json:"who"`
	Command string    `json:"command"`
	Effect  string    `json:"effect,omitempty"` // what it changed: old → new
	Undo    string    `json:"undo,omitempty"`   // the command that takes it back
	Undoes  int       `json:"undoes,omitempty"` // the entry that this one takes back, from 1; 0: none
	Episode int       `json:"episode"`          // the first episode it applies to
	Step    int       `json:"step"`             // the step of it at which it took effect; −1: before the first
}
