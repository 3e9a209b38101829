package main

import (
	"context"
	"slices"
	"testing"

	"galen/engine/train"
)

// The first steps of the recipe must not depend on the machine's number of cores, nor
// on chance.
func TestRecipeIsDeterministic(t *testing.T) {
	const steps = 3
	fit := func(workers int) (losses []float64) {
		o := recipe()
		o.Workers, o.Epochs = workers, 1
		trainer, err := train.New(network(networkSeed), o)
		if err != nil {
			t.Fatal(err)
		}
		err = trainer.Fit(context.Background(), trainingSet(steps*o.Batch), nil, func(p train.Progress) {
			losses = append(losses, p.Loss)
		})
		if err != nil {
			t.Fatal(err)
		}
		return losses
	}
	one := fit(1)
	if len(one) != steps {
		t.Fatalf("%d steps, want %d", len(one), steps)
	}
	if again := fit(3); !slices.Equal(again, one) {
		t.Errorf("losses %v with one worker, %v with three", one, again)
	}
}

func TestNetworkIsAsDescribed(t *testing.T) {
	g := network(networkSeed)
	macs, _, parameters := g.FoldBatchNorm().Totals()
	if n := len(g.Layers()); n != 10 || macs/100_000 != 125 || parameters/1000 != 77 {
		t.Errorf("%d layers, %d MACs, %d parameters", n, macs, parameters)
	}
}
