// Package demo is a network and data to try the tool on, with nothing to download: a
// small residual network, in the binary as ONNX, that tells ten drawn shapes apart
// (see dataset.Demo).
//
// The network was trained by this module's own trainer from random weights; it is
// right on 94.8 % of the test images. To train it again, which takes about three
// minutes on two idle cores and gives the same file on the same kind of processor:
//
//	go generate ./engine/demo
package demo

import (
	_ "embed"
	"fmt"

	"galen/engine/dataset"
	"galen/engine/onnx"
	"galen/hw/graph"
)

//go:generate go run ./train -o resnet8.onnx

//go:embed resnet8.onnx
var model []byte

// ModelName names the built-in network for people.
const ModelName = "resnet8.onnx (built in)"

// Model is the built-in network: ten layers, 12.5 million MACs, 78 thousand
// parameters, BatchNorm folded.
func Model() (*graph.Graph, error) {
	g, err := onnx.Decode(model)
	if err != nil {
		return nil, fmt.Errorf("reading the built-in network: %w", err)
	}
	return g, nil
}

// ModelFile is the built-in network as an ONNX file's content; it must not be changed.
func ModelFile() []byte { return model }

// Data is the data that goes with the network: none of its validation and test images
// was trained on.
func Data() *dataset.Data { return dataset.Demo(dataset.DemoSeed) }
