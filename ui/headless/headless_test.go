package headless

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"galen/engine"
	"galen/store"
)

// script hands out snapshots one after the other.
type script []*engine.Snapshot

func (s *script) Wait(ctx context.Context, after uint64) (*engine.Snapshot, error) {
	if len(*s) == 0 {
		return nil, context.Canceled
	}
	next := (*s)[0]
	*s = (*s)[1:]
	return next, nil
}

// aSearch is a search of two episodes; a snapshot between them was missed.
func aSearch() *script {
	run := &store.Run{ID: "r0001", Name: "demo"}
	settings := engine.DemoSettings()
	settings.Episodes = 2
	reference := &store.Reference{Accuracy: 0.94, LatencyMS: 1.5, MACs: 12_000_000, BOPs: 12_288_000_000}
	episodes := []*store.Episode{
		{Number: 1, Accuracy: 0.5, LatencyMS: 0.6, LatencyRatio: 0.4, Reward: -1.2, MACs: 6_000_000, BOPs: 384_000_000, Seconds: 0.5},
		{Number: 2, Accuracy: 0.9, LatencyMS: 0.45, LatencyRatio: 0.3, Reward: 0.9, MACs: 5_000_000, BOPs: 320_000_000, Seconds: 0.7},
	}
	snapshot := func(version uint64, state engine.State, activity string) *engine.Snapshot {
		return &engine.Snapshot{Version: version, Run: run, Settings: settings, State: state, Activity: activity, Remaining: 3 * time.Second}
	}
	preparing := snapshot(1, engine.Preparing, "calibrating")
	measured := snapshot(2, engine.Preparing, "sensitivity")
	measured.Reference = reference
	finished := snapshot(5, engine.Finished, "")
	finished.Reference, finished.Episodes, finished.Best = reference, episodes, episodes[1]
	return &script{preparing, measured, finished}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	if err := Follow(context.Background(), aSearch(), "r0001", &out, Options{JSON: true}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"event":"reference","run":"r0001","accuracy":0.94,"latency_ms":1.5,"macs":12000000,"bops":12288000000}`,
		`{"event":"episode","episode":1,"accuracy":0.5,"latency_ms":0.6,"latency_ratio":0.4,"reward":-1.2,"macs":6000000,"bops":384000000,"seconds":0.5}`,
		`{"event":"episode","episode":2,"accuracy":0.9,"latency_ms":0.45,"latency_ratio":0.3,"reward":0.9,"macs":5000000,"bops":320000000,"seconds":0.7}`,
		`{"event":"done","run":"r0001","state":"finished","best":{"episode":2,"accuracy":0.9,"latency_ratio":0.3}}`,
	}
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(got), len(want), out.String())
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("line %d is\n%s\nwant\n%s", i+1, got[i], want[i])
		}
		if !json.Valid([]byte(got[i])) {
			t.Errorf("line %d is not JSON", i+1)
		}
	}
}

func TestText(t *testing.T) {
	for _, live := range []bool{false, true} {
		var out bytes.Buffer
		if err := Follow(context.Background(), aSearch(), "r0001", &out, Options{Live: live, Database: "my runs.db"}); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		for _, want := range []string{"run demo (r0001)", "reference: 94.00 % top-1, 1.500 ms", "episode 1/2", "0.300×", "3s left", "best is episode 2", "galen export demo --onnx FILE --db 'my runs.db'\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("live %v: %q is missing in\n%s", live, want, text)
			}
		}
		if escapes := strings.Contains(text, "\x1b"); escapes != live {
			t.Errorf("live %v: escape sequences %v", live, escapes)
		}
	}
}

func TestNamesCannotReachTheTerminal(t *testing.T) {
	s := *aSearch()
	s[0].Run.Name, s[0].Activity = "de\x1b[2Jmo", "cali\x1bbrating"
	for _, live := range []bool{false, true} {
		var out bytes.Buffer
		shown := s
		if err := Follow(context.Background(), &shown, "r0001", &out, Options{Live: live}); err != nil {
			t.Fatal(err)
		}
		if text := strings.ReplaceAll(out.String(), "\r\x1b[K", ""); strings.Contains(text, "\x1b") {
			t.Errorf("a control sequence is in %q", text)
		}
	}
}

func TestMissedTargetIsTold(t *testing.T) {
	s := *aSearch()
	s[2].Settings.Target = 0.2
	var out bytes.Buffer
	if err := Follow(context.Background(), &s, "r0001", &out, Options{}); err != nil {
		t.Fatal(err)
	}
	if want := "finished: no policy meets the target; the fastest is episode 2 with 90.00 % at 0.300× (target 0.2×)"; !strings.Contains(out.String(), want) {
		t.Errorf("%q is missing in\n%s", want, out.String())
	}
}

func TestProblemsBecomeErrors(t *testing.T) {
	for _, state := range []engine.State{engine.Failed, engine.Paused} {
		s := script{{Version: 1, Run: &store.Run{ID: "r0001"}, State: state, Problem: "the device is gone"}}
		err := Follow(context.Background(), &s, "r0001", &bytes.Buffer{}, Options{})
		if err == nil || !strings.Contains(err.Error(), "the device is gone") {
			t.Errorf("a search that is %s with a problem gives %v", state, err)
		}
	}
}

func TestAnotherRunEndsTheReport(t *testing.T) {
	s := append((*aSearch())[:2], &engine.Snapshot{Version: 3, Run: &store.Run{ID: "r0002", Name: "other"}, State: engine.Running})
	err := Follow(context.Background(), &s, "r0001", &bytes.Buffer{}, Options{})
	if !errors.Is(err, ErrGaveWay) || err.Error() != "run r0001 gave way to run other" {
		t.Errorf("error %v", err)
	}
}
