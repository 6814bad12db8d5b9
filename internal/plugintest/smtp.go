package plugintest

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// SMTP is a server that follows a script with each client. The script looks like the dialogue:
//
//	S: 220 mx1.example.org ESMTP     the server sends this line and CRLF
//	C: EHLO *                        the client must send this; * is any text
//	hello [SIZE 100]                 greeting and EHLO; offers PIPELINING and this extension
//	S* 200 250-more                  sends a line 200 times
//	S| 250 ok\n                      sends these bytes, with Go's escapes, and no line end
//	drip 20ms 250 ok                 sends the line byte by byte
//	wait 300ms                       pauses
//	take                             reads what the client sends, such as a TLS handshake
//	tls mx1.example.org [expired]    speaks TLS from here, with a certificate of CA for that name
//	from 127.0.0.9                   the client must have this address
//	silence                          sends nothing until the client leaves
//	flood 250-x                      sends the line until the client leaves
//	pour x                           sends these bytes, with Go's escapes, until the client leaves
//	close, rst                       ends the connection by FIN or by RST
//	next                             begins a new connection; the last one is for all later ones
//
// If several commands stand above several replies, each reply is sent after its command, so that
// the client may send the commands at once or one after the other.
//
// At the end of a part RSET and QUIT are answered, and the connection is closed after QUIT. Blank
// lines and lines with # are ignored.
type SMTP struct {
	Addr     string
	listener net.Listener
	parts    [][]string
	mu       sync.Mutex
	clients  map[net.Conn]bool
	accepted int
	problems []string
	done     sync.WaitGroup
}

// PlaySMTP starts a server on addr, such as 127.0.0.1:0, until Close.
func PlaySMTP(addr, script string) (*SMTP, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &SMTP{Addr: l.Addr().String(), listener: l, parts: [][]string{nil},
		clients: map[net.Conn]bool{}}
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\r\n")
		extension, isHello := strings.CutPrefix(line+" ", "hello ")
		switch last := len(s.parts) - 1; {
		case line == "next":
			s.parts = append(s.parts, nil)
		case isHello:
			s.parts[last] = append(s.parts[last], "S: 220 mx ESMTP", "C: EHLO *", "S: 250-mx",
				"S: 250-"+extension, "S: 250 PIPELINING")
		case line != "" && line[0] != '#':
			s.parts[last] = append(s.parts[last], line)
		}
	}
	for i, part := range s.parts {
		s.parts[i] = pairReplies(part)
	}
	s.done.Add(1)
	go s.serve()
	return s, nil
}

// pairReplies puts each reply below its command.
func pairReplies(part []string) (paired []string) {
	for len(part) > 0 {
		n := 0
		for n < len(part) && strings.HasPrefix(part[n], "C: ") {
			n++
		}
		commands := part[:n]
		for part = part[n:]; len(commands) > 1 && len(part) > 0; commands = commands[1:] {
			reply, rest := firstReply(part)
			if reply == nil {
				break
			}
			paired, part = append(append(paired, commands[0]), reply...), rest
		}
		paired = append(paired, commands...)
		if len(part) > 0 && !strings.HasPrefix(part[0], "C: ") {
			paired, part = append(paired, part[0]), part[1:]
		}
	}
	return paired
}

// firstReply cuts the first reply off a part; reply is nil if the part begins with something else.
func firstReply(part []string) (reply, rest []string) {
	for i, line := range part {
		if many, ok := strings.CutPrefix(line, "S* "); ok {
			count, text, _ := strings.Cut(many, " ")
			n, _ := strconv.Atoi(count)
			if len(text) > 3 && text[3] == '-' {
				return nil, part
			}
			if rest = part[i+1:]; n > 1 {
				rest = append([]string{fmt.Sprintf("S* %d %s", n-1, text)}, rest...)
			}
			return append(reply, "S: "+text), rest
		}
		text, ok := strings.CutPrefix(line, "S: ")
		if !ok {
			return nil, part
		}
		if reply = append(reply, line); len(text) < 4 || text[3] != '-' {
			return reply, part[i+1:]
		}
	}
	return nil, part
}

