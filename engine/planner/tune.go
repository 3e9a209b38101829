package planner

import (
	"fmt"

	"galen/engine/compress/structure"
)

// Steered tells that a command took effect, by which settings may have changed.
func (p *Planner) Steered() {
	p.steered++
	if now := p.settings.worth(); now != p.worth {
		p.worth = now
		p.agent.Rescore(p.settings.NewReward())
	}
}

func (p *Planner) tunable() (tunable, error) {
	agent, ok := p.agent.(tunable)
	if !ok {
		return nil, fmt.Errorf("the %s agent has neither noise nor updates to set", p.settings.Agent)
	}
	return agent, nil
}

// SetNoise changes the exploration σ of the agent; it returns the former one.
func (p *Planner) SetNoise(sigma float64) (before float64, err error) {
	agent, err := p.tunable()
	if err != nil {
		return 0, err
	}
	before = p.agent.Noise()
	agent.SetNoise(sigma)
	return before, nil
}

// SetUpdates changes how many learning steps the agent makes per episode; it returns the former number.
func (p *Planner) SetUpdates(n int) (before int, err error) {
	agent, err := p.tunable()
	if err != nil {
		return 0, err
	}
	before = agent.Settings().Updates
	agent.SetUpdates(n)
	return before, nil
}

// MayTry tells why a policy that suits the network is not within what the agent decides about: only from one that is
// does it learn the right thing.
func (p *Planner) MayTry(policy structure.Policy) error {
	for l, tried := range policy {
		base := p.base[l]
		switch {
		case tried.Sparsity != base.Sparsity && !p.space.Kind.Prunes():
			return fmt.Errorf("the %s agent does not prune, and the policy has %s lose %.4g of its channels instead of %.4g",
				p.settings.Agent, tried.Layer, tried.Sparsity, base.Sparsity)
		case (tried.WeightBits != base.WeightBits || tried.ActivationBits != base.ActivationBits) && !p.space.Kind.Quantizes():
			return fmt.Errorf("the %s agent does not quantize, and the policy gives %s %d bits of weights and %d of activations instead of %d and %d",
				p.settings.Agent, tried.Layer, tried.WeightBits, tried.ActivationBits, base.WeightBits, base.ActivationBits)
		}
	}
	return nil
}
