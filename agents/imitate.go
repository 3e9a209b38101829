package agents

// lesson is what an actor is to imitate: the actions to take in some states.
type lesson struct {
	actions [][]float64
	pass    *pass // its input holds the states, scaled
	slope   []float64
}

func (a *DDPG) newLesson(states, actions [][]float64) *lesson {
	sizes := a.settings.actorSizes()
	l := &lesson{actions: actions, pass: newPass(sizes, len(states)), slope: make([]float64, parameters(sizes))}
	for k, state := range states {
		a.scaler.scale(row(l.pass.input(), k), state)
	}
	return l
}

// gradient is that of ½·|μ(s) − a|², the mean over the lesson, by the actor's parameters.
// It is overwritten by the next call.
func (l *lesson) gradient(actor *network) []float64 {
	actor.forward(l.pass)
	for k, action := range l.actions {
		delta, output := row(l.pass.outputDelta(), k), row(l.pass.output(), k)
		for i := range delta {
			delta[i] = (output[i] - action[i]) / float64(len(l.actions))
		}
	}
	actor.backward(l.pass, l.slope, false)
	return l.slope
}

// Imitate makes the actor forget what it learned and answer the given states with the
// given actions, and others accordingly. What the critic learned and the replay holds
// stay. Exploration starts from Settings.Noise with the next episode.
func (a *DDPG) Imitate(states, actions [][]float64) {
	const steps, rate = 1500, 1e-3
	a.actor = newNetwork(a.settings.actorSizes(), true, 3e-3, a.rng)
	l := a.newLesson(states, actions)
	optimizer := newAdam(rate, 0, len(a.actor.params))
	for range steps {
		optimizer.step(a.actor.params, l.gradient(a.actor))
	}
	a.targetActor = a.actor.clone()
	a.actorAdam = newAdam(a.settings.ActorRate, 0, len(a.actor.params))
	a.noiseFrom = a.episodes
}
