package store

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// written are episodes as this package stores them, and some that only encoding/json can read.
func written(t testing.TB) (plain, special [][]byte) {
	t.Helper()
	encode := func(change func(*Episode)) []byte {
		e := testEpisode(3, 4)
		change(e)
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	plain = [][]byte{
		encode(func(*Episode) {}),
		encode(func(e *Episode) { *e = Episode{} }),
		encode(func(e *Episode) { e.Layers, e.Actions, e.Samples = []LayerResult{}, [][]float64{{}, nil}, []float64{} }),
		encode(func(e *Episode) { e.Timing, e.Flags = &Timing{1, 2, 3, 4, 5, 6}, []string{"noisy", "drifting"} }),
		encode(func(e *Episode) { e.MACs, e.BOPs, e.Reward, e.Noise, e.Accuracy = -5, 1e17, -1e-300, 5e-324, 1e21 }),
		encode(func(e *Episode) { e.Finished = time.Now() }),
	}
	special = [][]byte{
		encode(func(e *Episode) { e.Layers[1].Name = "größer" }),
		encode(func(e *Episode) { e.Layers[1].Name = `a<b&"c"\` }),
		encode(func(e *Episode) { e.MACs = 1<<63 - 1 }),
		encode(func(e *Episode) { e.Confirmed = &Confirmation{Accuracy: 0.5, Flags: []string{"noisy"}} }),
		[]byte(`{"number":1,"later":[1,{"x":2}],"samples":[1, 2]}`),
		[]byte(`{"NUMBER":4}`), []byte(`{"layers":[{"kept":1},{"kept":2}],"layers":[{"name":"x"}]}`), []byte(`{"macs":null}`), []byte(` {} `),
	}
	return plain, special
}

func TestDecoderReadsWhatIsWritten(t *testing.T) {
	plain, special := written(t)
	var d decoder
	for i, data := range append(plain, special...) {
		var want, got Episode
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		ok := d.episode(data, &got)
		if ok != (i < len(plain)) {
			t.Errorf("decoding %s by hand: %v", data, ok)
		}
		if ok && !reflect.DeepEqual(got, want) {
			t.Errorf("%s became %+v, want %+v", data, got, want)
		}
	}
	// None of what it read earlier is overwritten by what it reads later.
	first := new(Episode)
	d.episode(plain[0], first)
	for _, data := range plain {
		d.episode(data, new(Episode))
	}
	if want := testEpisode(3, 4); !reflect.DeepEqual(first, want) {
		t.Errorf("an episode changed into %+v", first)
	}
}

// TestDecoderKnowsEveryField fails when Episode has a field that has to be added to the decoder.
func TestDecoderKnowsEveryField(t *testing.T) {
	e := testEpisode(1, 2)
	e.Timing = &Timing{}
	fill := func(v reflect.Value) {
		for i := range v.NumField() {
			switch f := v.Field(i); f.Kind() {
			case reflect.Int, reflect.Int64:
				f.SetInt(7)
			case reflect.Float64:
				f.SetFloat(0.7)
			case reflect.String:
				f.SetString("seven")
			}
		}
	}
	fill(reflect.ValueOf(e).Elem())
	fill(reflect.ValueOf(e.Timing).Elem())
	fill(reflect.ValueOf(&e.Layers[0]).Elem())
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var got Episode
	if !new(decoder).episode(data, &got) || !reflect.DeepEqual(&got, e) {
		t.Errorf("%s became %+v", data, got)
	}
}

// FuzzDecoder has encoding/json judge whatever the decoder accepts.
func FuzzDecoder(f *testing.F) {
	plain, special := written(f)
	for _, data := range append(plain, special...) {
		f.Add(data)
		f.Add(data[:len(data)/2])
		f.Add([]byte(strings.ReplaceAll(string(data), ",", "")))
	}
	f.Add([]byte(`{,"number":1}`))
	f.Add([]byte(`{"number":01}`))
	f.Add([]byte(`{"number":-0,"accuracy":-0}`))
	f.Add([]byte(`{"accuracy":1e400}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, want Episode
		if !new(decoder).episode(data, &got) {
			return
		}
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("%s was accepted: %v", data, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s became %+v, want %+v", data, got, want)
		}
	})
}
