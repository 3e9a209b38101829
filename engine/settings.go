package engine

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"galen/engine/compress"
	"galen/engine/dataset"
	"galen/engine/planner"
	"galen/engine/workload"
	"galen/hw"
	"galen/store"
)

// Settings are what a person decides about a run; they are stored with it. Steering
// changes some of the planner's.
type Settings struct {
	Name     string `json:"name"`
	Demo     bool   `json:"demo,omitempty"`      // the built-in model and data
	Model    string `json:"model,omitempty"`     // path of the ONNX file
	Data     string `json:"data,omitempty"`      // path of the data; see dataset.OpenFor
	Device   string `json:"device"`              // where latency is measured, as hw.Open takes it
	DataSeed uint64 `json:"data_seed,omitempty"` // splits the data; 0: Seed does
	Repair   string `json:"repair,omitempty"`    // one of Repairs; empty: automatic
	Images   int    `json:"images,omitempty"`    // that score each policy, if the data has as many to spare; 0: 1,000

	planner.Settings
	workload.DataOptions
}

// Repairs are how compressed layers make up for what they lost: refitted one after the other, which
// keeps most accuracy; each by itself, kept beside the runs and put together in no time,
// which suits large networks; or corrected in their statistics alone. Automatic is one of
// the first two, by the size of the network.
var Repairs = []string{automatic, string(compress.Sequential), string(compress.Independent), string(compress.Statistics)}

const automatic = "automatic"

// repair is how layers of a network with so many weights are repaired. Refitting one after the other
// takes seconds a policy at the limit, and more than in proportion beyond; large networks also have
// more to spare.
func (s Settings) repair(weights int64) compress.Repair {
	const most = 1_000_000
	switch {
	case s.Repair != "" && s.Repair != automatic:
		return compress.Repair(s.Repair)
	case weights > most:
		return compress.Independent
	}
	return compress.Sequential
}

// images is how many images are wanted to score policies; runs from before there was a choice have the
// number that was the only one.
func (s Settings) images() int { return cmp.Or(s.Images, dataset.DefaultValidation) }

// workload is what there is to work on.
func (s Settings) workload() workload.Options {
	o := workload.Options{Model: s.Model, Data: s.Data, Seed: s.dataSeed(), Images: s.images(), DataOptions: s.DataOptions}
	if s.Demo {
		o.Model, o.Data = workload.Demo, workload.Demo
	}
	return o
}

// dataSeed splits the data into the images that calibrate, score and judge.
func (s Settings) dataSeed() uint64 { return cmp.Or(s.DataSeed, s.Seed) }

// DefaultSettings are those of a run of which only model and data are known.
func DefaultSettings() Settings {
	return Settings{
		Device: "local",
		Images: workload.UsualImages,
		Settings: planner.Settings{
			Agent: "joint", Target: 0.2, Reward: "r7", Beta: -2, Episodes: 410, Seed: workload.UsualSeed, RoundTo: 4, MaxBits: 6,
		},
	}
}

// DemoSettings are those of the built-in demo.
func DemoSettings() Settings {
	s := DefaultSettings()
	s.Name, s.Demo, s.Target, s.Episodes = "demo", true, 0.45, 200
	return s
}

// Check reports the first setting that makes no sense, and what would.
func (s Settings) Check() error {
	switch {
	case !s.Demo && s.Model == "":
		return errors.New("no model: name an ONNX file with --model, or try the built-in one with galen demo")
	case !s.Demo && s.Data == "":
		return errors.New("no data: name a folder with --data")
	case s.Images < 0 || s.Images > 1_000_000:
		return fmt.Errorf("images %d: give a number from 1 to 1000000", s.Images)
	case s.Repair != "" && !slices.Contains(Repairs, s.Repair):
		return fmt.Errorf("repair %q is unknown; choose one of %s", s.Repair, strings.Join(Repairs, ", "))
	}
	if err := s.Settings.Check(); err != nil {
		return err
	}
	return hw.Check(s.Device)
}

// Resolved checks the settings, finds the device and makes paths independent of the working directory.
func (s Settings) Resolved() (Settings, error) {
	err := s.Check()
	if err != nil {
		return s, err
	}
	if s.Device, err = hw.Locate(s.Device); err != nil {
		return s, err
	}
	if s.Demo {
		return s, nil
	}
	for _, path := range []*string{&s.Model, &s.Data} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return s, fmt.Errorf("locate %s: %w", *path, err)
		}
		*path = absolute
	}
	return s, nil
}

// decodeSettings reads the settings a run was stored with. Runs from before there was a
// choice of rewards had r6.
func decodeSettings(run *store.Run) (Settings, error) {
	s := Settings{Settings: planner.Settings{Reward: "r6"}}
	if err := json.Unmarshal(run.Settings, &s); err != nil {
		return s, fmt.Errorf("run %s: read its settings: %w", run.Name, err)
	}
	return s, s.Check()
}
