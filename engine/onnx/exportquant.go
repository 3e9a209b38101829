package onnx

import (
	"math"
	"strconv"

	"galen/hw/graph"
)

// layer writes a layer's weight and bias and gives the names to read them by. An integer weight
// becomes a DequantizeLinear per output channel; if the layer's input is quantized too, so does its bias,
// in units of the accumulator.
func (e *exporter) layer(name string, n *graph.Node) []string {
	w, bias := n.Weight(), n.Bias()
	if !w.Quantized() {
		names := []string{e.floats(name+".weight", w.Float, w.Shape...)}
		if bias != nil {
			names = append(names, e.floats(name+".bias", bias, len(bias)))
		}
		return names
	}
	channels := w.Shape[0]
	axis := intAttribute("axis", 0)
	levels := e.weightLevels(name+".weight_quantized", w)
	if w.Bits < 8 {
		e.metadata = append(e.metadata, Property{bitsKey + levels, strconv.Itoa(w.Bits)})
	}
	names := []string{e.add(name+".weight_DequantizeLinear", "DequantizeLinear", e.tensor(name+".weight", ""), []string{
		levels, e.floats(name+".weight_scale", w.Scale, channels), e.levels(name+".weight_zero_point", make([]int8, channels), channels),
	}, axis)}
	input := e.graph.Values[n.Inputs[0]].Quant
	switch {
	case bias == nil:
	case input == nil:
		names = append(names, e.floats(name+".bias", bias, channels))
	default:
		integers, scale := make([]int32, channels), make([]float32, channels)
		for o := range integers {
			integers[o] = graph.QuantizeBias(bias[o], input.Scale, w.Scale[o])
			scale[o] = input.Scale * w.Scale[o]
		}
		names = append(names, e.add(name+".bias_DequantizeLinear", "DequantizeLinear", e.tensor(name+".bias", ""), []string{
			e.accumulators(name+".bias_quantized", integers), e.floats(name+".bias_scale", scale, channels),
			e.accumulators(name+".bias_zero_point", make([]int32, channels)),
		}, axis))
	}
	return names
}

// quantized writes the QuantizeLinear/DequantizeLinear pair of a value whose real numbers are
// called raw and gives the name behind it: result, or one made from the value's name.
func (e *exporter) quantized(raw, value, result string, q graph.Quant, low, high int) string {
	if value == "" {
		value = raw
	}
	if result == "" {
		result = e.tensor(value+"_DequantizeLinear_Output", "")
	}
	return e.quantizedAs(raw, value, result, value+"_DequantizeLinear", q, low, high)
}

// quantizedAs does so with a given name for the DequantizeLinear. Where the integers are narrower than uint8, a
// Clip on the integers saturates them. It stands behind the QuantizeLinear, not before: there it would
// part the layer from its QuantizeLinear, and ONNX Runtime would compute the layer in float.
func (e *exporter) quantizedAs(raw, value, result, name string, q graph.Quant, low, high int) string {
	if value == "" {
		value = name
	}
	scale, zero := e.floats(value+"_scale", []float32{q.Scale}), e.byte(value+"_zero_point", q.Zero)
	stored := e.add(value+"_QuantizeLinear", "QuantizeLinear", e.tensor(value+"_QuantizeLinear_Output", ""), []string{raw, scale, zero})
	if low > 0 || high < math.MaxUint8 {
		stored = e.add(value+"_Saturate", "Clip", e.tensor(value+"_Saturate_Output", ""), []string{
			stored, e.byte(value+"_min", uint8(low)), e.byte(value+"_max", uint8(high)),
		})
	}
	return e.add(name, "DequantizeLinear", result, []string{stored, scale, zero})
}

// integerLimits moves the limits of a Relu or Clip whose result is quantized to the integers: rounding is monotonic, so
// limiting them is the same. The real operator that is left limits to what uint8 can hold, which the rounding does
// anyway, and ONNX Runtime drops it: the layer before meets its QuantizeLinear and runs on integers.
func integerLimits(op graph.Op, q graph.Quant) (left graph.Op, low, high int) {
	high = q.Max()
	clamp, ok := op.(graph.Clamp)
	if _, relu := op.(graph.Relu); !ok || relu && q.Zero == 0 { // which ONNX Runtime drops as it is
		return op, 0, high
	}
	var clip graph.Clip
	clip.Min, clip.Max = clamp.Limits()
	level := func(real float32) int {
		v := math.RoundToEven(float64(real/q.Scale)) + float64(q.Zero)
		return int(max(0, min(float64(q.Max()), v)))
	}
	low, high = level(clip.Min), level(clip.Max)
	clip.Min = min(clip.Min, q.Scale*-float32(q.Zero))
	clip.Max = max(clip.Max, q.Scale*float32(math.MaxUint8-int(q.Zero)))
	return clip, low, high
}
