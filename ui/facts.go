package ui

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"galen/engine"
)

// fact is what one line says about both runs.
type fact struct {
	name   string
	values [2]string
	less   string // what the second has more or less of; empty: not a matter of numbers
}

// differingSettings are the settings that are not the same, by the names they are stored under.
func differingSettings(of [2]*engine.Snapshot) []fact {
	var fields [2]map[string]json.RawMessage
	for n, snap := range of {
		raw, err := json.Marshal(snap.Settings)
		if err == nil {
			err = json.Unmarshal(raw, &fields[n])
		}
		if err != nil {
			return nil // numbers that JSON has no words for: such settings are never stored
		}
		delete(fields[n], "name")
		delete(fields[n], "episodes") // stands beside those that are done
	}
	names := maps.Clone(fields[0])
	maps.Copy(names, fields[1])
	var out []fact
	for _, name := range slices.Sorted(maps.Keys(names)) {
		values := [2]string{readable(fields[0][name]), readable(fields[1][name])}
		if string(fields[0][name]) == string(fields[1][name]) {
			continue
		}
		for n, snap := range of {
			switch name {
			case "base":
				values[n] = snap.Settings.Base.String()
			case "limits":
				values[n] = plural(len(snap.Settings.Limits), "layer")
			}
		}
		out = append(out, fact{name: settingName(name), values: values})
	}
	return out
}

// readable is a JSON value for people.
func readable(value json.RawMessage) string {
	if len(value) == 0 || string(value) == `""` {
		return unknown
	}
	return strings.Trim(string(value), `"`)
}

// settingName is what the interface calls a setting, by the name it is stored under.
func settingName(stored string) string {
	switch stored {
	case "base":
		return "from"
	case "limits":
		return "limited"
	}
	return strings.ReplaceAll(stored, "_", " ")
}

// achieved compares how far the runs came and what their best episodes reached.
func (v *versus) achieved() []fact {
	stands, done := fact{name: "state"}, fact{name: "episodes"}
	for n, s := range v.of {
		state := v.s.state(s.Run.ID, s.State)
		symbol, _ := v.s.look.stateLook(state)
		stands.values[n] = symbol + " " + string(state)
		done.values[n] = fmt.Sprintf("%d of %d", len(s.Episodes), budget(s))
	}
	out := []fact{stands, done}
	add := func(name string, of func(s *engine.Snapshot) float64, text, less func(float64) string) {
		f := fact{name: name, values: [2]string{unknown, unknown}}
		var values [2]float64
		known := true
		for n, s := range v.of {
			if s.Best == nil {
				known = false
				continue
			}
			values[n] = of(s)
			f.values[n] = text(values[n])
		}
		if known && finite(values[1]-values[0]) {
			f.less = less(values[1] - values[0])
		}
		out = append(out, f)
	}
	difference := func(format string) func(float64) string {
		return func(x float64) string { return minus(fmt.Sprintf(format, x)) }
	}
	points := func(x float64) string { return signed(100*x) + " points" }
	add("best", func(s *engine.Snapshot) float64 { return float64(s.Best.Number) }, func(x float64) string { return fmt.Sprintf("#%.0f", x) }, func(float64) string { return "" })
	add("accuracy", func(s *engine.Snapshot) float64 { return s.Best.Accuracy }, percent, points)
	add("latency", func(s *engine.Snapshot) float64 { return s.Best.LatencyRatio }, ratio, difference("%+.3f×"))
	add("ms", func(s *engine.Snapshot) float64 { return s.Best.LatencyMS }, func(x float64) string { return fmt.Sprintf("%.3f", x) }, difference("%+.3f"))
	add("MACs", func(s *engine.Snapshot) float64 { return float64(s.Best.MACs) }, func(x float64) string { return quantity(int64(x)) }, func(float64) string { return "" })
	return append(out, confirmedFacts(v.of)...)
}

// confirmedFacts are what a second look at the best episodes found, if there was any.
func confirmedFacts(of [2]*engine.Snapshot) []fact {
	f, any := fact{name: "confirmed", values: [2]string{unknown, unknown}}, false
	for n, s := range of {
		if s.Best != nil && s.Best.Confirmed != nil {
			c := s.Best.Confirmed
			f.values[n], any = percent(c.Accuracy)+" "+ratio(c.LatencyRatio), true
		}
	}
	if !any {
		return nil
	}
	return []fact{f}
}
