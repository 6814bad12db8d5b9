package smtp

import (
	"os"
	"regexp"
	"strconv"
	"testing"
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
