package torture

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"mailfresh/internal/nagios"
	"mailfresh/internal/plugintest"
)

// smtpLimits hold for -t 3.
var smtpLimits = plugintest.Limits{Time: 3500 * time.Millisecond, Peak: 32 << 20}

// A turn is a command of the client and what a good server does, as a script of plugintest.SMTP.
type turn struct{ phase, command, code, reply string }

var plain = []turn{
	{"greeting", "", "220", "S: 220 mx ESMTP"},
	{"EHLO", "C: EHLO *", "250", "S: 250-mx\nS: 250 SIZE"},
	{"MAIL", "C: MAIL FROM:<>", "250", "S: 250 ok"},
	{"RCPT", "C: RCPT TO:<dcw@example.org>", "250", "S: 250 ok"},
	{"RSET", "C: RSET", "250", "S: 250 ok"},
	{"QUIT", "C: QUIT", "221", "S: 221 bye"},
}

var secure = []turn{
	{"greeting", "", "220", "S: 220 mx ESMTP"},
	{"EHLO before TLS", "C: EHLO *", "250", "S: 250-mx\nS: 250-PIPELINING\nS: 250 STARTTLS"},
	{"STARTTLS", "C: STARTTLS", "220", "S: 220 go"},
	{"TLS", "", "", "tls 127.0.0.1"},
	{"EHLO in TLS", "C: EHLO *", "250", "S: 250-mx\nS: 250 PIPELINING"},
	{"MAIL in TLS", "C: MAIL FROM:<>", "250", "S: 250 ok"},
	{"RCPT in TLS", "C: RCPT TO:<dcw@example.org>", "250", "S: 250 ok"},
	{"RSET in TLS", "C: RSET", "250", "S: 250 ok"},
	{"QUIT in TLS", "C: QUIT", "221", "S: 221 bye"},
}

// meaning is what a client has to make of a reply.
type meaning int

const (
	lost     meaning = iota // no reply that can be understood: no answer
	success                 // 2xx
	deferred                // 4xx
	refused                 // 5xx
	blamed                  // 5xx about the probe, whatever the phase
)

type reply struct {
	name, script string
	means        meaning
	only         string // the phases in which it means that; all if empty
}

