// Train trains the demo's network from random weights on generated images and writes it
// as ONNX. `go generate ./engine/demo` runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"galen/engine/dataset"
	"galen/engine/demo"
	"galen/engine/onnx"
	"galen/engine/train"
)

func main() {
	output := flag.String("o", "resnet8.onnx", "where to write the network")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if err := run(ctx, *output); err != nil {
		fmt.Fprintln(os.Stderr, "training the demo's network:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, output string) error {
	start := time.Now()
	trainer, err := train.New(network(networkSeed), recipe())
	if err != nil {
		return err
	}
	shown := time.Now()
	err = trainer.Fit(ctx, trainingSet(trainingImages), nil, func(p train.Progress) {
		last := p.Step%(p.Steps/p.Epochs) == 0
		if !last && time.Since(shown) < 5*time.Second {
			return
		}
		shown = time.Now()
		fmt.Printf("epoch %d/%d  step %4d/%d  rate %.3f  loss %.3f  accuracy %.1f %%  %.0f images/s\n",
			p.Epoch, p.Epochs, p.Step, p.Steps, p.LearningRate, p.Loss, 100*p.Accuracy, p.ImagesPerSecond)
	})
	if err != nil {
		return err
	}
	g := trainer.Graph().FoldBatchNorm()
	data := dataset.Demo(dataset.DemoSeed)
	accuracy, err := demo.Accuracy(g, data.Test)
	if err != nil {
		return err
	}
	if err := onnx.Save(output, g); err != nil {
		return err
	}
	fmt.Printf("%s: %.2f %% of %d test images, trained in %s\n", output, 100*accuracy, data.Test.Len(), time.Since(start).Round(time.Second))
	return nil
}
