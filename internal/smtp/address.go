package smtp

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mailbox is RFC 5321 4.1.2 with letters beyond ASCII (RFC 6531 3.3), "_" in domains, and any dots in the local part.
var mailbox = regexp.MustCompile(`^(?:[^ "(),:;<>@[\\\]]{1,64}|"(?:[^"\\]|\\.){0,62}")` +
	`@(?:\[[^][ \\]+\]|(?:[\pL\pM\pN_][\pL\pM\pN_-]{0,62}\.)*[\pL\pM\pN_][\pL\pM\pN_-]{0,62})$`)

// CheckAddress reports why addr may not stand between the brackets of MAIL or RCPT: anything there that could end the
// path or add a parameter, a leading "-", more than 254 bytes, or 64 before the "@" (RFC 5321 4.5.3.1). The
// one address without a domain is postmaster (4.5.1). Letters beyond ASCII are well here; they need SMTPUTF8.
func CheckAddress(addr string) error {
	odd := strings.IndexFunc(addr, func(r rune) bool { return r == '<' || r == '>' || !unicode.IsPrint(r) })
	local, _ := SplitAddress(addr)
	var err error
	switch {
	case len(addr) > 254:
		err = errors.New("has more than 254 bytes")
	case !utf8.ValidString(addr):
		err = errors.New("is not UTF-8")
	case odd >= 0:
		r, _ := utf8.DecodeRuneInString(addr[odd:])
		err = fmt.Errorf("has the character %+q", r)
	case strings.HasPrefix(addr, "-"):
		err = errors.New("begins with -")
	case strings.EqualFold(addr, "postmaster"):
	case len(local) > 64:
		err = errors.New("has more than 64 bytes before the @")
	case !mailbox.MatchString(addr):
		err = errors.New("is not local-part@domain")
	}
	if err != nil {
		return fmt.Errorf("address %+.60q: %w", addr, err)
	}
	return nil
}

// SplitAddress cuts addr at its last "@"; without one all of it is the local part.
func SplitAddress(addr string) (local, domain string) {
	if i := strings.LastIndexByte(addr, '@'); i >= 0 {
		return addr[:i], addr[i+1:]
	}
	return addr, ""
}

// needsUTF8 reports whether addr can be spoken of only with SMTPUTF8 (RFC 6531).
func needsUTF8(addr string) bool {
	return strings.IndexFunc(addr, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0
}
