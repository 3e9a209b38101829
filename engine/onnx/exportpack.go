package onnx

import (
	"fmt"

	"galen/hw/graph"
)

// Weights of four bits and fewer are written several to a byte: the numbers a byte stands for are a row of
// a table, which a Gather looks up. ONNX Runtime folds that when it loads a file and is left with the int8 weights its
// integer kernels take. ONNX's own INT4 type would not do: behind it, ONNX Runtime 1.32 computes the
// layer in float (8 times as long, for a 3×3 convolution of 64 channels), its Cast to int8 came with
// release 1.23, and two-bit weights would still take four.

// packedFrom is the number of weights from which on packing saves more than its nodes take.
const packedFrom = 2048

// weightLevels writes a layer's integer weights and gives the name of the int8 tensor.
func (e *exporter) weightLevels(name string, w *graph.Weight) string {
	numbers := numbersOf(w.Bits)
	perByte := packing(len(numbers))
	if perByte < 2 || len(w.Int) < packedFrom {
		return e.levels(name, w.Int, w.Shape...)
	}
	table := fmt.Sprintf("galen.levels%d", w.Bits)
	if e.tables[table] == "" {
		e.tables[table] = e.levelTable(table, numbers, perByte)
	}
	bytes := e.initializer(name+"_packed", typeUint8, pack(w.Int, numbers, perByte), []int{(len(w.Int) + perByte - 1) / perByte})
	index := e.add(name+"_Cast", "Cast", e.tensor(name+"_index", ""), []string{bytes}, intAttribute("to", int(typeInt32)))
	levels := e.add(name+"_Gather", "Gather", e.tensor(name+"_levels", ""), []string{e.tables[table], index}, intAttribute("axis", 0))
	if len(w.Int)%perByte != 0 {
		levels = e.add(name+"_Flat", "Reshape", e.tensor(name+"_flat", ""), []string{levels, e.ints(name+"_line", []int{-1})})
		levels = e.add(name+"_Slice", "Slice", e.tensor(name+"_cut", ""), []string{levels, e.ints(name+"_start", []int{0}), e.ints(name+"_end", []int{len(w.Int)})})
	}
	return e.add(name+"_Reshape", "Reshape", e.tensor(name, ""), []string{levels, e.ints(name+"_shape", w.Shape)})
}

// numbersOf lists the integers a weight of so many bits can be, ascending.
func numbersOf(bits int) []int8 {
	if bits == 1 {
		return []int8{-1, 1}
	}
	limit := graph.WeightLimit(bits)
	numbers := make([]int8, 0, 2*limit+1)
	for q := -limit; q <= limit; q++ {
		numbers = append(numbers, int8(q))
	}
	return numbers
}

// packing is how many digits to a base fit into a byte: 8, 5, 2, 2 and 1 of weights of 1 to 5 bits.
func packing(base int) int {
	n := 0
	for rows := base; rows <= 256; rows *= base {
		n++
	}
	return n
}

// levelTable writes the table that has, for every byte, the numbers its digits stand for, the lowest digit first.
func (e *exporter) levelTable(name string, numbers []int8, perByte int) string {
	rows := 1
	for range perByte {
		rows *= len(numbers)
	}
	list := make([]int8, 0, rows*perByte)
	for row := range rows {
		for range perByte {
			list = append(list, numbers[row%len(numbers)])
			row /= len(numbers)
		}
	}
	return e.levels(name, list, rows, perByte)
}

// pack writes integers as digits of bytes; where the last byte has digits left, they are zero.
func pack(list, numbers []int8, perByte int) []byte {
	digit := make(map[int8]int, len(numbers))
	for d, q := range numbers {
		digit[q] = d
	}
	packed := make([]byte, 0, (len(list)+perByte-1)/perByte)
	for at := 0; at < len(list); at += perByte {
		b, weight := 0, 1
		for _, q := range list[at:min(at+perByte, len(list))] {
			b += digit[q] * weight
			weight *= len(numbers)
		}
		packed = append(packed, byte(b))
	}
	return packed
}
