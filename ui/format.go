package ui

import (
	"fmt"
	"math"
	"strings"
	"time"

	"galen/store"
)

const unknown = "–"

func percent(x float64) string {
	if !finite(x) {
		return unknown
	}
	return fmt.Sprintf("%.1f %%", 100*x)
}

// share is a percentage where one digit after the point is enough only for small ones.
func share(x float64) string {
	switch {
	case !finite(x):
		return unknown
	case x < 0.0995:
		return fmt.Sprintf("%.1f %%", 100*x)
	}
	return fmt.Sprintf("%.0f %%", 100*x)
}

func ratio(x float64) string {
	switch {
	case !finite(x):
		return unknown
	case x >= 99.95:
		return fmt.Sprintf("%.0f×", x)
	case x >= 9.995:
		return fmt.Sprintf("%.1f×", x)
	}
	return fmt.Sprintf("%.3f×", x)
}

// confirmedText is what a second look at an episode found: its accuracy, where other images were held
// out for it, and its latency.
func confirmedText(c *store.Confirmation) string {
	text := "confirmed "
	if c.Images > 0 {
		text += percent(c.Accuracy) + " "
	}
	return text + fmt.Sprintf("%s ± %.3f", ratio(c.LatencyRatio), c.RatioError)
}

// millis formats milliseconds with as many decimals as suit the whole model's
// latency, so that the numbers of a table line up and tell layers apart.
type millis int

func millisFor(total float64) millis {
	switch {
	case total >= 500:
		return 1
	case total >= 2:
		return 2
	}
	return 3
}

func (m millis) format(ms float64) string {
	if !finite(ms) {
		return unknown
	}
	return fmt.Sprintf("%.*f", int(m), ms)
}

func (m millis) withUnit(ms float64) string {
	if !finite(ms) {
		return unknown
	}
	return m.format(ms) + " ms"
}

// quantity is a count in the unit that leaves three digits: 11.2 M.
func quantity(n int64) string {
	x, units := float64(n), []string{"", " k", " M", " G", " T"}
	u := 0
	for x >= 999.5 && u < len(units)-1 {
		x /= 1000
		u++
	}
	switch {
	case u == 0:
		return fmt.Sprintf("%d", n)
	case x >= 99.95:
		return fmt.Sprintf("%.0f%s", x, units[u])
	case x >= 9.995:
		return fmt.Sprintf("%.1f%s", x, units[u])
	}
	return fmt.Sprintf("%.2f%s", x, units[u])
}

func quotient(a, b int64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}

// minus gives formatted numbers their proper sign.
func minus(text string) string { return strings.ReplaceAll(text, "-", "−") }

// number is a signed setting such as β, with a real minus.
func number(x float64) string {
	return minus(fmt.Sprintf("%g", x))
}

// clock is a duration as a stopwatch shows it.
func clock(d time.Duration) string {
	s := int(max(0, d).Seconds())
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

// roughly is a duration in as few words as still serve planning; coarse steps keep
// an estimate from flickering.
func roughly(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return "a few s"
	case d < 55*time.Second:
		return fmt.Sprintf("%d s", int(math.Ceil(d.Seconds()/10))*10)
	case d < 90*time.Minute:
		return fmt.Sprintf("%d m", int(math.Ceil(d.Minutes()-0.1)))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %02d m", int(d.Hours()), int(d.Minutes())%60/10*10)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24+0.5))
}

// age is how long ago t was.
func age(now, t time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return unknown
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d m ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	case d < 60*24*time.Hour:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
	return t.Local().Format(time.DateOnly)
}

// processor is a CPU's model name without trademark signs and clock rate.
func processor(name string) string {
	name, _, _ = strings.Cut(name, " @")
	for _, noise := range []string{"(R)", "(TM)", "(r)", "(tm)", " CPU", " Processor"} {
		name = strings.ReplaceAll(name, noise, "")
	}
	return strings.Join(strings.Fields(name), " ")
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
