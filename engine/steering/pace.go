package steering

// Commands about whether the search works.
const (
	Pause  Kind = "pause"
	Resume Kind = "resume"
	Step   Kind = "step"
	Stop   Kind = "stop"
)

var (
	pause = command{
		kind: Pause, does: "hold the search at the next step", argument: nothing, scope: pace,
		apply: pacing(Search.Pause),
	}
	resume = command{
		kind: Resume, does: "go on", argument: nothing, scope: pace,
		apply: pacing(Search.Resume),
	}
	step = command{
		kind: Step, does: "finish one episode, then pause", argument: nothing, scope: pace,
		apply: pacing(Search.Step),
	}
	stop = command{
		kind: Stop, does: "end the run; its episodes stay", argument: nothing, scope: pace,
		apply: pacing(func(s Search) error { s.Stop(); return nil }),
	}
)

// pacing applies what a search does; there is nothing to see of it in a course.
func pacing(does func(Search) error) func(Command, Course, Search) (Change, error) {
	return func(_ Command, _ Course, s Search) (Change, error) {
		if s == nil {
			return Change{}, nil
		}
		return Change{}, does(s)
	}
}
