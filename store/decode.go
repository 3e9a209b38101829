package store

import (
	"strconv"
)

// Long runs hold tens of megabytes of episodes. decoder reads them an order of magnitude faster
// than encoding/json by reading only what this package writes: the fields of [Episode] in their
// order, without spaces. What it meets otherwise it leaves to encoding/json.
type decoder struct {
	rest   []byte
	first  bool // the next field is its object's first
	failed bool

	texts   map[string]string // those met before: names repeat in every episode
	numbers []float64         // of one list
	slab    []float64         // where lists are cut from
	layers  int               // of the episode before
}

// episode decodes an episode; false if encoding/json has to.
func (d *decoder) episode(data []byte, e *Episode) bool {
	if d.texts == nil {
		d.texts = map[string]string{}
	}
	d.rest, d.failed = data, false
	*e = Episode{}
	d.open()
	if d.field("number") {
		e.Number = d.integer()
	}
	if d.field("layers") {
		e.Layers = list(d, d.layers, d.layer)
		d.layers = len(e.Layers)
	}
	if d.field("actions") {
		e.Actions = list(d, d.layers, d.floats)
	}
	d.float("accuracy", &e.Accuracy)
	d.float("latency_ms", &e.LatencyMS)
	d.float("latency_mad", &e.LatencyMAD)
	d.float("latency_ratio", &e.LatencyRatio)
	if d.field("samples") {
		e.Samples = d.floats()
	}
	if d.field("flags") {
		e.Flags = list(d, 1, d.text)
	}
	d.float("reward", &e.Reward)
	d.float("noise", &e.Noise)
	if d.field("macs") {
		e.MACs = int64(d.integer())
	}
	if d.field("bops") {
		e.BOPs = int64(d.integer())
	}
	if d.field("parameters") {
		e.Parameters = int64(d.integer())
	}
	d.float("seconds", &e.Seconds)
	if d.field("timing") {
		e.Timing = d.timing()
	}
	if d.field("finished") {
		d.failed = d.failed || e.Finished.UnmarshalJSON(d.quoted()) != nil
	}
	if d.field("confirmed") {
		e.Confirmed = d.confirmation()
	}
	d.close()
	return !d.failed && len(d.rest) == 0
}

func (d *decoder) layer() (l LayerResult) {
	d.open()
	if d.field("name") {
		l.Name = d.text()
	}
	d.float("asked", &l.Asked)
	d.float("sparsity", &l.Sparsity)
	if d.field("kept") {
		l.Kept = d.integer()
	}
	if d.field("channels") {
		l.Channels = d.integer()
	}
	if d.field("weight_bits") {
		l.WeightBits = d.integer()
	}
	if d.field("activation_bits") {
		l.ActivationBits = d.integer()
	}
	if d.field("kernel") {
		l.Kernel = d.text()
	}
	d.float("ms", &l.MS)
	if d.field("macs") {
		l.MACs = int64(d.integer())
	}
	d.close()
	return l
}

func (d *decoder) timing() *Timing {
	t := new(Timing)
	d.open()
	d.float("deciding", &t.Deciding)
	d.float("compressing", &t.Compressing)
	d.float("scoring", &t.Scoring)
	d.float("measuring", &t.Measuring)
	d.float("learning", &t.Learning)
	d.float("committing", &t.Committing)
	d.close()
	return t
}

// confirmation is for encoding/json: a run has a few.
func (d *decoder) confirmation() *Confirmation {
	d.failed = true
	return nil
}

// list reads a list whose length is about the given one; nil for null.
func list[T any](d *decoder, about int, element func() T) []T {
	if d.null() {
		return nil
	}
	d.expect('[')
	all := make([]T, 0, about)
	if d.next(']') {
		return all
	}
	for !d.failed {
		all = append(all, element())
		if d.next(']') {
			break
		}
		d.expect(',')
	}
	return all
}

