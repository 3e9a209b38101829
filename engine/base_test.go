package engine

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"galen/engine/planner"
	"galen/engine/workload"
	"galen/store"
)

// pruned searches with the prune agent and returns its settings as a base's.
func pruned(t *testing.T, load *workload.Workload) *planner.Base {
	t.Helper()
	settings := testSettings("prune", 10)
	settings.Target = 0.6
	db, id := createRun(t, settings)
	search(t, context.Background(), db, id, load)
	b, err := BaseFrom(&Workbench{db: db, box: newMailbox()}, "test")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSequencesKeepWhatTheFirstAgentFound(t *testing.T) {
	load := smallWorkload(t)
	b := pruned(t, load)
	removes := false
	for _, l := range b.Policy {
		removes = removes || l.Sparsity > 0
	}
	if !removes || b.Run != "test" || b.Episode < 1 {
		t.Fatalf("the base is %+v", b)
	}
	settings := testSettings("quantize", 9)
	settings.Target, settings.Base = 0.4, b
	db, id := createRun(t, settings)
	s := search(t, context.Background(), db, id, load)
	episodes, _ := deterministic(t, db, id)
	for _, e := range episodes {
		for i, l := range e.Layers {
			if l.Asked != b.Policy[i].Sparsity {
				t.Fatalf("episode %d: %s loses %v of its channels, in the base %v", e.Number, l.Name, l.Asked, b.Policy[i].Sparsity)
			}
		}
		for step, action := range e.Actions {
			if len(action) != 2 {
				t.Fatalf("episode %d, step %d: action %v", e.Number, step, action)
			}
		}
	}
	if s.best.LatencyRatio > 0.4*(1+planner.TargetTolerance) {
		t.Errorf("the best takes %v of the uncompressed time", s.best.LatencyRatio)
	}

	// And on: what that found, pruned further with its bits.
	again := testSettings("prune", 3)
	again.Target = 0.1
	found, err := BaseFrom(&Workbench{db: db, box: newMailbox()}, "test:4")
	if err != nil {
		t.Fatal(err)
	}
	again.Base = found
	db, id = createRun(t, again)
	search(t, context.Background(), db, id, load)
	episodes, _ = deterministic(t, db, id)
	for _, e := range episodes {
		for i, l := range e.Layers {
			if l.WeightBits != found.Policy[i].WeightBits || l.ActivationBits != found.Policy[i].ActivationBits {
				t.Fatalf("episode %d: %s has w%d a%d, in the base w%d a%d", e.Number, l.Name, l.WeightBits, l.ActivationBits, found.Policy[i].WeightBits, found.Policy[i].ActivationBits)
			}
		}
	}
}

// TestSensitivitiesAreMeasuredWithTheBaseInForce compares them with those of a run without one.
func TestSensitivitiesAreMeasuredWithTheBaseInForce(t *testing.T) {
	load := smallWorkload(t)
	measured := func(b *planner.Base) []Layer {
		settings := testSettings("quantize", 1)
		settings.Base = b
		db, id := createRun(t, settings)
		search(t, context.Background(), db, id, load)
		layers, err := db.Layers(id)
		if err != nil {
			t.Fatal(err)
		}
		return layers
	}
	b := pruned(t, load)
	plain, based, again := measured(nil), measured(b), measured(b)
	if plain[0].Sensitivity.Around != "" || based[0].Sensitivity.Around == "" {
		t.Errorf("sensitivities are said to be around %q and %q", plain[0].Sensitivity.Around, based[0].Sensitivity.Around)
	}
	if reflect.DeepEqual(plain[1].Sensitivity.WeightBits, based[1].Sensitivity.WeightBits) {
		t.Error("the base makes no difference to the sensitivities")
	}
	if !reflect.DeepEqual(based, again) {
		t.Error("the same base gives other sensitivities")
	}
	// Around the uncompressed network they are what they are without a base.
	for i := range b.Policy {
		b.Policy[i].Sparsity = 0
	}
	for i, l := range measured(b) {
		l.Sensitivity.Around = ""
		for level, x := range l.Sensitivity.WeightBits {
			if d := x - plain[i].Sensitivity.WeightBits[level]; d > 1e-9 || d < -1e-9 {
				t.Errorf("%s, level %d: %v, want %v", l.Name, level, x, plain[i].Sensitivity.WeightBits[level])
			}
		}
	}
}

func TestUnsuitableBasesAreRefused(t *testing.T) {
	settings := testSettings("joint", 3)
	settings.Base = &planner.Base{}
	if err := settings.Check(); err == nil || !strings.Contains(err.Error(), "nothing it could take") {
		t.Errorf("a base for the joint agent: %v", err)
	}
	w, err := Open(filepath.Join(t.TempDir(), "galen.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	settings = testSettings("quantize", 3)
	for want, b := range map[string]*planner.Base{
		"another model": {Run: "other", Model: "0123"},
		"0 layers":      {},
	} {
		settings.Base = b
		if _, err := w.Start(settings); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one about %q", b, err, want)
		}
		if _, err := w.Checkup(t.Context(), settings); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v is checked with error %v, want one about %q", b, err, want)
		}
	}
	file := filepath.Join(t.TempDir(), "net.onnx")
	if err := os.WriteFile(file, []byte("a model"), 0o600); err != nil {
		t.Fatal(err)
	}
	of := planner.Base{Run: "other", Model: fmt.Sprintf("%x", sha256.Sum256([]byte("a model")))}
	if err := CheckBase(&of, file); err != nil {
		t.Error(err)
	}
	if err := CheckBase(&of, file+".gone"); err == nil || !strings.Contains(err.Error(), "read the model") {
		t.Errorf("a model that is gone: %v", err)
	}
	of.Model = strings.Repeat("0", 64)
	if err := CheckBase(&of, file); err == nil || !strings.Contains(err.Error(), "another model") {
		t.Errorf("the base of another model: %v", err)
	}
	for reference, want := range map[string]string{"nobody": "nobody", "nobody:x": "names no episode", "nobody:3": "nobody"} {
		if _, err := BaseFrom(w, reference); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one about %q", reference, err, want)
		}
	}
	if _, err := w.db.CreateRun(store.Run{Name: "empty", Settings: []byte(`{"demo":true,"agent":"prune","device":"roofline:","target":0.5,"beta":-5,"episodes":3,"round_to":1,"max_bits":6}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := BaseFrom(w, "empty"); err == nil || !strings.Contains(err.Error(), "no finished episode") {
		t.Errorf("a run without episodes: %v", err)
	}
}
