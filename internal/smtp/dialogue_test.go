package smtp

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"mailfresh/internal/plugintest"
)

func TestMain(m *testing.M) {
	if server := os.Getenv("SHA1_SERVER"); server != "" {
		probeSHA1(server)
		return
	}
	// The system's authorities are read once: here they are plugintest's one.
	f, err := os.CreateTemp("", "ca")
	if err != nil {
		panic(err)
	}
	if _, err := f.Write(plugintest.CA()); err != nil {
		panic(err)
	}
	os.Setenv("SSL_CERT_FILE", f.Name())
	os.Setenv("SSL_CERT_DIR", "/nonexistent")
	if _, err := x509.SystemCertPool(); err != nil {
		panic(err)
	}
	os.Remove(f.Name())
	os.Exit(m.Run())
}

// A case is a file: what is asked, the server's script, and every answer. UPDATE_SCRIPTS=1
// writes the answers.
func TestDialogue(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d dialogues: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			testDialogue(t, file)
		})
	}
}

func testDialogue(t *testing.T, file string) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	section := map[string]string{}
	for _, f := range a.Files {
		section[f.Name] = string(f.Data)
	}
	server, err := plugintest.PlaySMTP("127.0.0.1:0", section["server"])
	if err != nil {
		t.Fatal(err)
	}
	p, limit := parseProbe(t, section["probe"])
	p.Addr = netip.MustParseAddrPort(server.Addr)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	start := time.Now()
	d := p.Run(ctx)
	if took := time.Since(start); took > limit+2*time.Second {
		t.Errorf("the dialogue took %v; its limit is %v", took, limit)
	}
	got := describe(p, d)
	if problems := server.Close(); len(problems) > 0 {
		t.Errorf("against the script: %s\n%s", strings.Join(problems, "\n"),
			strings.Join(d.Record, "\n"))
	}
	if os.Getenv("UPDATE_SCRIPTS") != "" && got != section["want"] {
		a.Files = a.Files[:2]
		a.Files = append(a.Files, txtar.File{Name: "want", Data: []byte(got)})
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(section["want"], got); diff != "" {
		t.Errorf("%s: answers (-want +got):\n%s\n%s", file, diff, strings.Join(d.Record, "\n"))
	}
}

// parseProbe reads "from", "to", "tls", "verify", "lmtp", "limit" lines.
func parseProbe(t *testing.T, text string) (p Probe, limit time.Duration) {
	p = Probe{TLSName: "mx1.example.org", Helo: "monitor.example.org", TLS: None}
	limit = 10 * time.Second
	for line := range strings.Lines(text) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		var err error
		switch word {
		case "from":
			p.Senders = append(p.Senders, strings.Trim(rest, "<>"))
		case "to":
			p.Recipients = append(p.Recipients, strings.Fields(rest)...)
		case "control":
			p.Controls = append(p.Controls, strings.Fields(rest)...)
		case "literal":
			p.Helo = ""
		case "tls":
			err = p.TLS.UnmarshalText([]byte(rest))
		case "verify":
			p.Verify = true
		case "lmtp":
			p.LMTP = true
		case "limit":
			limit, err = time.ParseDuration(rest)
		default:
			err = fmt.Errorf("no such line: %q", line)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if p.Senders == nil {
		p.Senders = []string{""}
	}
	return p, limit
}

func describe(p Probe, d Dialogue) string {
	var b strings.Builder
	for i, sender := range p.Senders {
		for j, rcpt := range p.Recipients {
			describeAnswer(&b, sender, rcpt, d.Answers[i][j])
		}
		for j, rcpt := range p.Controls {
			b.WriteString("control ")
			describeAnswer(&b, sender, rcpt, d.Controls[i][j])
		}
	}
	if d.TLSFailed != nil {
		fmt.Fprintf(&b, "in plain text, as TLS failed: %v\n", d.TLSFailed)
	}
	fmt.Fprintf(&b, "connections: %d\n", d.Connections)
	return b.String()
}

func describeAnswer(b *strings.Builder, sender, rcpt string, a Answer) {
	fmt.Fprintf(b, "<%s> %s: %s, %s", sender, rcpt, a.Verdict, a.Phase)
	if a.Reply != nil {
		fmt.Fprintf(b, " %q", a.Reply.To(rcpt))
		if a.Reply.Enhanced != "" {
			fmt.Fprintf(b, " enhanced %s", a.Reply.Enhanced)
		}
		if a.Verdict != Accepted {
			fmt.Fprintf(b, " about the %s", SubjectOf(a.Phase, a.Reply))
		}
	}
	if a.Err != nil {
		fmt.Fprintf(b, ": %v", a.Err)
	}
	b.WriteString("\n")
}
