package engine

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"galen/engine/records"
	"galen/engine/steering"
	"galen/engine/workload"
	"galen/store"
)

// steered searches with commands given while it runs, and returns the store, the run and
// the journal of what steered it.
func steered(t *testing.T, s Settings, load *workload.Workload, commands []string) (*store.DB, string, []store.JournalEntry) {
	t.Helper()
	db, id := createRun(t, s)
	search := openSearch(t, db, id, load)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	go search.work(ctx)
	wait := func(what string, ok func(*Snapshot) bool) {
		t.Helper()
		var version uint64
		for {
			snapshot, err := search.box.wait(ctx, version)
			if err != nil {
				t.Fatalf("waiting for %s: %v", what, err)
			}
			if version = snapshot.Version; ok(snapshot) {
				return
			}
			if snapshot.State == Failed {
				t.Fatalf("waiting for %s: the search failed: %s", what, snapshot.Problem)
			}
		}
	}
	give := func(text string) {
		t.Helper()
		c, err := steering.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := search.send(ctx, c); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	// One episode a command: it takes effect somewhere within it or right after.
	finished := 0
	rests := func(s *Snapshot) bool {
		finished = len(s.Episodes)
		return s.State == Paused
	}
	wait("three episodes", func(s *Snapshot) bool { return len(s.Episodes) >= 3 })
	give("pause")
	wait("a pause", rests)
	for _, text := range commands {
		give("step")
		give(text)
		wait("an episode", rests)
	}
	give(fmt.Sprintf("episodes %d", finished+2))
	give("resume")
	wait("the end", func(s *Snapshot) bool { return !s.State.Live() })
	if search.state != Finished {
		t.Fatalf("the search is %s: %s", search.state, search.problem)
	}
	return db, id, course{}.pending(search.journal, 0)
}

// interrupted searches with a recorded journal and interruptions at random instants.
func interrupted(t *testing.T, s Settings, load *workload.Workload, journal []store.JournalEntry, rng *rand.Rand) (*store.DB, string) {
	t.Helper()
	db, id := createRun(t, s)
	for _, entry := range journal {
		if err := db.AppendJournal(id, entry); err != nil {
			t.Fatal(err)
		}
	}
	for range 8 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rng.IntN(150))*time.Millisecond)
		state := search(t, ctx, db, id, load).state
		cancel()
		if state == Finished {
			return db, id
		}
	}
	search(t, context.Background(), db, id, load)
	return db, id
}

// halfPruned is a policy of smallWorkload's network.
const halfPruned = `[{"layer":"stem","sparsity":0,"weight_bits":32,"activation_bits":32},{"layer":"block.conv1","sparsity":0.5,"weight_bits":32,"activation_bits":32},` +
	`{"layer":"block.conv2","sparsity":0,"weight_bits":32,"activation_bits":32},{"layer":"fc","sparsity":0,"weight_bits":32,"activation_bits":32}]`

func TestSteeredAndInterruptedSearchEqualsSteeredOne(t *testing.T) {
	load := smallWorkload(t)
	commands := []string{
		"noise 0.3", "updates 10", "pin stem weights=4 activations=8", "target 0.3", "reward r7", "bound block.conv1 sparsity=0.2..0.5",
		"freeze fp32", "try 2", "beta -3", "release stem", "thaw fp32", "episodes 300", "target 0.5", "try 3",
	}
	rebasing := map[string][]string{ // to be added
		"quantize":           {"base " + halfPruned, "base 1", "undo", "noise 0.3", "undo", "base none"},
		"quantize-iterative": {"base 2", "base 4", "noise 0.4", "undo", "undo", "updates 10"},
	}
	shortRounds(t)
	for _, agent := range []string{"joint", "quantize", "quantize-iterative"} {
		t.Run(agent, func(t *testing.T) {
			settings := testSettings(agent, 200)
			var own []string
			for i, c := range commands {
				if agent == "joint" || !strings.Contains(c, "sparsity") && i < 7 {
					own = append(own, c)
				}
			}
			own = append(own, rebasing[agent]...)
			db, id, journal := steered(t, settings, load, own)
			wantEpisodes, wantAgent := deterministic(t, db, id)
			rng := rand.New(rand.NewPCG(1, 2))
			if len(wantEpisodes) < len(own) {
				t.Fatalf("only %d episodes", len(wantEpisodes))
			}
			for range 3 {
				db, id := interrupted(t, settings, load, journal, rng)
				episodes, checkpoint := deterministic(t, db, id)
				if !reflect.DeepEqual(wantEpisodes, episodes) {
					t.Fatal("episodes differ")
				}
				if !bytes.Equal(wantAgent, checkpoint) {
					t.Fatal("the agent's state differs")
				}
			}
		})
	}
}

