package aliases

import (
	"bytes"
	"strings"
)

// pattern reports whether a key looks like a pattern: a regular expression of Postfix's regexp: and
// pcre: tables, or a wildcard of Exim's wildlsearch and partial-lsearch. Only the program knows
// what a pattern matches. A regular expression may have blanks, where postmap would end the key.
func (f Format) pattern(key []byte) bool {
	switch f {
	case Map:
		key = bytes.TrimPrefix(key, []byte("!"))
		return len(key) > 1 && key[0] == '/'
	case Exim:
		return len(key) > 1 && (key[0] == '^' || key[0] == '*' && key[1] != '@')
	}
	return false
}

// catchAlls returns the keys that the program may use instead of a key that is not in the file, if
// its configuration says so: "@domain" in Postfix and OpenSMTPD, "*" (lsearch*) and "*@domain"
// (lsearch*@) in Exim.
func (f Format) catchAlls(key string) []string {
	_, domain, address := strings.Cut(key, "@")
	switch {
	case f == Exim && address:
		return []string{"*", "*@" + domain}
	case f == Exim:
		return []string{"*"}
	case address && f != Aliases && f != Sendmail:
		return []string{"@" + domain}
	}
	return nil
}
