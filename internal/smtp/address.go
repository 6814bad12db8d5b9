package smtp

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckAddress returns an error if addr cannot be in the brackets of MAIL or RCPT: if it could end
// the path or add a parameter, begins with "-", or has more than 254 bytes, or 64 before the "@"
// (RFC 5321 4.5.3.1). Only postmaster needs no domain (4.5.1). Letters beyond ASCII are allowed.
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

// isLocalPart reports whether text may be before the "@" (RFC 5321 4.1.2, RFC 6531 3.3); dots may
// be anywhere. A regular expression would be slow for a list of 100,000 recipients.
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

// isDomain reports whether text may be after the "@": an address literal in brackets, or labels of
// 1 to 63 letters (of any language, RFC 6531 3.3), digits, "-" and "_".
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

// SplitAddress cuts addr at its last "@". Without "@", local is addr and domain is empty.
func SplitAddress(addr string) (local, domain string) {
	if i := strings.LastIndexByte(addr, '@'); i >= 0 {
		return addr[:i], addr[i+1:]
	}
	return addr, ""
}

// needsUTF8 reports whether addr has a byte beyond ASCII, and so needs SMTPUTF8 (RFC 6531).
func needsUTF8(addr string) bool {
	return strings.ContainsFunc(addr, func(r rune) bool { return r >= utf8.RuneSelf })
}
