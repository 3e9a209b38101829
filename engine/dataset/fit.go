package dataset

import (
	"fmt"
	"slices"
)

// fit has the images of opened data fitted to the wanted shape; an error of opening it
// is handed on.
func (o Options) fit(data *Data, err error) (*Data, error) {
	if err != nil {
		return nil, err
	}
	if err := data.Train.fit(o); err != nil {
		return nil, err
	}
	if data.Test != nil {
		err = data.Test.fit(o)
	}
	return data, err
}

// fit has images of another size than wanted resized and cropped when they are read.
func (s *Set) fit(o Options) error {
	if len(o.Shape) == 0 || slices.Equal(o.Shape, s.Shape) && o.Resize == 0 {
		return nil
	}
	if o.Shape[0] != s.Shape[0] {
		return fmt.Errorf("the network takes images of %d channels, those of %s have %d; convert the images or choose another network", o.Shape[0], s.Name, s.Shape[0])
	}
	side := o.Resize
	if side == 0 {
		side = max(o.Shape[1], o.Shape[2])
	}
	s.source = &resized{
		source:     s.pixels(),
		elements:   s.Shape.Elements(),
		width:      s.Shape[2],
		resampling: newResampling(s.Shape[2], s.Shape[1], side, o.Shape[2], o.Shape[1]),
	}
	s.Images, s.Shape = nil, slices.Clone(o.Shape)
	return nil
}

// resized is images of one size taken to another.
type resized struct {
	source
	elements, width int // of the images as stored
	resampling      resampling
}

func (r *resized) read(i int, dst []uint8) error {
	stored := make([]uint8, r.elements)
	if err := r.source.read(i, stored); err != nil {
		return err
	}
	plane := len(r.resampling.rows.taps) * len(r.resampling.columns.taps)
	channels := len(dst) / plane
	for c := range channels {
		in := stored[c*r.elements/channels : (c+1)*r.elements/channels]
		r.resampling.apply(dst[c*plane:(c+1)*plane], in, r.width)
	}
	return nil
}