// replies are what servers say instead of a good reply. JUNK is nasty text, CODE the phase's code
// of success.
var replies = []reply{
	{"silence", "silence", lost, ""},
	{"close", "close", lost, ""},
	{"reset", "rst", lost, ""},
	{"half a code, then close", "S| 25\nclose", lost, ""},
	{"half a line, then close", "S| CODE o\nclose", lost, ""},
	{"half a line, then silence", "S| CODE o\nsilence", lost, ""},
	{"half a reply, then close", "S: CODE-JUNK\nclose", lost, ""},
	{"half a reply, then silence", "S: CODE-JUNK\nsilence", lost, ""},
	{"half a reply, then reset", "S: CODE-JUNK\nrst", lost, ""},
	{"a byte now and then", "drip 100ms CODE this will take longer than anybody waits", lost, ""},
	{"endless line", "S| CODE \npour x", lost, ""},
	{"endless zeros", "pour \\x00", lost, ""},
	{"line of 3000 bytes", "S: CODE " + strings.Repeat("x", 3000), lost, ""},
	{"200000 continuation lines", "S* 200000 CODE-JUNK\nS: CODE JUNK", lost, ""},
	{"endless continuation", "flood CODE-JUNK", lost, ""},
	{"endless empty lines", "flood ", lost, ""},
	{"101 lines", "S* 100 CODE-JUNK\nS: CODE JUNK", lost, ""},
	{"no code", "S: ok JUNK", lost, ""},
	{"empty line", "S: ", lost, ""},
	{"two digits", "S: 25 JUNK", lost, ""},
	{"four digits", "S: 2500 JUNK", lost, ""},
	{"code and letter", "S: 250ok", lost, ""},
	{"code and tab", "S| 250\\tok\\r\\n", lost, ""},
	{"blank before the code", "S:  250 JUNK", lost, ""},
	{"code 000", "S: 000 JUNK", lost, ""},
	{"code 999", "S: 999 JUNK", lost, ""},
	{"code -250", "S: -250 JUNK", lost, ""},
	{"code in other digits", "S: ٢٥٠ JUNK", lost, ""},
	{"1xx", "S: 150 JUNK", lost, ""},
	{"3xx", "S: 354 JUNK", lost, ""},
	{"codes differ: 2xx, 550", "S: CODE-JUNK\nS: 550 JUNK", lost, "EHLO MAIL RCPT"},
	{"codes differ: 220, 550", "S: 220-JUNK\nS: 550 JUNK", refused,
		"greeting STARTTLS"}, // postscreen
	{"codes differ: 220, 421", "S: 220-JUNK\nS: 421 JUNK\nclose", deferred,
		"greeting STARTTLS"},
	{"codes differ: 550, 2xx", "S: 550-JUNK\nS: CODE JUNK", lost, ""},
	{"codes differ: 2xx, 259", "S: CODE-JUNK\nS: 259 JUNK", lost, ""},
	{"NUL", "S| CODE a\\x00b\\r\\n", lost, ""},
	{"NUL in the code", "S| 2\\x0050 a\\r\\n", lost, ""},
	{"lawful: not UTF-8", "S| CODE \\xff\\xfe\\r\\n", success, ""},
	{"UTF-16", "S| 2\\x005\\x000\\x00 \\x00\\r\\x00\\n\\x00", lost, ""},
	{"another protocol", "S: HTTP/1.1 400 Bad Request", lost, ""},
	{"a TLS alert in plain text", "S| \\x15\\x03\\x01\\x00\\x02\\x02\\x0a\nclose", lost, ""},
	{"a second reply", "S| CODE a\\r\\n550 b\\r\\n\nsilence", lost, "greeting EHLO MAIL STARTTLS"},

	{"4xx", "S: 450 4.2.0 JUNK", deferred, ""},
	{"421", "S: 421 4.3.2 JUNK\nclose", deferred, ""},
	{"421, then silence", "S: 421 JUNK\nsilence", deferred, ""},
	{"unknown 4xx", "S: 499 JUNK", deferred, ""},
	{"4xx of many lines", "S* 50 451-JUNK\nS: 451 JUNK", deferred, ""},

	{"5xx", "S: 550 JUNK", refused, ""},
	{"5xx, then close", "S: 554 JUNK\nclose", refused, ""},
	{"5xx of many lines", "S* 50 550-JUNK\nS: 550 JUNK", refused, ""},
	{"5xx, bare", "S: 550", refused, ""},
	{"5xx with the class of success", "S: 550 2.1.5 JUNK", refused, ""},
	{"5xx about the recipient", "S: 550 5.1.1 JUNK", refused, ""},
	{"unknown 5xx", "S: 599 JUNK", refused, ""},
	{"5xx by policy", "S: 550 5.7.1 JUNK", blamed, ""},
	{"5xx wants TLS", "S: 530 5.7.0 JUNK", blamed, ""},

	{"lawful: bare code", "S: CODE", success, ""},
	{"lawful: unknown 2xx", "S: 299 JUNK", success, ""},
	{"lawful: LF alone", "S| CODE o\\n", success, ""},
	{"lawful: CR in the text", "S| CODE a\\rb\\r\\n", success, ""},
	{"lawful: 100 lines", "S* 99 CODE-JUNK\nS: CODE JUNK", success, ""},
	{"lawful: 2000 bytes", "S: CODE " + strings.Repeat("x", 2000), success, ""},
	{"lawful: slow", "drip 10ms CODE slow", success, ""},
	{"lawful: enhanced code of another class", "S: CODE 5.1.1 JUNK", success, ""},
}

// handshakes are what servers do instead of a TLS handshake. A connection that ends and what is no
// TLS are no answer; TLS that does not fit is about the probe, as a bad certificate is.
var handshakes = []reply{
	{"silence", "silence", lost, ""},
	{"close", "close", lost, ""},
	{"reset", "rst", lost, ""},
	{"half an alert", "S| \\x15\\x03\\x03\nclose", lost, ""},
	{"hello cut short", "S| \\x16\\x03\\x03\\x00\\x2a\\x02\\x00\\x00\\x26\\x03\\x03\nclose", lost,
		""},
	{"hello that drips", "S| \\x16\\x03\\x03\\x40\\x00\\x02\ndrip 100ms " + strings.Repeat("x", 40),
		lost, ""},
	{"plain text", "S: 250 JUNK", lost, ""},
	{"plain text as an answer", "take\nS: 250 JUNK", lost, ""},
	{"endless plain text", "flood 250 JUNK", lost, ""},
	{"endless zeros", "pour \\x00", lost, ""},
	{"0xff", "S| " + strings.Repeat("\\xff", 64), lost, ""},
	{"alert: handshake failure", "take\nS| \\x15\\x03\\x03\\x00\\x02\\x02\\x28", blamed, ""},
	{"record of 65535 bytes", "S| \\x16\\x03\\x03\\xff\\xff" + strings.Repeat("x", 1000), lost, ""},
	{"hello of 16 MiB", "take\nS| \\x16\\x03\\x03\\x00\\x04\\x02\\xff\\xff\\xff\nsilence", blamed,
		""},
	{"hello of SSL 3", "take\nS| \\x16\\x03\\x00\\x00\\x2a\\x02\\x00\\x00\\x26\\x03\\x00" +
		strings.Repeat("\\x01", 32) + "\\x00\\x00\\x05\\x00", blamed, ""},
	{"endless empty records", "take\npour \\x16\\x03\\x03\\x00\\x00", blamed, ""},
}