// floats reads a list of numbers.
func (d *decoder) floats() []float64 {
	if d.null() {
		return nil
	}
	d.numbers = d.numbers[:0]
	d.expect('[')
	for end := d.next(']'); !end && !d.failed; {
		d.numbers = append(d.numbers, d.number())
		if end = d.next(']'); !end {
			d.expect(',')
		}
	}
	n := len(d.numbers)
	if cap(d.slab)-len(d.slab) < n || d.slab == nil {
		d.slab = make([]float64, 0, max(1<<12, n))
	}
	from := len(d.slab)
	d.slab = append(d.slab, d.numbers...)
	return d.slab[from : from+n : from+n]
}

// float reads a field, if it comes next, that is a number.
func (d *decoder) float(field string, x *float64) {
	if d.field(field) {
		*x = d.number()
	}
}

// number reads a number as JSON has them.
func (d *decoder) number() float64 {
	digits := func(at int) int {
		for at < len(d.rest) && d.rest[at]-'0' <= 9 {
			at++
		}
		return at
	}
	is := func(at int, one, other byte) bool {
		return at < len(d.rest) && (d.rest[at] == one || d.rest[at] == other)
	}
	whole := 0
	if is(0, '-', '-') {
		whole++
	}
	end := digits(whole)
	valid := end == whole+1 || end > whole && d.rest[whole] != '0'
	if is(end, '.', '.') {
		from := end + 1
		end = digits(from)
		valid = valid && end > from
	}
	if is(end, 'e', 'E') {
		from := end + 1
		if is(from, '+', '-') {
			from++
		}
		end = digits(from)
		valid = valid && end > from
	}
	if !valid {
		d.failed = true
		return 0
	}
	x, err := strconv.ParseFloat(string(d.rest[:end]), 64)
	d.failed = d.failed || err != nil
	d.rest = d.rest[end:]
	return x
}

// integer reads a number without fraction, of up to 18 digits.
func (d *decoder) integer() int {
	negative := d.next('-')
	n, at := 0, 0
	for at < len(d.rest) && at < 18 && d.rest[at]-'0' <= 9 {
		n = 10*n + int(d.rest[at]-'0')
		at++
	}
	if at == 0 || at > 1 && d.rest[0] == '0' {
		d.failed = true
		return 0
	}
	d.rest = d.rest[at:]
	if negative {
		return -n
	}
	return n
}

// text reads a string of plain characters.
func (d *decoder) text() string {
	quoted := d.quoted()
	if d.failed {
		return ""
	}
	plain := quoted[1 : len(quoted)-1]
	if s, ok := d.texts[string(plain)]; ok {
		return s
	}
	s := string(plain)
	d.texts[s] = s
	return s
}

// quoted is a string of plain characters with its quotes.
func (d *decoder) quoted() []byte {
	if len(d.rest) > 0 && d.rest[0] == '"' {
		for i, c := range d.rest[1:] {
			if c == '"' {
				quoted := d.rest[:i+2]
				d.rest = d.rest[i+2:]
				return quoted
			}
			if c < ' ' || c > '~' || c == '\\' {
				break
			}
		}
	}
	d.failed = true
	return nil
}

// open enters an object.
func (d *decoder) open() {
	d.expect('{')
	d.first = true
}

// close leaves an object, which must have no more fields.
func (d *decoder) close() {
	d.expect('}')
	d.first = false
}

// field tells whether the field of that name comes next, and goes on to its value.
func (d *decoder) field(name string) bool {
	rest := d.rest
	if !d.first {
		if len(rest) == 0 || rest[0] != ',' {
			return false
		}
		rest = rest[1:]
	}
	n := len(name)
	if len(rest) < n+3 || rest[0] != '"' || string(rest[1:n+1]) != name || rest[n+1] != '"' || rest[n+2] != ':' {
		return false
	}
	d.rest, d.first = rest[n+3:], false
	return true
}

func (d *decoder) null() bool {
	if len(d.rest) < 4 || string(d.rest[:4]) != "null" {
		return false
	}
	d.rest = d.rest[4:]
	return true
}

// next goes past a character if it comes next.
func (d *decoder) next(c byte) bool {
	if len(d.rest) == 0 || d.rest[0] != c {
		return false
	}
	d.rest = d.rest[1:]
	return true
}

func (d *decoder) expect(c byte) {
	if !d.next(c) {
		d.failed = true
	}
}
