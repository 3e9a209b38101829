//go:build !linux

package hw

import "time"

func pin() (unpin func()) { return func() {} }

func governor() string { return "" }

func preemptions() int64 { return 0 }

func timeOnCore() (time.Duration, bool) { return 0, false }
