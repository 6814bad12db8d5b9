package aliases

import (
	"bytes"
	"strings"
)

// pattern reports whether a key looks like a pattern, of which only the program
// knows what it matches: a regular expression of Postfix's regexp: and pcre:
// tables, or a wildcard of Exim's wildlsearch and partial-lsearch.
func (f Format) pattern(key []byte) bool {
	switch f {
	case Map:
		key = bytes.TrimPrefix(key, []byte("!"))
		return len(key) > 1 && key[0] == '/' && bytes.LastIndexByte(key, '/') > 0
	case Exim:
		return len(key) > 1 && (key[0] == '^' || key[0] == '*' && key[1] != '@')
	}
	return false
}

// catchAlls gives the keys that may stand for a key that is not there, where the
// program's configuration says so: Postfix's "@domain", Exim's "*"
// (lsearch*) and "*@domain" (lsearch*@), OpenSMTPD's
// "@domain".
func (f Format) catchAlls(key string) (list []string) {
	_, domain, address := strings.Cut(key, "@")
	switch f {
	case Exim:
		list = append(list, "*")
		if address {
			list = append(list, "*@"+domain)
		}
	case Map, OpenSMTPD, OpenSMTPDDB:
		if address {
			list = append(list, "@"+domain)
		}
	}
	return list
}
