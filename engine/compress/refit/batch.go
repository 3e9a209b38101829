package refit

import (
	"sync"

	"galen/hw/graph"
	"galen/hw/kernel"
	"galen/hw/runtime"
)

// Round rounds a batch to a quantization, in place.
func Round(workers Workers, b *runtime.Batch, q graph.Quant) {
	affine := kernel.Affine{Scale: q.Scale, Zero: q.Zero}
	scratch := sync.Pool{New: func() any {
		integers := kernel.Bytes((1 + b.Pixels) * b.Stride)
		return &integers
	}}
	workers.Each(b.N, func(i int) {
		integers := scratch.Get().(*[]uint8)
		kernel.QuantizeFloat(workers.ISA, *integers, b.Images[i], affine, uint8(q.Max()))
		kernel.Dequantize(workers.ISA, b.Images[i], *integers, affine)
		scratch.Put(integers)
	})
}

// rounded is a batch rounded to a quantization; the batch stays as it is.
func rounded(workers Workers, b *runtime.Batch, q graph.Quant) *runtime.Batch {
	out := runtime.NewBatch(b.Shape, b.N)
	workers.Each(b.N, func(i int) { copy(out.Images[i], b.Images[i]) })
	Round(workers, out, q)
	return out
}

// transform maps every channel's x to factor·x + shift, in place.
func transform(workers Workers, b *runtime.Batch, factor, shift []float32) {
	workers.Each(b.N, func(i int) {
		for p := range b.Pixels {
			pixel := b.Pixel(i, p)
			factor, shift := factor[:len(pixel)], shift[:len(pixel)]
			for ch, x := range pixel {
				pixel[ch] = float32(factor[ch]*x) + shift[ch]
			}
		}
	})
}
