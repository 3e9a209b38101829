package engine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"
)

// logbook is where the owner of a store notes what it does and what goes wrong, for people
// who look on or come later. A nil one notes nothing. It must never hold a search up: what
// cannot be written is left out.
type logbook struct {
	mu   sync.Mutex
	file *os.File
}

// Levels of a log's lines.
const (
	logInfo    = "info"
	logWarning = "warning"
	logError   = "error"
)

// LogTime is how a line of the log begins.
const LogTime = "2006-01-02 15:04:05"

// LogPath is the log of a store.
func LogPath(database string) string { return database + ".log" }

// A log that is larger than maxLog when it is opened loses all but its latest lines, as many as
// [ReadLog] reads.
const (
	maxLog    = 4 << 20
	latestLog = 256 << 10
)

// openLog goes on with a store's log; nil if it cannot.
func openLog(database string) *logbook {
	latest, err := ReadLog(database)
	if err != nil {
		return nil
	}
	file, err := os.OpenFile(LogPath(database), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil
	}
	if info, err := file.Stat(); err == nil && info.Size() > maxLog && file.Truncate(0) == nil {
		_, _ = io.WriteString(file, strings.Join(latest, "\n")+"\n")
	}
	return &logbook{file: file}
}

// note writes a line. Further lines of the text follow, indented.
func (l *logbook) note(level, run, format string, values ...any) {
	if l == nil {
		return
	}
	text := strings.ReplaceAll(strings.TrimSpace(fmt.Sprintf(format, values...)), "\n", "\n    ")
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = io.WriteString(l.file, LogLine(time.Now(), level, run+": "+text)+"\n")
}

// LogLine is a line as it stands in the log.
func LogLine(at time.Time, level, text string) string {
	return fmt.Sprintf("%s %-7s %s", at.Format(LogTime), level, text)
}

func (l *logbook) close() error {
	if l == nil {
		return nil
	}
	return l.file.Close()
}

// ReadLog returns the latest lines of a store's log, whoever writes it; none if there is no log.
func ReadLog(database string) ([]string, error) {
	file, err := os.Open(LogPath(database))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	text, err := io.ReadAll(io.NewSectionReader(file, max(0, size-latestLog), latestLog))
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if size > latestLog {
		lines = lines[1:] // its beginning is missing
	}
	if len(lines) == 1 && lines[0] == "" {
		return nil, nil
	}
	return lines, nil
}
