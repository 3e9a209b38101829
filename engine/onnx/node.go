package onnx

import (
	"errors"
	"fmt"
	"strings"
)

// UnsupportedError lists the nodes of a model that galen cannot take, in the file's order.
type UnsupportedError struct{ Nodes []UnsupportedNode }

// UnsupportedNode is one node that cannot be imported, by its name and operator, and why.
type UnsupportedNode struct{ Name, Op, Reason string }

// maxListed are the nodes an error's message lists; Nodes holds them all.
const maxListed = 20

func (e *UnsupportedError) Error() string {
	var s strings.Builder
	if len(e.Nodes) == 1 {
		s.WriteString("galen cannot take a node of this model: ")
	} else {
		fmt.Fprintf(&s, "galen cannot take %d nodes of this model: ", len(e.Nodes))
	}
	for i, n := range e.Nodes {
		if i > 0 {
			s.WriteString("; ")
		}
		if i == maxListed {
			fmt.Fprintf(&s, "and %d more", len(e.Nodes)-i)
			break
		}
		fmt.Fprintf(&s, "%s node %q: %s", n.Op, n.Name, n.Reason)
	}
	return s.String()
}

// node is a node of the file with typed access to its attributes. The first attribute that has
// the wrong type is remembered in err.
type node struct {
	*nodeProto
	name string // never empty
	last bool   // reads images whose channels are last as if they were first
	err  error
}

func (n *node) attribute(name string, types ...attributeType) *attributeProto {
	for i := range n.attributes {
		a := &n.attributes[i]
		if a.name != name {
			continue
		}
		for _, t := range types {
			if !a.other && (a.typ == t || a.typ == 0) {
				return a
			}
		}
		if n.err == nil {
			n.err = fmt.Errorf("attribute %q has the wrong type", name)
		}
		return nil
	}
	return nil
}

func (n *node) int(name string, absent int64) int64 {
	if a := n.attribute(name, attributeInt); a != nil {
		return a.i
	}
	return absent
}

func (n *node) float(name string, absent float32) float32 {
	if a := n.attribute(name, attributeFloat); a != nil {
		return a.f
	}
	return absent
}

func (n *node) string(name, absent string) string {
	if a := n.attribute(name, attributeString); a != nil {
		return a.s
	}
	return absent
}

// ints is nil when the attribute is absent.
func (n *node) ints(name string) []int64 {
	if a := n.attribute(name, attributeInts); a != nil {
		return append([]int64{}, a.ints...)
	}
	return nil
}

// tensor is nil when the attribute is absent.
func (n *node) tensor(name string) *tensorProto {
	if a := n.attribute(name, attributeTensor); a != nil && a.t != nil {
		return a.t
	}
	return nil
}

// fault is the node's wrong attribute if it has one, from which err may have come, or else err.
func (n *node) fault(err error) error {
	if n.err != nil {
		return n.err
	}
	return err
}

// input is the name of an input, empty if omitted.
func (n *node) input(i int) string {
	if i < len(n.inputs) {
		return n.inputs[i]
	}
	return ""
}

// axis turns an axis that may count from the back into an index below rank.
func axis(a int64, rank int) (int, error) {
	if a < 0 {
		a += int64(rank)
	}
	if a < 0 || a >= int64(rank) {
		return 0, fmt.Errorf("axis is out of range for %d dimensions", rank)
	}
	return int(a), nil
}

// axes does the same for a list, in which none may come twice.
func axes(list []int64, rank int) ([]bool, error) {
	set := make([]bool, rank)
	for _, a := range list {
		i, err := axis(a, rank)
		if err != nil {
			return nil, err
		}
		if set[i] {
			return nil, errors.New("names an axis twice")
		}
		set[i] = true
	}
	return set, nil
}
