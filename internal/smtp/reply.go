package smtp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	lineBytes    = 2048      // a line may have 512 (RFC 5321 4.5.3.1.5)
	replyLines   = 100       // of one reply
	sessionBytes = 64 * 1024 // received in one session
)

// Reply is one reply of the server, whole.
type Reply struct {
	Code     int           // 200 to 599
	Enhanced string        // the enhanced status code of the first line, if its class is the code's (RFC 2034)
	Lines    []string      // each line's text after code and separator, without its line end
	Time     time.Duration // since its command was sent
}

// String gives the code and all text on one line.
func (r *Reply) String() string {
	return strings.TrimRight(strconv.Itoa(r.Code)+" "+strings.Join(r.Lines, " "), " ")
}

// status gives subject and detail of the enhanced status code, zeros if there is none.
func (r *Reply) status() (subject, detail int) {
	var class int
	_, _ = fmt.Sscanf(r.Enhanced, "%d.%d.%d", &class, &subject, &detail)
	return subject, detail
}

// newLineReader is a buffer that holds the longest accepted line and no more.
func newLineReader(r io.Reader) *bufio.Reader {
	return bufio.NewReaderSize(r, lineBytes+len("\r\n"))
}

// readReply reads one reply and calls each with every raw line. A bare code is a lawful last line and LF alone ends a line.
// A line without a code from 200 to 599, a code that changes, NUL and text that is not UTF-8 are errors, and so is
// more than left bytes, which it counts down.
func readReply(br *bufio.Reader, left *int, each func(string)) (*Reply, error) {
	r := &Reply{}
	for {
		line, err := readLine(br, left)
		if err != nil {
			return nil, err
		}
		each(line)
		code, text, more, err := splitLine(line)
		switch {
		case err != nil:
			return nil, err
		case r.Code != 0 && r.Code != code:
			return nil, fmt.Errorf("a reply whose lines have different codes: %d and %d", r.Code, code)
		case len(r.Lines) == replyLines:
			return nil, fmt.Errorf("a reply of more than %d lines", replyLines)
		}
		r.Code = code
		r.Lines = append(r.Lines, text)
		if !more {
			if word := enhanced.FindString(r.Lines[0]); word != "" && word[0] == line[0] {
				r.Enhanced = strings.TrimSuffix(word, " ")
			}
			return r, nil
		}
	}
}

func readLine(br *bufio.Reader, left *int) (string, error) {
	raw, err := br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", fmt.Errorf("a line of more than %d bytes", lineBytes)
	}
	if err != nil {
		return "", err
	}
	if *left -= len(raw); *left < 0 {
		return "", errors.New("too much text in one session")
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r"), nil
}

var (
	replyLine = regexp.MustCompile(`^([2-5][0-9][0-9])(?:([ -])([^\x00]*))?$`)
	enhanced  = regexp.MustCompile(`^[245]\.[0-9]{1,3}\.[0-9]{1,3}(?: |$)`)
)

// splitLine takes "250-text", "250 text" or a bare "250" apart.
func splitLine(line string) (code int, text string, more bool, err error) {
	m := replyLine.FindStringSubmatch(line)
	switch {
	case !utf8.ValidString(line) || strings.Contains(line, "\x00"):
		return 0, "", false, errors.New("a reply with NUL or text that is not UTF-8")
	case m == nil:
		return 0, "", false, fmt.Errorf("no reply code in %.40q", line)
	}
	code, _ = strconv.Atoi(m[1])
	return code, m[3], m[2] == "-", nil
}