// smtpInput is a server that is good up to a phase.
type smtpInput struct {
	turns []turn
	phase int
	reply reply
}

func smtpInputs() (all []smtpInput) {
	for _, turns := range [][]turn{plain, secure} {
		for i, one := range turns {
			some := replies
			if one.phase == "TLS" {
				some = handshakes
			}
			for _, reply := range some {
				// STARTTLS would not be
				unoffered := one.phase == "EHLO before TLS" && reply.means == success
				elsewhere := reply.only != "" &&
					!strings.Contains(" "+reply.only+" ", " "+one.phase+" ")
				if !unoffered && !elsewhere {
					all = append(all, smtpInput{turns, i, reply})
				}
			}
		}
	}
	return all
}

// script is the server's. Where the client may go on, the server is good again.
func (in smtpInput) script(r *rand.Rand) string {
	var b strings.Builder
	for i, one := range in.turns {
		fmt.Fprintln(&b, one.command)
		if i != in.phase {
			fmt.Fprintln(&b, one.reply)
			continue
		}
		said := strings.NewReplacer("CODE", one.code, "JUNK", plugintest.Junk(r)).
			Replace(in.reply.script)
		fmt.Fprintln(&b, said)
		if strings.HasPrefix(one.phase, "EHLO") &&
			(in.reply.means == refused || in.reply.means == blamed) {
			fmt.Fprintf(&b, "C: HELO *\n%s\n", said) // a client has to try that
		}
		if in.reply.means != success {
			break
		}
	}
	return b.String()
}

// verdict is what check_mx_rcpt has to say of the server: alone, or beside one that accepts.
func (in smtpInput) verdict(alone bool) nagios.State {
	phase, means := in.turns[in.phase].phase, in.reply.means
	switch {
	case means == success, strings.HasPrefix(phase, "RSET"), strings.HasPrefix(phase, "QUIT"):
		return nagios.OK // the answer was given before
	case means == deferred:
		return nagios.Warning // --deferred-state
	case means == lost && !alone:
		return nagios.Warning // --no-answer-state
	case means == lost:
		return nagios.Critical // no host gives an answer
	case means == refused && strings.HasPrefix(phase, "RCPT"):
		return nagios.Critical // rejected; beside one that accepts: the hosts disagree
	}
	return nagios.Unknown // the probe is refused
}

// TestSMTP has check_mx_rcpt ask servers that do anything at any phase, alone and beside a good
// one.
func TestSMTP(t *testing.T) {
	t.Parallel()
	c, r := plugintest.NewTally(t, "hostile SMTP server"), draw(t, 1)
	inputs := smtpInputs()
	r.Shuffle(len(inputs), func(i, k int) { inputs[i], inputs[k] = inputs[k], inputs[i] })
	good := serve(t, smtpInput{turns: secure, phase: -1}.script(r))
	n := 300 * amount(t)
	scripts := make([]string, n)
	for i := range scripts {
		scripts[i] = inputs[i%len(inputs)].script(r)
	}
	each(n, 16, func(i int) {
		in, alone := inputs[i%len(inputs)], (i+i/len(inputs))%2 == 0
		bad := serve(t, scripts[i])
		args := []string{"-t", "3", "-r", "dcw@example.org", "-H", bad.Addr}
		if in.turns[3].phase == "TLS" {
			args = append(args, "--tls", "required")
		}
		if !alone {
			args = append(args, "-H", good.Addr)
		}
		if i%3 == 0 {
			args = append(args, "-vv")
		}
		name := fmt.Sprintf("%s at %s, alone: %t", in.reply.name, in.turns[in.phase].phase, alone)
		judge(t, c, name, smtpLimits,
			func() plugintest.Outcome { return plugin(t, nil, "check_mx_rcpt", args...) },
			is(in.verdict(alone)))
		for _, problem := range bad.Close() {
			if strings.Contains(problem, "the script wants") ||
				strings.Contains(problem, `"DATA`) || strings.Contains(problem, `"BDAT`) {
				t.Errorf("%s: %s", name, problem)
			}
		}
	})
}

func serve(t testing.TB, script string) *plugintest.SMTP {
	t.Helper()
	s, err := plugintest.PlaySMTP("127.0.0.1:0", script)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
