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
	release := undisturbed(latency.Threads)
	defer release()
	if d.reference, err = newYardstick(newSubject(p, latency.Threads)); err != nil {
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
	return d.measurePrepared(ctx, candidate, 1, usual)
}

func (d *timed) MeasureThoroughly(ctx context.Context, candidate *graph.Graph) (Measurement, error) {
	return d.measurePrepared(ctx, candidate, preparations, thorough)
}

// measurePrepared prepares a candidate some times and times it each time; the layers are those of the last.
func (d *timed) measurePrepared(ctx context.Context, candidate *graph.Graph, times int, wanted rigour) (Measurement, error) {
	var prepared []*samples
	var layers []LayerTime
	for range times {
		taken, timed, err := d.prepared(ctx, candidate, wanted)
		if err != nil {
			return Measurement{}, err
		}
		prepared, layers = append(prepared, taken), timed
	}
	result := measurementOf(prepared, d.reference.opened)
	result.Layers = layers
	result.ReferenceLayers = d.layers
	return result, nil
}

// prepared prepares a candidate and times it.
func (d *timed) prepared(ctx context.Context, candidate *graph.Graph, wanted rigour) (*samples, []LayerTime, error) {
	p, err := d.backend.prepare(candidate)
	if err != nil {
		return nil, nil, fmt.Errorf("prepare the candidate: %w", err)
	}
	defer p.close()
	release := undisturbed(latency.Threads)
	defer release()
	s := newSubject(p, latency.Threads)
	if err := d.reference.warmUpBeside(s); err != nil {
		return nil, nil, err
	}
	taken, err := d.reference.interleave(ctx, wanted, s)
	if err != nil {
		return nil, nil, err
	}
	return taken[0], p.layerTimes(), nil
}
