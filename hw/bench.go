package hw

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"galen/hw/graph"
)

// benchLimit bounds the time spent on each comparison of two devices.
const benchLimit = 8 * time.Second

// BenchOptions say how to run a network for timing.
type BenchOptions struct {
	Options
	Load
	Layers bool // time the layers on local one by one
}

// Bench is how fast a network runs on several devices, whose samples were taken in turn.
type Bench struct {
	Load     Load
	Devices  []BenchDevice
	Ratios   []BenchRatio // of the first device to each other
	Layers   []LayerSpeed // on local, of one image on one thread; only if asked for
	Peak     Peak         // zero without layers
	LayersMS float64      // of all layers together; the rest of a run is not theirs
}

// BenchDevice is how fast one device was.
type BenchDevice struct {
	Name        string // local, ort; in full where that is ambiguous
	Fingerprint Fingerprint
	Latency     Statistic // of a whole batch
	Samples     int
	Flags       []string // noisy, drifting, throttled
}

// BenchRatio is a device's latency as a share of another's, paired sample by sample.
type BenchRatio struct {
	Device, Other string
	Ratio         float64
	Error         float64 // half width of its 95 % confidence interval
}

// RunBench times a network on devices that run networks, local and ort:LIBRARY, each once.
// The first device is the reference of the measuring protocol.
func RunBench(ctx context.Context, g *graph.Graph, devices []string, o BenchOptions) (*Bench, error) {
	if err := o.check(devices); err != nil {
		return nil, err
	}
	b := &Bench{Load: o.Load}
	var subjects []*subject
	for i, name := range devices {
		backend, err := openBackend(name, o.Load, o.Options)
		if err != nil {
			return nil, err
		}
		defer backend.close()
		p, err := backend.prepare(g)
		if err != nil {
			return nil, fmt.Errorf("prepare the network on %s: %w", name, err)
		}
		defer p.close()
		subjects = append(subjects, newSubject(p, o.Threads))
		b.Devices = append(b.Devices, BenchDevice{Name: shortName(devices, i), Fingerprint: backend.fingerprint})
	}
	if err := b.compareSubjects(ctx, subjects, o.Threads); err != nil {
		return nil, err
	}
	if o.Layers {
		if at := slices.Index(devices, localName); at >= 0 {
			return b, b.timeLayers(g, subjects[at].program.(*compiled))
		}
	}
	return b, nil
}

func (o BenchOptions) check(devices []string) error {
	switch {
	case len(devices) == 0:
		return errors.New("name at least one device")
	case o.Threads < 1 || o.Threads > 1024:
		return fmt.Errorf("threads %d: give a number from 1 to 1024", o.Threads)
	case o.Batch < 1 || o.Batch > 4096:
		return fmt.Errorf("batch %d: give a number of images from 1 to 4096", o.Batch)
	case o.Layers && !slices.Contains(devices, localName):
		return errors.New("layers are timed on local only; add it to the devices")
	}
	for i, name := range devices {
		if _, err := Locate(name); err != nil {
			return err
		}
		if name == rooflinePrefix {
			return fmt.Errorf("device %s computes latencies and runs nothing; bench takes local and ort:LIBRARY", name)
		}
		if slices.Contains(devices[:i], name) {
			return fmt.Errorf("device %s is named twice", name)
		}
	}
	return nil
}

// shortName is a device's name without what follows its colon, if no other device has the same.
func shortName(devices []string, i int) string {
	short, _, _ := strings.Cut(devices[i], ":")
	for j, other := range devices {
		if j != i && strings.HasPrefix(other, short) {
			return devices[i]
		}
	}
	return short
}

// compareSubjects compares the first subject with the others; one alone is compared with itself.
func (b *Bench) compareSubjects(ctx context.Context, subjects []*subject, threads int) error {
	release := undisturbed(threads)
	defer release()
	reference, err := newYardstick(subjects[0])
	if err != nil {
		return err
	}
	others := subjects[1:]
	if len(others) == 0 {
		others = subjects
	}
	if err := reference.warmUpBeside(others...); err != nil {
		return err
	}
	wanted := usual
	wanted.limit = benchLimit * time.Duration(len(others))
	taken, err := reference.interleave(ctx, wanted, others...)
	if err != nil {
		return err
	}
	first := &b.Devices[0]
	for i, s := range taken {
		m := s.measurement(reference.opened)
		if i == 0 {
			first.Latency, first.Samples, first.Flags = m.Reference, len(s.reference), m.Flags
		}
		if len(subjects) == 1 {
			break
		}
		other := &b.Devices[1+i]
		other.Latency, other.Samples, other.Flags = m.Candidate, len(s.candidate), m.Flags
		b.Ratios = append(b.Ratios, s.inverse(first.Name, other.Name))
	}
	return nil
}

// inverse is the reference's latency as a share of the candidate's.
func (s *samples) inverse(reference, candidate string) BenchRatio {
	ratio := make([]float64, len(s.ratio))
	for i, r := range s.ratio {
		ratio[i] = 1 / r
	}
	return BenchRatio{Device: reference, Other: candidate, Ratio: median(ratio), Error: medianError(ratio)}
}