// Close ends all connections and returns how clients broke the script.
func (s *SMTP) Close() []string {
	_ = s.listener.Close()
	s.mu.Lock()
	for c := range s.clients {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.done.Wait()
	return s.problems
}

// Connections returns the number of clients so far.
func (s *SMTP) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

func (s *SMTP) serve() {
	defer s.done.Done()
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		part := s.parts[min(s.accepted, len(s.parts)-1)]
		s.accepted++
		s.clients[c] = true
		s.mu.Unlock()
		s.done.Add(1)
		go s.client(c, part)
	}
}

func (s *SMTP) client(c net.Conn, part []string) {
	defer s.done.Done()
	defer c.Close()
	if err := play(c, part); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.problems = append(s.problems, err.Error())
	}
}

// play follows the script. The error says how the client broke it.
func play(c net.Conn, script []string) error {
	in := bufio.NewReader(c)
	for _, line := range script {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "C:":
			got, err := in.ReadString('\n')
			if err != nil {
				return fmt.Errorf("the client left before %q", rest)
			}
			if got = strings.TrimRight(got, "\r\n"); !matches(rest, got) {
				fmt.Fprintf(c, "500 the script wants %s\r\n", rest)
				return fmt.Errorf("the client said %q, the script wants %q", got, rest)
			}
		case "tls":
			name, kind, _ := strings.Cut(rest, " ")
			t := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{Certificate(name,
				kind == "expired")}})
			if t.Handshake() != nil {
				return nil
			}
			c, in = t, bufio.NewReader(t)
		case "from":
			if host, _, _ := net.SplitHostPort(c.RemoteAddr().String()); host != rest {
				return fmt.Errorf("the client is %s, the script wants %s", host, rest)
			}
		case "close":
			return hangUp(c)
		case "rst":
			if t, ok := c.(*tls.Conn); ok {
				c = t.NetConn()
			}
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
			return nil
		case "take":
			if _, err := in.Read(make([]byte, 4096)); err != nil {
				return nil
			}
		case "silence":
			_, _ = io.Copy(io.Discard, in)
			return nil
		default:
			if say(c, word, rest) != nil {
				return nil
			}
		}
	}
	return farewell(c, in)
}

// hangUp ends a connection so that the client reads EOF. It reads what the client still sends,
// which would cause a reset otherwise.
func hangUp(c net.Conn) error {
	if t, ok := c.(*net.TCPConn); ok && t.CloseWrite() == nil {
		_ = t.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = io.Copy(io.Discard, t)
	}
	return nil
}

func say(c io.Writer, word, rest string) (err error) {
	arg, text, _ := strings.Cut(rest, " ")
	switch word {
	case "S:":
		_, err = io.WriteString(c, rest+"\r\n")
	case "S*":
		n, _ := strconv.Atoi(arg)
		for ; n > 0 && err == nil; n-- {
			_, err = io.WriteString(c, text+"\r\n")
		}
	case "S|", "pour":
		raw, bad := strconv.Unquote(`"` + rest + `"`)
		if bad != nil {
			panic("not what a script may send: " + rest)
		}
		if _, err = io.WriteString(c, raw); word == "S|" {
			break
		}
		for raw = strings.Repeat(raw, 1000); err == nil; {
			_, err = io.WriteString(c, raw)
		}
	case "flood":
		lines := []byte(strings.Repeat(rest+"\r\n", 100))
		for err == nil {
			_, err = c.Write(lines)
		}
	case "drip":
		pause, _ := time.ParseDuration(arg)
		for _, b := range []byte(text + "\r\n") {
			time.Sleep(pause)
			if _, err = c.Write([]byte{b}); err != nil {
				break
			}
		}
	case "wait":
		pause, _ := time.ParseDuration(arg)
		time.Sleep(pause)
	default:
		panic("no such line in a script: " + word + " " + rest)
	}
	return err
}

func farewell(c io.Writer, in *bufio.Reader) error {
	for {
		line, err := in.ReadString('\n')
		switch line = strings.TrimRight(line, "\r\n"); {
		case err != nil:
			return nil
		case line == "RSET":
			fmt.Fprint(c, "250 reset\r\n")
		case line == "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return nil
		default:
			fmt.Fprint(c, "500 the script has ended\r\n")
			return fmt.Errorf("the client said %q after the end of the script", line)
		}
	}
}

func matches(pattern, line string) bool {
	// for path.Match * does not match a slash, and [ ] \ are special
	clean := strings.NewReplacer("/", "\x01", "[", "\x02", "]", "\x03", `\`, "\x04")
	ok, _ := path.Match(clean.Replace(pattern), clean.Replace(line))
	return ok
}
