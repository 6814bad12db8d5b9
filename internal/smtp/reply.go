package smtp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

const (
	lineBytes       = 2048      // a line may have 512 (RFC 5321 4.5.3.1.5)
	replyLines      = 100       // of one reply
	connectionBytes = 64 * 1024 // received on one connection, besides lineBytes for each command
)

// Reply is one reply of the server.
type Reply struct {
	Code     int    // 200 to 599
	Enhanced string // enhanced status code of the first line, if its class is the code's (RFC 2034)
	Text     string // of each line what stands behind code and separator, joined by "\n"
}

// String gives the code and all text on one line.
func (r *Reply) String() string {
	return strings.TrimRight(strconv.Itoa(r.Code)+" "+strings.ReplaceAll(r.Text, "\n", " "), " ")
}

// status gives subject and detail of the enhanced status code, zeros if there is none.
func (r *Reply) status() (subject, detail int) {
	_, rest, _ := strings.Cut(r.Enhanced, ".")
	first, second, _ := strings.Cut(rest, ".")
	subject, _ = strconv.Atoi(first)
	detail, _ = strconv.Atoi(second)
	return subject, detail
}

// newLineReader is a buffer that holds the longest accepted line and no more.
func newLineReader(r io.Reader) *bufio.Reader {
	return bufio.NewReaderSize(r, lineBytes+len("\r\n"))
}

// readReply reads one reply and calls each with every line. A bare code is a lawful last line, LF
// alone ends a line, and 8-bit text, which servers send in any encoding, is text: what is not UTF-8
// becomes replacement characters. A line without a code from 200 to 599, a code that changes, NUL,
// and more than left bytes, which it counts down, are errors.
//
// A 220 whose last line has a 4xx or 5xx is that refusal: so postscreen ends a greeting.
func readReply(br *bufio.Reader, left *int, each func(string)) (*Reply, error) {
	r := &Reply{}
	for lines := 0; ; lines++ {
		line, err := readLine(br, left)
		if err != nil {
			return nil, err
		}
		each(line)
		code, text, more, err := splitLine(line)
		if err != nil {
			return nil, err
		}
		if r.Code == 220 && code >= 400 && !more {
			r.Code, lines = 0, 0
		}
		switch {
		case r.Code != 0 && r.Code != code:
			return nil, fmt.Errorf("a reply whose lines have different codes: %d and %d", r.Code,
				code)
		case lines == replyLines:
			return nil, fmt.Errorf("a reply of more than %d lines", replyLines)
		case r.Code == 0:
			r.Code, r.Enhanced, r.Text = code, enhancedCode(line, text), text
		default:
			r.Text += "\n" + text
		}
		if !more {
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
		return "", errors.New("too much text on one connection")
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	return strings.ToValidUTF8(line, string(utf8.RuneError)), nil
}

var enhanced = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[245]\.[0-9]{1,3}\.[0-9]{1,3}(?: |$)`)
})

// enhancedCode finds the enhanced status code at the beginning of a line's text.
func enhancedCode(line, text string) string {
	if word := enhanced().FindString(text); word != "" && word[0] == line[0] {
		return strings.TrimSuffix(word, " ")
	}
	return ""
}

// splitLine takes "250-text", "250 text" or a bare "250" apart.
func splitLine(line string) (code int, text string, more bool, err error) {
	if strings.Contains(line, "\x00") {
		return 0, "", false, errors.New("a reply with NUL")
	}
	if len(line) >= 3 {
		code, _ = strconv.Atoi(line[:3])
	}
	switch {
	case code < 200 || code > 599 || line[0] == '+' || line[0] == '-',
		len(line) > 3 && line[3] != ' ' && line[3] != '-':
		return 0, "", false, fmt.Errorf("no reply code in %.40q", line)
	case len(line) == 3:
		return code, "", false, nil
	}
	return code, line[4:], line[3] == '-', nil
}
