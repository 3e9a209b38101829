package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"galen/engine/compress"
	"galen/hw/graph"
)

// Command asks a running search for something at its next step boundary. Its text, which
// the journal keeps, people type and [ParseCommand] reads, is a verb and what it needs:
//
//	pause    resume    step    stop
//	target 0.25                              wanted share of the original latency
//	reward r7                                see agents.Rewards
//	beta -3                                  weight of the latency in the reward
//	episodes 500                             the budget
//	noise 0.2                                exploration σ of the next episode, decaying from there
//	updates 20                               learning steps per episode
//	pin LAYER sparsity=0.5 weights=4 activations=4
//	bound LAYER sparsity=0.2..0.6 weights=4..8 activations=free
//	release LAYER                            from all its limits
//	freeze METHOD    thaw METHOD             prune, fp32, int8 or mixed, on all layers
//	try EPISODE                              its policy, in the next episode
//	try [{"layer": …}, …]                    this policy, in the next episode
//	base EPISODE                             its policy becomes the run's base, see Base
//	base [{"layer": …}, …]                   or this one
//	base none                                or the uncompressed network
//	cost LAYER                               time its choices; no entry in the journal
//	undo                                     the latest command that can be taken back
type Command struct {
	Kind CommandKind
	Who  string // for the journal: user name, or where it came from

	Value  float64         // of Target, Beta, Noise; a whole number for Episodes, Updates, Try, Rebase
	Name   string          // the reward's, the method's or the layer's; "none" for Rebase
	Limits Limits          // of Bound
	Policy compress.Policy // of Try and Rebase, instead of an episode's
}

// CommandKind names a command.
type CommandKind string

const (
	Pause  CommandKind = "pause"
	Resume CommandKind = "resume"
	Step   CommandKind = "step" // finish one episode, then pause
	Stop   CommandKind = "stop" // end the run; its episodes stay

	Target   CommandKind = "target"
	Reward   CommandKind = "reward"
	Beta     CommandKind = "beta"
	Episodes CommandKind = "episodes"
	Noise    CommandKind = "noise"
	Updates  CommandKind = "updates"
	Bound    CommandKind = "bound" // a pin is a bound that leaves one value
	Release  CommandKind = "release"
	Freeze   CommandKind = "freeze"
	Thaw     CommandKind = "thaw"
	Try      CommandKind = "try"
	Rebase   CommandKind = "base" // decisions start from another policy, with the next episode
	Undo     CommandKind = "undo"
	Cost     CommandKind = "cost" // time what each choice would cost a layer; changes nothing
)

const rename CommandKind = "rename" // tells the search what its run is called now; nobody types it

const none = "none" // what Rebase takes back the base by

const pin = "pin" // the other word for Bound

// Verb describes a command to people who type it.
type Verb struct {
	Name, Takes, Does string
}

// Verbs lists every command.
func Verbs() []Verb {
	return []Verb{
		{string(Pause), "", "hold the search at the next step"},
		{string(Resume), "", "go on"},
		{string(Step), "", "finish one episode, then pause"},
		{string(Stop), "", "end the run; its episodes stay"},
		{string(Target), "RATIO", "wanted latency as a share of the original's"},
		{string(Reward), "NAME", "what an episode is worth"},
		{string(Beta), "NUMBER", "how strongly latency counts in the reward (negative)"},
		{string(Episodes), "NUMBER", "how many policies to try in all"},
		{string(Noise), "SIGMA", "exploration of the next episode; it decays from there"},
		{string(Updates), "NUMBER", "learning steps per episode"},
		{pin, "LAYER sparsity=S weights=W activations=A", "fix what is given of a layer"},
		{string(Bound), "LAYER sparsity=S..T weights=V..W activations=A..B", "keep what is given of a layer in a range; free lifts it"},
		{string(Release), "LAYER", "let the agent decide about a layer again"},
		{string(Freeze), "METHOD", "no more prune, fp32, int8 or mixed, on any layer"},
		{string(Thaw), "METHOD", "allow a frozen method again"},
		{string(Try), "EPISODE", "repeat an episode's policy as the next episode"},
		{string(Rebase), "EPISODE", "start decisions from an episode's policy, or from none"},
		{string(Cost), "LAYER", "time what each choice would cost a layer here"},
		{string(Undo), "", "take the latest command back that can be"},
	}
}

