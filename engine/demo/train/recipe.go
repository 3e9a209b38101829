package main

import (
	"galen/engine/dataset"
	"galen/engine/train"
)

// The recipe by which the demo's network is trained. Images are plentiful, since they
// are generated: few passes over many make a network that has not learned any by heart.
const (
	trainingImages = 40960
	networkSeed    = 1
)

func recipe() train.Options {
	return train.Options{
		Epochs:       4,
		Batch:        32,
		LearningRate: 0.08,
		WarmUp:       0.1,
		Momentum:     0.9,
		Nesterov:     true,
		WeightDecay:  5e-4,
		Crop:         4,
		Flip:         true, // every other shape is mirrored anyway
		Seed:         1,
	}
}

// trainingSet are images that Demo's validation and test images are not among.
func trainingSet(images int) *dataset.Set { return dataset.DemoTraining(dataset.DemoSeed, images) }
