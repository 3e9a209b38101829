package shell

import "testing"

func TestCommand(t *testing.T) {
	for want, command := range map[string]string{
		"galen":                        Command(""),
		"galen --db '/tmp/my runs.db'": Command("/tmp/my runs.db"),
		`galen resume 'it'\''s; bold' --db runs.db`:         Command("runs.db", "resume", "it's; bold"),
		"galen demo --target 0.2 --db runs.db":              OnStore("galen demo --target 0.2", "runs.db"),
		"galen steer demo 'try [{\"layer\": \"a b\"}]'":     Command("", "steer", "demo", `try [{"layer": "a b"}]`),
		"galen export demo --onnx FILE --db '$HOME/all.db'": Command("$HOME/all.db", "export", "demo", "--onnx", "FILE"),
	} {
		if command != want {
			t.Errorf("the command is %s, want %s", command, want)
		}
	}
}
