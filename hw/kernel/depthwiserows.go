package kernel

// depthwiseRows is a float convolution of each channel alone that goes over the image for some channels at a time, so
// that the rows of the image under the window stay in the first-level cache from one output row to the next, and in
// each row over runs of tiles.
type depthwiseRows struct {
	floatLayer
	weights  []float32 // packed
	channels int       // at a time
	runs     []depthwiseRun
	offsets  []int32 // in bytes
}

// depthwiseRun is a number of tiles alike, side by side.
type depthwiseRun struct {
	kernel     depthwiseTiles
	tiles      int
	pixels     int // of a tile
	first      int // output pixel
	tap, taps  int // as the kernel counts them: rows of the window if it slides
	tapWeights int // weights, per channel, of such a tap
	offsets    int // where the first tile's offsets begin
	offsetStep int // from tile to tile
}

// slidingKernels compute tiles of a row whose windows overlap: by the width of the window, the step from one to the next
// and the pixels of a tile.
type slidingKernels map[[3]int]depthwiseTiles

// depthwiseCache is the part of the first-level cache, in bytes, for what a depthwise convolution reads again.
const depthwiseCache = 24 << 10

func newDepthwiseRows(v *vector, l floatLayer, weight []float32) *depthwiseRows {
	w := l.shape.Window
	reach := (w.Kernel[0]-1)*w.Dilation[0] + 1
	channels := depthwiseCache / floatBytes / (min(reach, w.InH)*w.InW + w.Taps()) / lanes * lanes
	rows := &depthwiseRows{floatLayer: l, weights: packDepthwiseFloats(l.shape, weight)}
	rows.channels = min(max(channels, lanes), l.stride)
	t := newTiling(w, len(v.depthwiseTiles)-1, l.stride*floatBytes, true)
	for _, i := range t.tiles {
		r := rows.plan(v, t, i)
		if last := len(rows.runs) - 1; last >= 0 {
			l := &rows.runs[last]
			same := l.first+l.tiles*i.pixels == r.first && l.tap == r.tap && l.taps == r.taps && l.offsetStep == r.offsetStep
			if same && i.pixels == l.pixels && l.tiles < poolRun/i.pixels {
				l.tiles++
				continue
			}
		}
		rows.runs = append(rows.runs, r)
	}
	return rows
}

// plan makes a run of one tile and appends its offsets.
func (rows *depthwiseRows) plan(v *vector, t tiling, i tile) depthwiseRun {
	w, unit := &rows.shape.Window, rows.stride*floatBytes
	r := depthwiseRun{tiles: 1, pixels: i.pixels, first: i.first, offsets: len(rows.offsets)}
	width := w.Kernel[1]
	row, column := i.first/w.OutW, i.first%w.OutW
	slide := v.sliding[[3]int{width, w.Stride[1], i.pixels}]
	if slide == nil || w.Dilation[1] != 1 || column+i.pixels > w.OutW {
		r.kernel, r.tap, r.taps, r.tapWeights = v.depthwiseTiles[i.pixels], i.tap, i.taps, 1
		rows.offsets = append(rows.offsets, t.offsets[i.first*t.taps+i.tap*i.pixels:][:i.taps*i.pixels]...)
	} else {
		first, end := i.tap/width, (i.tap+i.taps-1)/width+1
		r.kernel, r.tap, r.taps, r.tapWeights = slide, first, end-first, width
		left := column*w.Stride[1] - w.Left
		for ky := first; ky < end; ky++ {
			y := row*w.Stride[0] + ky*w.Dilation[0] - w.Top
			for x := left; x < left+(i.pixels-1)*w.Stride[1]+width; x++ {
				pixel := 0
				if y >= 0 && y < w.InH && x >= 0 && x < w.InW {
					pixel = 1 + y*w.InW + x
				}
				rows.offsets = append(rows.offsets, int32(pixel*unit))
			}
		}
	}
	r.offsetStep = len(rows.offsets) - r.offsets
	return r
}

func (rows *depthwiseRows) Run(out, in, residual, _ []float32) {
	out, in, residual = rows.operands(1, out, in, residual)
	stride := rows.stride
	for channel := 0; channel < stride; channel += rows.channels {
		channels := min(rows.channels, stride-channel)
		for i := range rows.runs {
			r := &rows.runs[i]
			at := (1+r.first)*stride + channel
			r.kernel(r.tiles, r.offsetStep*floatBytes, r.taps, channels,
				&in[channel], &rows.weights[r.tap*r.tapWeights*stride+channel], &out[at], &rows.offsets[r.offsets],
				stride*floatBytes, stride*floatBytes, &rows.bias[channel], optional(residual, at), rows.lo, rows.hi)
		}
	}
	rows.clearLanes(out)
}
