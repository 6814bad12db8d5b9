package smtp

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"mailfresh/internal/plugintest"
)

// With --tls-verify no signature with SHA-1 is good. Certificates never were since Go 1.24;
// those of a TLS 1.2 handshake are refused where go.mod asks for Go 1.25 or newer and says
// nothing else.
func TestNoSHA1(t *testing.T) {
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^go 1\.(\d+)`).FindSubmatch(text)
	if line == nil {
		t.Fatal("go.mod has no go line")
	}
	if minor, _ := strconv.Atoi(string(line[1])); minor < 25 {
		t.Errorf("go 1.%d implies tlssha1=1", minor)
	}
	setting := regexp.MustCompile(`(?m)^\s*godebug\b.*|tlssha1|x509sha1`)
	if found := setting.Find(text); found != nil {
		t.Errorf("go.mod has %q", found)
	}
}

// A server that can sign a handshake of TLS 1.2 with SHA-1 alone is refused, though its certificate
// is good; a client that is told to take SHA-1 takes it, so it is SHA-1 that was refused. The
// client is this program again, as GODEBUG holds for a whole process.
func TestNoSHA1Handshake(t *testing.T) {
	t.Setenv("GODEBUG", "tlssha1=1")
	certificate := plugintest.Certificate("mx1.example.org", false)
	certificate.SupportedSignatureAlgorithms = []tls.SignatureScheme{tls.ECDSAWithSHA1}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MaxVersion: tls.VersionTLS12,
		Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			fmt.Fprint(c, "554 no SMTP here\r\n")
			c.Close()
		}
	}()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, plugintest.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ godebug, want string }{
		{"", "probe refused, TLS: ended by the server: handshake failure"},
		{"tlssha1=1", `probe refused, greeting "554 no SMTP here"`},
	} {
		client := exec.Command(os.Args[0])
		client.Env = append(os.Environ(), "GODEBUG="+row.godebug, "SSL_CERT_FILE="+ca,
			"SHA1_SERVER="+l.Addr().String())
		said, err := client.CombinedOutput()
		if err != nil || !strings.Contains(string(said), row.want) {
			t.Errorf("GODEBUG=%s: %v, %s; want %s", row.godebug, err, said, row.want)
		}
	}
}

// probeSHA1 is the client of TestNoSHA1Handshake.
func probeSHA1(server string) {
	p := Probe{Addr: netip.MustParseAddrPort(server), TLS: Implicit, TLSName: "mx1.example.org",
		Helo: "x", Verify: true, Senders: []string{""}, Recipients: []string{"a@example.org"}}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	fmt.Print(describe(p, p.Run(ctx)))
}
