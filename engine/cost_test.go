package engine

import (
	"context"
	"strings"
	"testing"

	"galen/engine/steering"
)

func TestALayersChoicesAreTimedAndNothingElseChanges(t *testing.T) {
	db, id := createRun(t, testSettings("joint", 3))
	s := search(t, context.Background(), db, id, smallWorkload(t))
	name := s.layers[0].Name
	if err := s.TimeLayer(name); err == nil || !strings.Contains(err.Error(), "roofline:") {
		t.Errorf("timed on an analytic device: %v", err)
	}
	s.settings.Device = "local"
	before := s.box.peek()
	journal := len(s.journal)
	if err := s.TimeLayer("nobody"); err == nil {
		t.Error("timed a layer that is not there")
	}
	c, err := steering.Parse("cost " + name)
	if err != nil || c.String() != "cost "+name {
		t.Fatalf("%v, %v", c, err)
	}
	if err := s.receive(c); err != nil {
		t.Fatal(err)
	}
	after := s.box.peek()
	costs := after.Costs[name]
	if len(costs) == 0 || costs[0].Kept != s.layers[0].Out || costs[0].Kernel != "fp32" || !(costs[0].MS > 0) {
		t.Errorf("the costs are %+v", costs)
	}
	if before.Costs != nil || after.Version <= before.Version || len(s.journal) != journal || len(after.Episodes) != len(before.Episodes) {
		t.Error("more has changed than the costs")
	}
}
