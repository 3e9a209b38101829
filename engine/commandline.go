package engine

import (
	"fmt"
	"strconv"
	"strings"

	"galen/engine/planner"
)

// CommandLine is the shell command that starts a run with these settings. What is as
// usual is left out.
func (s Settings) CommandLine() string {
	usual := DefaultSettings()
	words := []string{"galen", "search", "--model", Quoted(s.Model), "--data", Quoted(s.Data)}
	if s.Demo {
		usual = DemoSettings()
		words = []string{"galen", "demo"}
	}
	if s.Preset == planner.Paper {
		usual.Reward, usual.Beta = planner.PaperReward, planner.PaperBeta
	}
	option := func(name, value string, differs bool) {
		if differs {
			words = append(words, "--"+name, Quoted(value))
		}
	}
	option("name", s.Name, s.Name != usual.Name)
	option("agent", s.Agent, s.Agent != usual.Agent)
	option("from", s.Base.String(), s.Base != nil && s.Base.Run != "")
	option("preset", s.Preset, s.Preset != usual.Preset)
	option("device", s.Device, s.Device != usual.Device)
	option("target", decimal(s.Target), s.Target != usual.Target)
	option("reward", s.Reward, s.Reward != usual.Reward)
	option("beta", decimal(s.Beta), s.Beta != usual.Beta)
	option("episodes", strconv.Itoa(s.Episodes), s.Episodes != usual.Episodes)
	option("seed", strconv.FormatUint(s.Seed, 10), s.Seed != usual.Seed)
	option("round-to", strconv.Itoa(s.RoundTo), s.RoundTo != usual.RoundTo)
	option("repair", s.Repair, s.Repair != usual.Repair && s.Repair != Repairs[0])
	option("images", strconv.Itoa(s.images()), s.images() != usual.images())
	option("max-bits", strconv.Itoa(s.MaxBits), s.MaxBits != usual.MaxBits)
	option("mean", separated(s.Mean), s.Mean != nil)
	option("std", separated(s.Std), s.Std != nil)
	option("resize", strconv.Itoa(s.Resize), s.Resize != 0)
	return strings.Join(words, " ")
}

// decimal is a number without an exponent, as people type them.
func decimal(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// separated are numbers with commas between them.
func separated(numbers []float32) string {
	var words []string
	for _, x := range numbers {
		words = append(words, fmt.Sprint(x))
	}
	return strings.Join(words, ",")
}

// Quoted is a word as a POSIX shell reads it.
func Quoted(word string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:,=+@%", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !safe(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
