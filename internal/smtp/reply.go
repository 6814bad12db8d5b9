package smtp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
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
	Enhanced string // enhanced code of the first line, if its class fits Code (RFC 2034); else ""
	Text     string // the lines without code and separator, joined by "\n"
	// Recipient is the address in Text. Replies that differ only by this address may be one Reply,
	// with the first address. It is empty if Text has no address.
	Recipient string
}

// To returns the reply as the server gave it to rcpt.
func (r *Reply) To(rcpt string) *Reply {
	if r.Recipient == "" {
		return r
	}
	return &Reply{r.Code, r.Enhanced, strings.ReplaceAll(r.Text, r.Recipient, rcpt), rcpt}
}

// Template returns Text with NUL, which no reply has, in place of Recipient.
func (r *Reply) Template() string {
	if r.Recipient == "" {
		return r.Text
	}
	return strings.ReplaceAll(r.Text, r.Recipient, "\x00")
}

// String returns code and text on one line.
func (r *Reply) String() string {
	return strings.TrimRight(strconv.Itoa(r.Code)+" "+strings.ReplaceAll(r.Text, "\n", " "), " ")
}

// status returns subject and detail of the enhanced code, zeros if there is none.
func (r *Reply) status() (subject, detail int) {
	_, rest, _ := strings.Cut(r.Enhanced, ".")
	first, second, _ := strings.Cut(rest, ".")
	subject, _ = strconv.Atoi(first)
	detail, _ = strconv.Atoi(second)
	return subject, detail
}

// newLineReader returns a reader whose buffer holds exactly the longest accepted line.
func newLineReader(r io.Reader) *bufio.Reader {
	return bufio.NewReaderSize(r, lineBytes+len("\r\n"))
}

// replies reads the replies of a connection.
type replies struct {
	br    *bufio.Reader
	left  int      // bytes that the server may still send
	lines []string // the last reply as the server sent it, at most replyLines; valid until read
	last  *Reply   // the last reply, if it had one line
}

// read reads one reply. A last line may be the bare code, and LF alone may end a line. Servers send
// text in any encoding: bytes that are not UTF-8 become replacement characters. Errors are a line
// without a code from 200 to 599, different codes in a reply, NUL, and more bytes than are left.
//
// If the same line comes again, as for most recipients, read returns the same *Reply.
func (in *replies) read() (*Reply, error) {
	line, err := in.line()
	if err == nil && in.last != nil && string(line) == in.lines[0] {
		return in.last, nil
	}
	in.lines, in.last = in.lines[:0], nil
	if err != nil {
		return nil, err
	}
	r, err := in.parse(line)
	if err == nil && len(in.lines) == 1 {
		in.last = r
	}
	return r, err
}

// parse reads the rest of a reply that begins with line. If the last line after 220 lines has 4xx
// or 5xx, this line is the reply: postscreen sends such a greeting.
func (in *replies) parse(line []byte) (*Reply, error) {
	r := &Reply{}
	for n := 0; ; n++ {
		text := strings.ToValidUTF8(string(line), string(utf8.RuneError))
		if len(in.lines) < replyLines {
			in.lines = append(in.lines, text)
		}
		code, rest, more, err := splitLine(text)
		if err != nil {
			return nil, err
		}
		if r.Code == 220 && code >= 400 && !more {
			r.Code, n = 0, 0
		}
		switch {
		case r.Code != 0 && r.Code != code:
			return nil, fmt.Errorf("a reply whose lines have different codes: %d and %d", r.Code,
				code)
		case n == replyLines:
			return nil, fmt.Errorf("a reply of more than %d lines", replyLines)
		case r.Code == 0:
			r.Code, r.Enhanced, r.Text = code, enhancedCode(text, rest), rest
		default:
			r.Text += "\n" + rest
		}
		if !more {
			return r, nil
		}
		if line, err = in.line(); err != nil {
			return nil, err
		}
	}
}

// line reads a line and cuts off its end. The bytes are valid until the next call.
func (in *replies) line() ([]byte, error) {
	line, err := in.br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("a line of more than %d bytes", lineBytes)
	}
	if err != nil {
		return nil, err
	}
	if in.left -= len(line); in.left < 0 {
		return nil, errors.New("too much text on one connection")
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), nil
}

// enhancedCode returns the enhanced code at the beginning of a line's text, such as "5.1.1", or "".
// Subject and detail have one to three digits (RFC 3463 2).
func enhancedCode(line, text string) string {
	word, _, _ := strings.Cut(text, " ")
	class, rest, _ := strings.Cut(word, ".")
	subject, detail, _ := strings.Cut(rest, ".")
	if class == line[:1] && class != "3" && isNumber(subject) && isNumber(detail) {
		return word
	}
	return ""
}

func isNumber(text string) bool {
	return len(text) >= 1 && len(text) <= 3 && strings.Trim(text, "0123456789") == ""
}

// splitLine splits "250-text", "250 text" or a bare "250"; more lines follow after "-".
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
