// Package oneshot does with a model what needs no search: it compresses it by one policy, scores it, times it, and
// verifies that it computes what others say it does.
package oneshot
