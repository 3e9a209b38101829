package hw

import (
	"context"
	"fmt"

	"galen/hw/graph"
)

// backend is a runtime on this machine: it makes programs of graphs.
type backend struct {
	fingerprint Fingerprint
	prepare     func(*graph.Graph) (program, error)
	close       func()
}

// timed is a device that runs networks on a backend and takes the time, by the
// measuring protocol.
type timed struct {
	backend   *backend
	reference *yardstick
	layers    []LayerTime
}

// newTimed makes a device of a backend, which it closes with itself or when it fails.
func newTimed(b *backend, reference *graph.Graph) (*timed, error) {
	p, err := b.prepare(reference)
	if err != nil {
		b.close()
		return nil, fmt.Errorf("prepare the reference model: %w", err)
	}
	d := &timed{backend: b}
	release := undisturbed(1)
	defer release()
	if d.reference, err = newYardstick(newSubject(p)); err != nil {
		p.close()
		b.close()
		return nil, fmt.Errorf("run the reference model: %w", err)
	}
	d.layers = p.layerTimes()
	return d, nil
}

func (d *timed) Fingerprint() Fingerprint { return d.backend.fingerprint }

func (d *timed) Close() error {
	d.reference.close()
	d.backend.close()
	return nil
}

func (d *timed) Measure(ctx context.Context, candidate *graph.Graph) (Measurement, error) {
	return d.measure(ctx, candidate, usual)
}

func (d *timed) MeasureThoroughly(ctx context.Context, candidate *graph.Graph) (Measurement, error) {
	return d.measure(ctx, candidate, thorough)
}

func (d *timed) measure(ctx context.Context, candidate *graph.Graph, wanted rigour) (Measurement, error) {
	p, err := d.backend.prepare(candidate)
	if err != nil {
		return Measurement{}, fmt.Errorf("prepare the candidate: %w", err)
	}
	defer p.close()
	release := undisturbed(1)
	defer release()
	s := newSubject(p)
	d.reference.warmUpBeside(s)
	taken, err := d.reference.interleave(ctx, wanted, s)
	if err != nil {
		return Measurement{}, err
	}
	result := taken[0].measurement(d.reference.opened)
	result.Layers = p.layerTimes()
	result.ReferenceLayers = d.layers
	return result, nil
}
