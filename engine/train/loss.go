package train

import "math"

// crossEntropy is the mean over the batch of −Σ target·log softmax(logits), where the
// target is the label's unit vector with the smoothing share spread evenly over
// all classes (Szegedy et al. 2016). It writes the gradient, (softmax − target)/n,
// and counts the images whose largest logit is the label's.
func crossEntropy(gradient, logits *tensor, labels []int, smoothing float64) (loss float64, correct int) {
	n, classes := logits.n, logits.channels
	exponentials := make([]float64, classes)
	for i, label := range labels {
		x, g := logits.pixels(i)[:classes], gradient.pixels(i)
		largest := 0
		for c, v := range x {
			if v > x[largest] {
				largest = c
			}
		}
		if largest == label {
			correct++
		}
		sum := 0.0
		for c, v := range x {
			exponentials[c] = math.Exp(float64(v) - float64(x[largest]))
			sum += exponentials[c]
		}
		log := math.Log(sum)
		for c, v := range x {
			target := smoothing / float64(classes)
			if c == label {
				target += 1 - smoothing
			}
			loss -= target * (float64(v) - float64(x[largest]) - log)
			g[c] = float32((exponentials[c]/sum - target) / float64(n))
		}
	}
	return loss / float64(n), correct
}