// TestCommandsDuringConfirmationTakeEffectOnce interrupts a search that was steered while it confirmed
// its best.
func TestCommandsDuringConfirmationTakeEffectOnce(t *testing.T) {
	load := smallWorkload(t)
	db, id := createRun(t, testSettings("random", 6))
	first := openSearch(t, db, id, load)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go first.work(ctx)
	until := func(ok func(*Snapshot) bool) *Snapshot {
		t.Helper()
		for version := uint64(0); ; {
			s, err := first.box.wait(ctx, version)
			if err != nil {
				t.Fatal(err)
			}
			if ok(s) {
				return s
			}
			if version = s.Version; !s.State.Live() {
				t.Fatalf("the search is %s: %s", s.State, s.Problem)
			}
		}
	}
	give := func(kind steering.Kind, name string) {
		t.Helper()
		if err := first.send(ctx, steering.Command{Kind: kind, Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	until(func(s *Snapshot) bool { return len(s.Episodes) == 5 })
	give(steering.Pause, "")
	paused := func(s *Snapshot) bool { return s.State == Paused }
	for s := until(paused); s.Best.Confirmed == nil; s = until(paused) {
		if len(s.Episodes) == 6 {
			give(steering.Freeze, "int8")
		}
		give(steering.Step, "")
	}
	cancel()
	<-first.done

	again := openSearch(t, db, id, load)
	if len(again.pending) > 0 || len(again.settings.Frozen) != 1 {
		t.Errorf("%d commands are to take effect again, %v is frozen", len(again.pending), again.settings.Frozen)
	}
	if again.work(context.Background()); again.state != Finished {
		t.Errorf("the resumed search is %s: %s", again.state, again.problem)
	}
}

// TestCommandsWaitForThoseBefore steers a resumed search before what the journal holds took effect.
func TestCommandsWaitForThoseBefore(t *testing.T) {
	load := smallWorkload(t)
	db, id := createRun(t, testSettings("uniform", 2))
	for _, command := range []string{"target 0.3", "freeze int8", "freeze int8"} { // the last one has no effect any more
		if err := db.AppendJournal(id, store.JournalEntry{Who: "somebody", Command: command, Episode: 1, Step: 1}); err != nil {
			t.Fatal(err)
		}
	}
	s := openSearch(t, db, id, load)
	s.publish()
	if got := s.box.peek().Settings.Target; got != 0.3 {
		t.Errorf("the resumed search shows target %v before its journal took effect", got)
	}
	if err := s.check(steering.Command{Kind: steering.Target, Value: 0.2}); err == nil || !strings.Contains(err.Error(), "takes effect first") {
		t.Errorf("a command comes between those of the journal: %v", err)
	}
	if s.work(context.Background()); s.state != Finished || s.settings.Target != 0.3 || len(s.settings.Frozen) != 1 {
		t.Errorf("the search is %s (%s) with target %v, %v frozen", s.state, s.problem, s.settings.Target, s.settings.Frozen)
	}
}

// randomCommands draws commands that are valid whenever they come: what could depend on the
// course so far, such as thawing, is undoing instead.
func randomCommands(rng *rand.Rand, n int) []string {
	pick := func(words ...string) string { return words[rng.IntN(len(words))] }
	commands := []string{"target 0.35"} // something to undo
	undoable := 1
	for len(commands) < n {
		if undoable > 0 && rng.IntN(4) == 0 {
			commands = append(commands, "undo")
			undoable--
			continue
		}
		command := pick(
			fmt.Sprintf("target %.2f", 0.2+0.6*rng.Float64()),
			fmt.Sprintf("beta -%.1f", 0.5+5*rng.Float64()),
			fmt.Sprintf("noise %.2f", rng.Float64()),
			fmt.Sprintf("updates %d", rng.IntN(20)),
			"reward "+pick("r3", "r4", "r5", "r6", "r7"),
			fmt.Sprintf("pin %s weights=%d activations=%d", pick("block.conv1", "block.conv2"), 1+rng.IntN(8), 1+rng.IntN(8)),
			fmt.Sprintf("bound stem sparsity=%.1f..%.1f", 0.4*rng.Float64(), 0.5+0.4*rng.Float64()),
			fmt.Sprintf("episodes %d", 200+rng.IntN(50)),
			"try 1",
		)
		if command != "try 1" {
			undoable++
		}
		commands = append(commands, command)
	}
	return commands
}

func TestRandomlySteeredAndInterruptedSearchEqualsSteeredOne(t *testing.T) {
	load := smallWorkload(t)
	for seed := range uint64(2) {
		rng := rand.New(rand.NewPCG(seed, 5))
		commands := randomCommands(rng, 12)
		settings := testSettings("joint", 200)
		settings.Seed = seed + 1
		db, id, journal := steered(t, settings, load, commands)
		wantEpisodes, wantAgent := deterministic(t, db, id)
		db, id = interrupted(t, settings, load, journal, rng)
		episodes, checkpoint := deterministic(t, db, id)
		if !reflect.DeepEqual(wantEpisodes, episodes) {
			t.Errorf("episodes differ after %q", commands)
		}
		if !bytes.Equal(wantAgent, checkpoint) {
			t.Errorf("the agent's state differs after %q", commands)
		}
	}
}

func TestSteeringShapesEpisodes(t *testing.T) {
	db, id, journal := steered(t, testSettings("joint", 200), smallWorkload(t), []string{
		"episodes 300", "target 0.3", "pin stem weights=3 activations=5", "freeze prune", "release stem", "try 1",
	})
	episodes, err := db.Episodes(id)
	if err != nil {
		t.Fatal(err)
	}
	effects := map[string]string{}
	from := map[string]int{}
	for _, e := range journal {
		verb, _, _ := strings.Cut(e.Command, " ")
		if _, again := effects[verb]; again {
			continue // the one that ends the test
		}
		effects[verb], from[verb] = e.Effect+" | "+e.Undo, e.Episode
		if e.Step >= 0 {
			from[verb]++ // the first episode that it shapes as a whole
		}
	}
	want := map[string]string{
		"episodes": "200 → 300 | episodes 200", "target": "0.4 → 0.3 | target 0.4", "pin": "free → weights=3 activations=5 | release stem",
		"freeze": "prune is frozen | thaw prune", "release": "weights=3 activations=5 → free | pin stem weights=3 activations=5",
		"try": "the policy of episode 1 is tried next | ",
	}
	if !reflect.DeepEqual(effects, want) {
		t.Errorf("the journal says\n%v, want\n%v", effects, want)
	}
	for n := from["pin"]; n < from["release"]-1; n++ {
		if l := episodes[n-1].Layers[0]; l.WeightBits != 3 || l.ActivationBits != 5 {
			t.Errorf("episode %d gives the pinned layer w%d a%d", n, l.WeightBits, l.ActivationBits)
		}
	}
	repeated := episodes[from["try"]-1]
	if !reflect.DeepEqual(records.PolicyOf(repeated), records.PolicyOf(episodes[0])) {
		t.Errorf("episode %d does not repeat the policy of episode 1", repeated.Number)
	}
	for _, e := range episodes[from["freeze"]-1:] {
		for _, l := range e.Layers {
			if l.Asked != 0 && e != repeated {
				t.Errorf("episode %d prunes %s though pruning is frozen", e.Number, l.Name)
			}
		}
	}
}

func TestImpossibleSteeringIsRefused(t *testing.T) {
	load := smallWorkload(t)
	db, id := createRun(t, testSettings("prune", 3))
	s := search(t, context.Background(), db, id, load)
	for command, want := range map[string]string{
		"target 2":                     "at most 1",
		"reward r9":                    "choose one of",
		"beta 3":                       "negative",
		"episodes 3":                   "no more than the 3",
		"noise 2":                      "from 0 to 1",
		"updates 100000":               "10000",
		"pin nowhere sparsity=0":       "no layer",
		"pin stem weights=4":           "does not quantize",
		"pin fc sparsity=0.5":          "cannot lose channels",
		"pin block.conv2 sparsity=0.5": "limit that one",
		"release stem":                 "no limits",
		"freeze everything":            "unknown",
		"thaw mixed":                   "not frozen",
		"try 99":                       "no episode 99",
		"base 99":                      "no episode 99",
		"base none":                    "no base",
		`base [{"layer":"stem","sparsity":0,"weight_bits":8,"activation_bits":8}]`:   "the model 4",
		"base " + strings.Replace(halfPruned, `"sparsity":0.5`, `"sparsity":1.5`, 1): "not in [0, 1)",
		`try [{"layer":"stem","sparsity":0,"weight_bits":8,"activation_bits":8}]`:    "4 layers",
		"try " + strings.Replace(halfPruned, `"sparsity":0.5`, `"kept":[1,2]`, 1):    "give that instead",
	} {
		c, err := steering.Parse(command)
		if err != nil {
			t.Fatal(err)
		}
		before := fmt.Sprint(s.course)
		if err := s.receive(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one about %q", command, err, want)
		}
		if fmt.Sprint(s.course) != before {
			t.Errorf("%s is refused but changes something", command)
		}
	}
}

func TestUndoTakesBackTheLatest(t *testing.T) {
	db, id, journal := steered(t, testSettings("joint", 200), smallWorkload(t), []string{
		"target 0.3", "pin stem weights=4 activations=4", "undo", "undo",
	})
	var commands []string
	for _, e := range journal[:4] {
		commands = append(commands, fmt.Sprintf("%s (undoes %d)", e.Command, e.Undoes))
	}
	want := []string{"target 0.3 (undoes 0)", "pin stem weights=4 activations=4 (undoes 0)", "release stem (undoes 5)", "target 0.4 (undoes 3)"} // the steps between are entries, too
	if !reflect.DeepEqual(commands, want) {
		t.Errorf("the journal holds %q, want %q", commands, want)
	}
	run, err := db.Run(id)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := decodeSettings(run); err != nil || s.Target != 0.4 || len(s.Limits) > 0 {
		t.Errorf("after undoing all the settings are %+v, %v", s, err)
	}
	all, err := db.Journal(id)
	if err != nil {
		t.Fatal(err)
	}
	if _, c, err := steering.Undoing(all[:len(all)-2]); err == nil { // without the budget and the resumption that end the test
		t.Errorf("there is more to undo: %s", c)
	}
}

func TestBaseIsSteered(t *testing.T) {
	load := smallWorkload(t)
	db, id, journal := steered(t, testSettings("quantize", 200), load, []string{"base " + halfPruned, "target 0.3", "base 1", "undo", "base none"})
	episodes, err := db.Episodes(id)
	if err != nil {
		t.Fatal(err)
	}
	var effects []string
	sparsities := []float64{0} // of block.conv1, by episode
	for _, e := range journal {
		for len(sparsities) <= e.Episode && strings.HasPrefix(e.Command, "base") {
			sparsities = append(sparsities, sparsities[len(sparsities)-1]) // the one under way is not concerned
		}
		if !strings.HasPrefix(e.Command, "base") {
			continue
		}
		if e.Step < 0 {
			sparsities = sparsities[:e.Episode]
		}
		now := 0.0
		if strings.Contains(e.Command, "[") {
			now = 0.5
		}
		sparsities = append(sparsities, now)
		effects = append(effects, e.Effect)
	}
	want := []string{
		"none → a given policy with the next episode", "a given policy → episode 1 with the next episode",
		"episode 1 → a given policy with the next episode", "a given policy → none with the next episode",
	}
	if !reflect.DeepEqual(effects, want) {
		t.Errorf("the journal says %q, want %q", effects, want)
	}
	for n, want := range sparsities {
		if n > 0 && n <= len(episodes) && episodes[n-1].Layers[1].Asked != want {
			t.Errorf("episode %d has sparsity %v, want %v (journal %+v)", n, episodes[n-1].Layers[1].Asked, want, journal)
		}
	}
	s := search(t, context.Background(), db, id, load)
	if s.settings.Base != nil || s.layers[0].Sensitivity.Around != "" {
		t.Errorf("in the end the base is %v, the sensitivities are around %q", s.settings.Base, s.layers[0].Sensitivity.Around)
	}

	for agent, want := range map[string]string{"joint": "nothing it could take", "quantize-iterative": "name an episode"} {
		settings := testSettings(agent, 3)
		c := course{settings: settings}
		if _, err := steering.Apply(steering.Command{Kind: steering.Base, Name: "none"}, c.steered(nil, nil), nil); agent != "joint" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, want one about %q", agent, err, want)
		}
		if _, err := steering.Apply(steering.Command{Kind: steering.Base, Value: 1}, c.steered(s.layers, s.episodes), nil); agent == "joint" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, want one about %q", agent, err, want)
		}
	}
}