// ParseCommand reads a command's text. Whether it suits the search is for the search
// to tell.
func ParseCommand(text string) (Command, error) {
	verb, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	rest = strings.TrimSpace(rest)
	c := Command{Kind: CommandKind(verb)}
	var err error
	switch c.Kind {
	case Pause, Resume, Step, Stop, Undo:
		if rest != "" {
			err = errors.New("nothing follows it")
		}
	case Target, Beta, Noise:
		if c.Value, err = strconv.ParseFloat(rest, 64); err != nil {
			err = errors.New("give a number")
		}
	case Episodes, Updates:
		c.Value, err = whole(rest)
	case Try, Rebase:
		if c.Kind == Rebase && rest == none {
			c.Name = none
		} else if strings.HasPrefix(rest, "[") {
			c.Policy, err = compress.ParsePolicy([]byte(rest))
		} else {
			c.Value, err = whole(strings.TrimPrefix(rest, "#"))
		}
	case Reward, Freeze, Thaw, Release, Cost:
		if c.Name = rest; rest == "" {
			err = errors.New("say which")
		}
	case Bound, pin:
		c.Kind = Bound
		if c.Name, c.Limits, err = parseLimits(rest); err == nil && verb == pin && !c.Limits.Pinned() {
			err = errors.New("it takes single values; ranges are for bound")
		}
	case "":
		return c, errors.New("no command: type one, like target 0.25")
	default:
		return c, fmt.Errorf("command %q is unknown; there are %s", verb, strings.Join(verbNames(), ", "))
	}
	if err != nil {
		return c, fmt.Errorf("%s: %w; as in: %s", verb, err, usage(verb))
	}
	return c, nil
}

func whole(text string) (float64, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, errors.New("give a whole number")
	}
	return float64(n), nil
}

func verbNames() []string {
	var names []string
	for _, v := range Verbs() {
		names = append(names, v.Name)
	}
	return names
}

// usage is how a verb is written.
func usage(verb string) string {
	all := Verbs()
	v := all[slices.IndexFunc(all, func(v Verb) bool { return v.Name == verb })]
	return strings.TrimSpace(v.Name + " " + v.Takes)
}

// parseLimits reads a layer's name, which may have blanks and anything else, and limits.
func parseLimits(text string) (layer string, l Limits, err error) {
	layer = text
	rest, word := cutLast(layer)
	for {
		known, err := l.parse(word)
		if err != nil {
			return "", l, err
		}
		if !known {
			break
		}
		layer = rest
		rest, word = cutLast(layer)
	}
	switch {
	case layer != "" && layer != text:
		return layer, l, l.check()
	case strings.Contains(word, "=") && layer != word:
		name, _, _ := strings.Cut(word, "=")
		return "", l, fmt.Errorf("%q is not sparsity, weights or activations", name)
	}
	return "", l, errors.New("name a layer and what to fix")
}

// parse takes one part of limits, like weights=4..8; known tells whether the word is one.
func (l *Limits) parse(word string) (known bool, err error) {
	name, value, _ := strings.Cut(word, "=")
	switch name {
	case "sparsity":
		l.Sparsity, err = parseSpan(value, anySparsity, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
	case "weights":
		l.Weights, err = parseSpan(value, anyBits, parseBits)
	case "activations":
		l.Activations, err = parseSpan(value, anyBits, parseBits)
	default:
		return false, nil
	}
	return true, err
}

// cutLast cuts the last word off.
func cutLast(text string) (rest, word string) {
	at := strings.LastIndexByte(text, ' ')
	return strings.TrimRight(text[:max(at, 0)], " "), text[at+1:]
}

func parseBits(text string) (int, error) {
	if text == "fp32" {
		return graph.FloatBits, nil
	}
	return strconv.Atoi(text)
}

func parseSpan[T int | float64](text string, all Span[T], parse func(string) (T, error)) (*Span[T], error) {
	if text == free {
		return &all, nil
	}
	least, most, ranged := strings.Cut(text, "..")
	if !ranged {
		most = least
	}
	low, err := parse(least)
	if err == nil {
		var high T
		if high, err = parse(most); err == nil {
			return &Span[T]{low, high}, nil
		}
	}
	return nil, fmt.Errorf("%q is neither a number nor a range of two", text)
}

// String is the command's text.
func (c Command) String() string {
	switch c.Kind {
	case Target, Beta, Noise, Episodes, Updates:
		return string(c.Kind) + " " + plain(c.Value)
	case Reward, Freeze, Thaw, Release, Cost:
		return fmt.Sprintf("%s %s", c.Kind, c.Name)
	case Bound:
		verb := string(Bound)
		if c.Limits.Pinned() {
			verb = pin
		}
		return fmt.Sprintf("%s %s %s", verb, c.Name, c.Limits)
	case Try, Rebase:
		if c.Name != "" {
			return string(c.Kind) + " " + c.Name
		}
		if c.Policy == nil {
			return string(c.Kind) + " " + plain(c.Value)
		}
		policy, _ := json.Marshal(c.Policy) // plain numbers and strings: it cannot fail
		return fmt.Sprintf("%s %s", c.Kind, policy)
	}
	return string(c.Kind)
}

// plain writes a number without an exponent, so that it reads as it was typed.
func plain(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
