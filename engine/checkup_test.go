package engine

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckup(t *testing.T) {
	w, err := Open(filepath.Join(t.TempDir(), "galen.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s := DemoSettings()
	s.Device = "roofline:"
	c, err := w.Checkup(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	if c.Accuracy < 0.9 || c.LatencyMS <= 0 || len(c.Layers) != 10 || c.Images < 100 || c.Model.Name == "" {
		t.Errorf("the demo is found to be %+v", c)
	}
	if last := c.Layers[len(c.Layers)-1]; last.Prunable || last.Why == "" {
		t.Errorf("the classifier is found to be %+v", last)
	}
	s.Demo, s.Model, s.Data = false, "nowhere.onnx", "nowhere"
	if _, err := w.Checkup(context.Background(), s); err == nil || !strings.Contains(err.Error(), "nowhere.onnx") {
		t.Errorf("a missing model: %v", err)
	}
}

func TestCommandLine(t *testing.T) {
	s := DefaultSettings()
	s.Model, s.Data = "net.onnx", "my images"
	if got, want := s.CommandLine(), "galen search --model net.onnx --data 'my images'"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	s.Target, s.Agent, s.Episodes, s.Name, s.Mean = 0.35, "prune", 1000000, "it's", []float32{0.5, 0.25}
	if got, want := s.CommandLine(), `galen search --model net.onnx --data 'my images' --name 'it'\''s' --agent prune --target 0.35 --episodes 1000000 --mean 0.5,0.25`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := DemoSettings().CommandLine(); got != "galen demo" {
		t.Error(got)
	}
}
