package smtp

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckAddress reports why addr may not stand between the brackets of MAIL or RCPT: anything
// there that could end the path or add a parameter, a leading "-", more than 254 bytes, or 64
// before the "@" (RFC 5321 4.5.3.1). The one address without a domain is postmaster (4.5.1).
// Letters beyond ASCII are well here; they need SMTPUTF8.
func CheckAddress(addr string) error {
	odd := strings.IndexFunc(addr, func(r rune) bool {
		return r == '<' || r == '>' || !unicode.IsPrint(r)
	})
	local, domain := SplitAddress(addr)
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
	case !isLocalPart(local) || !isDomain(domain):
		err = errors.New("is not local-part@domain")
	}
	if err != nil {
		return fmt.Errorf("address %+.60q %w", addr, err)
	}
	return nil
}

// isLocalPart reports whether text may stand before the "@" (RFC 5321 4.1.2, RFC 6531 3.3), with
// any dots. A run may check a list of 100,000 recipients, so this is no regular expression.
func isLocalPart(text string) bool {
	inside, quoted := strings.CutPrefix(text, `"`)
	if !quoted {
		return text != "" && !strings.ContainsAny(text, ` "(),:;<>@[\]`)
	}
	for i := 0; i < len(inside); i++ {
		switch inside[i] {
		case '\\':
			i++
		case '"':
			return i == len(inside)-1
		}
	}
	return false
}

// isDomain reports whether text may stand behind the "@": a literal in brackets, or labels of up
// to 63 letters beyond ASCII too (RFC 6531 3.3), digits, "-" and "_".
func isDomain(text string) bool {
	if rest, literal := strings.CutPrefix(text, "["); literal {
		inside, closed := strings.CutSuffix(rest, "]")
		return closed && inside != "" && !strings.ContainsAny(inside, `[] \`)
	}
	for label := range strings.SplitSeq(text, ".") {
		odd := strings.IndexFunc(label, func(r rune) bool {
			return r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsMark(r) &&
				!unicode.IsNumber(r)
		})
		if n := utf8.RuneCountInString(label); n == 0 || n > 63 || label[0] == '-' || odd >= 0 {
			return false
		}
	}
	return true
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
	for i := range len(addr) {
		if addr[i] >= utf8.RuneSelf {
			return true
		}
	}
	return false
}
