package graph

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// sources are the files of the package, without its tests.
func sources(t *testing.T) []*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

func TestEveryOperatorIsAnExample(t *testing.T) {
	listed := map[string]bool{}
	for _, e := range Examples() {
		listed[strings.TrimPrefix(fmt.Sprintf("%T", e.Op), "*")] = true
	}
	for _, file := range sources(t) {
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != "Kind" {
				continue
			}
			receiver := f.Recv.List[0].Type
			if pointer, ok := receiver.(*ast.StarExpr); ok {
				receiver = pointer.X
			}
			if name := receiver.(*ast.Ident).Name; !listed["graph."+name] {
				t.Errorf("%s has no example", name)
			}
		}
	}
}

// TestEveryConstantHasItsEntry looks for functions, arithmetic operators and codes that were declared but not entered.
func TestEveryConstantHasItsEntry(t *testing.T) {
	codes := map[uint64]bool{}
	for _, e := range Examples() {
		codes[e.Op.code()] = true
	}
	entered := map[string]func(number int) bool{
		"Function": func(i int) bool { return i < len(definitions) && definitions[i].Of != nil },
		"Operator": func(i int) bool { return i < len(operatorNames) && operatorNames[i] != "" },
		"uint64":   func(i int) bool { return codes[uint64(i)] },
	}
	seen := map[string]bool{}
	for _, file := range sources(t) {
		for _, declaration := range file.Decls {
			block, ok := declaration.(*ast.GenDecl)
			if !ok || block.Tok != token.CONST {
				continue
			}
			typ, ok := block.Specs[0].(*ast.ValueSpec).Type.(*ast.Ident)
			if !ok || entered[typ.Name] == nil {
				continue
			}
			seen[typ.Name] = true
			for i, spec := range block.Specs { // numbered from 1
				if !entered[typ.Name](1 + i) {
					t.Errorf("%s %s has no entry or example", typ.Name, spec.(*ast.ValueSpec).Names[0])
				}
			}
		}
	}
	if len(seen) != len(entered) {
		t.Errorf("found constants of %v only", seen)
	}
}

func TestExamples(t *testing.T) {
	names := map[string]bool{}
	written := map[string]Example{}
	for _, e := range Examples() {
		t.Run(e.Name, func(t *testing.T) {
			if names[e.Name] {
				t.Error("there is another of this name")
			}
			names[e.Name] = true
			if !strings.HasPrefix(e.Name, e.Op.Kind()) {
				t.Errorf("it is a %s", e.Op.Kind())
			}
			g, err := e.Graph()
			if err != nil {
				t.Fatal(err)
			}
			// Write validates, and tells operators apart by their numbers and attributes.
			var file bytes.Buffer
			if err := Write(&file, g); err != nil {
				t.Fatal(err)
			}
			var operator encoder
			operator.int(int(e.Op.code()))
			e.Op.encode(&operator)
			if other, ok := written[string(operator.bytes)]; ok && !reflect.DeepEqual(other.Op, e.Op) {
				t.Errorf("is written as %s is", other.Name)
			}
			written[string(operator.bytes)] = e
			if err := e.Op.validate(); err != nil {
				t.Error(err)
			}
			_, anyNumber := e.Op.(Concat)
			twice := append(slices.Clone(e.Inputs), e.Inputs...)
			if _, err := e.Op.OutputShape(twice); err == nil && !anyNumber {
				t.Error("takes twice as many inputs")
			}
		})
	}
}

// TestLocalityFitsInterfaces holds together what operators say of themselves.
func TestLocalityFitsInterfaces(t *testing.T) {
	for _, e := range Examples() {
		t.Run(e.Name, func(t *testing.T) {
			_, mover := e.Op.(Mover)
			_, reshaper := e.Op.(Reshaper)
			_, clamp := e.Op.(Clamp)
			if moving := e.Op.Locality() == Moving; moving != (mover || reshaper) {
				t.Errorf("is moving: %v; a Mover: %v; a Reshaper: %v", moving, mover, reshaper)
			}
			if clamp && e.Op.Locality() != Elementwise {
				t.Error("is a Clamp and not elementwise")
			}
			if l := e.Op.Locality(); l < Elementwise || l > Mixing {
				t.Errorf("has locality %d", l)
			}
		})
	}
}

// TestFunctions compares definitions with numbers that were computed by other means: Python's math and mpmath.
func TestFunctions(t *testing.T) {
	at := []float64{-2, 0.5, 3}
	want := map[Function][3]float64{
		LeakyRelu:   {-0.02, 0.5, 3},
		Elu:         {-0.8646647167633873, 0.5, 3},
		Sigmoid:     {0.11920292202211755, 0.6224593312018546, 0.9525741268224334},
		HardSigmoid: {0.1, 0.6, 1},
		HardSwish:   {-1. / 3, 7. / 24, 3},
		Silu:        {-0.2384058440442351, 0.3112296656009273, 2.8577223804673},
		Tanh:        {-0.9640275800758169, 0.46211715726000975, 0.9950547536867305},
		Softplus:    {0.1269280110429726, 0.9740769841801067, 3.048587351573742},
		Softsign:    {-2. / 3, 1. / 3, 0.75},
		Exp:         {0.1353352832366127, 1.6487212707001282, 20.085536923187668},
		Log:         {0, -0.6931471805599453, 1.0986122886681098},
		Sqrt:        {0, 0.7071067811865476, 1.7320508075688772},
		Abs:         {2, 0.5, 3},
		Neg:         {2, -0.5, -3},
		Reciprocal:  {-0.5, 2, 1. / 3},
		Mish:        {-0.2525014826957089, 0.3752452113048951, 2.9865350049679575},
	}
	for _, f := range Functions() {
		d := f.Definition()
		for i, x := range at {
			if d.Positive && x < 0 {
				continue
			}
			numbers, ok := want[f]
			if !ok {
				t.Errorf("%s is compared with nothing", f)
				break
			}
			// Alpha and Beta are float32 and say 0.01 to seven digits.
			if got := d.Of(x, float64(d.Alpha), float64(d.Beta)); !(max(got-numbers[i], numbers[i]-got) <= 1e-7*max(1, numbers[i])) {
				t.Errorf("%s(%g) is %.17g, want %.17g", f, x, got, numbers[i])
			}
		}
	}
}
