//go:build !linux

package hw

func pin() (unpin func()) { return func() {} }

func preemptions() int64 { return 0 }
