package train

import "math"

// parameter is a tensor that training changes.
type parameter struct {
	value    []float32
	gradient []float32 // of the mean loss over the batch
	velocity []float32
	decayed  bool // whether weight decay applies
}

// newParameter copies the starting values.
func (t *Trainer) newParameter(start []float32, decayed bool) *parameter {
	p := &parameter{
		value:    append([]float32(nil), start...),
		gradient: make([]float32, len(start)),
		velocity: make([]float32, len(start)),
		decayed:  decayed,
	}
	t.parameters = append(t.parameters, p)
	return p
}

// descend takes one step of gradient descent with momentum, v ← μv + g and
// w ← w − ηv, or with Nesterov's look-ahead w ← w − η(g + μv) (Sutskever et al.
// 2013, in the form PyTorch uses). g includes the decay λw.
func (t *Trainer) descend() {
	rate, momentum, decay := float32(t.rate), float32(t.options.Momentum), float32(t.options.WeightDecay)
	t.pool.run(len(t.parameters), func(_, i int) {
		p := t.parameters[i]
		lambda := decay
		if !p.decayed {
			lambda = 0
		}
		for j, w := range p.value {
			g := p.gradient[j] + lambda*w
			v := momentum*p.velocity[j] + g
			p.velocity[j] = v
			if t.options.Nesterov {
				v = g + momentum*v
			}
			p.value[j] = w - rate*v
		}
	})
}

// scheduledRate is the learning rate at a step: a linear rise over the warm-up, then
// half a cosine down to zero (Loshchilov and Hutter 2017).
func scheduledRate(largest float64, step, warmUp, steps int) float64 {
	if step < warmUp {
		return largest * float64(step+1) / float64(warmUp)
	}
	return largest * (1 + math.Cos(math.Pi*float64(step-warmUp)/float64(max(1, steps-warmUp)))) / 2
}
