package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"galen/engine"
	"galen/engine/remote"
	"galen/engine/steering"
)

// steered is a store with a search under way, paused after an episode.
func steered(t *testing.T, device string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "my runs.db")
	w, err := engine.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	server, err := remote.Listen(path, w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	s := engine.DefaultSettings()
	s.Model, s.Data = smallModel(t)
	s.Name, s.Device, s.Episodes = "victim", device, 1000
	if _, err := w.Start(s); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for version, begun := uint64(0), false; !begun; {
		snapshot, err := w.Wait(ctx, version)
		if err != nil {
			t.Fatal(err)
		}
		version, begun = snapshot.Version, len(snapshot.Episodes) > 0
	}
	if err := w.Send(ctx, steering.Command{Kind: steering.Pause}); err != nil {
		t.Fatal(err)
	}
	return path
}

// galen runs a command in this process.
func galen(t *testing.T, words ...string) (out string, err error) {
	t.Helper()
	t.Cleanup(func() { database = "" })
	var b bytes.Buffer
	c := Command()
	c.SetOut(&b)
	c.SetArgs(words)
	err = c.ExecuteContext(t.Context())
	return b.String(), err
}

func TestSteer(t *testing.T) {
	path := steered(t, "roofline:")
	for _, c := range []struct{ words, says string }{
		{"victim|beta|-3", "beta -3: -2 → -3, from episode "},
		{"victim|beta|-2.5|--db|" + path, "beta -2.5: -3 → -2.5, from episode "},
		{"--db|" + path + "|victim|beta -4", "beta -4: -2.5 → -4, from episode "},
		{"victim|target|0.3", "target 0.3: 0.2 → 0.3, from episode "},
		{"victim|pin conv1 weights=8", "pin conv1 weights=8: free → weights=8, from episode "},
		{"victim|undo", "release conv1: weights=8 → free, from episode "},
	} {
		words := append([]string{"steer"}, strings.Split(c.words, "|")...)
		if !strings.Contains(c.words, "--db") {
			words = append([]string{"--db", path}, words...)
		}
		if out, err := galen(t, words...); err != nil || !strings.HasPrefix(out, c.says) {
			t.Errorf("%q says %q, %v; want %q", words, out, err, c.says)
		}
	}
	if out, err := galen(t, "steer", "victim", "-h"); err != nil || !strings.Contains(out, "galen steer demo beta -3") || !strings.Contains(out, "--db") {
		t.Errorf("the help is %q, %v", out, err)
	}
	if _, err := galen(t, "steer", "a; b", "pause", "--db", "no.db"); err == nil || !strings.HasSuffix(err.Error(), "galen resume 'a; b' --db no.db") {
		t.Errorf("where nothing is searched: %v", err)
	}
	for _, words := range [][]string{{"steer", "victim", "--db", path}, {"steer", "victim", "beta", "--three", "--db", path}} {
		if out, err := galen(t, words...); err == nil || out != "" {
			t.Errorf("%q says %q", words, out)
		}
	}
}

func TestSteerPrintsWhatChoicesCost(t *testing.T) {
	path := steered(t, "local")
	out, err := galen(t, "steer", "victim", "cost", "conv1", "--db", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"layer conv1, timed alone\n", "CHANNELS  BITS  KERNEL", "\n8         32    ", " 100 %\n8         8     "} {
		if !strings.Contains(out, part) {
			t.Errorf("%q is missing in:\n%s", part, out)
		}
	}
}

func TestComparisonIsToldWhoHoldsTheStore(t *testing.T) {
	path := steered(t, "roofline:")
	_, err := galen(t, "compare", "--demo", "--db", path)
	if err == nil {
		t.Fatal("two processes own a store")
	}
	for _, part := range []string{fmt.Sprintf("process %d", os.Getpid()), "run victim", "galen steer victim stop --db '" + path, "--db FILE"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %q", part, err)
		}
	}
}
