package compress

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestPolicyJSON(t *testing.T) {
	p := Policy{{"conv1", 0.25, 8, 4}, {"fc", 0, 32, 32}}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"layer":"conv1","sparsity":0.25,"weight_bits":8,"activation_bits":4},{"layer":"fc","sparsity":0,"weight_bits":32,"activation_bits":32}]`
	if string(data) != want {
		t.Errorf("policy is %s, want %s", data, want)
	}
	back, err := ParsePolicy(data)
	if err != nil || !reflect.DeepEqual(back, p) {
		t.Errorf("read back as %v, %v", back, err)
	}
	for _, bad := range []string{"", "{}", `[{"layer":"a","bits":8}]`, `[] []`, `[{"sparsity":"much"}]`} {
		if _, err := ParsePolicy([]byte(bad)); err == nil || !strings.Contains(err.Error(), "policy") {
			t.Errorf("%q was read: %v", bad, err)
		}
	}
}

func TestValidate(t *testing.T) {
	s, err := Analyze(residualNet(t, false))
	if err != nil {
		t.Fatal(err)
	}
	good := s.Uniform(0.3, 6)
	if err := s.Validate(good); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(p Policy)
		says   string
	}{
		{func(p Policy) { p[1].Layer = "other" }, `layer 2 of the policy is "other"`},
		{func(p Policy) { p[0].Sparsity = 1 }, "not in [0, 1)"},
		{func(p Policy) { p[0].Sparsity = -0.1 }, "not in [0, 1)"},
		{func(p Policy) { p[2].Sparsity = 0.5 }, `together with "Conv_0"`},
		{func(p Policy) { p[len(p)-1].Sparsity = 0.5 }, outputReason},
		{func(p Policy) { p[3].WeightBits = 0 }, "0 weight bits"},
		{func(p Policy) { p[3].ActivationBits = 16 }, "16 activation bits"},
		{func(p Policy) { p[3].ActivationBits = 32 }, "either both"},
	} {
		p := append(Policy(nil), good...)
		c.change(p)
		if err := s.Validate(p); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q expected: %v", c.says, err)
		}
	}
	if err := s.Validate(good[1:]); err == nil {
		t.Error("a policy with a layer missing was taken")
	}
	if last := good[len(good)-1]; last.Sparsity != 0 || last.WeightBits != 8 || last.ActivationBits != 8 {
		t.Errorf("the uniform policy gives the classifier %+v", last)
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(`[{"layer":"conv1","sparsity":0.25,"weight_bits":8,"activation_bits":4}]`))
	f.Add([]byte(`[{"layer":"conv1","sparsity":1e999}]`))
	f.Add([]byte(`[null]`))
	s, err := Analyze(plainNet(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParsePolicy(data)
		if err == nil && s.Validate(p) == nil && len(p) != len(s.Layers) {
			t.Errorf("%s passes for a policy", data)
		}
	})
}
