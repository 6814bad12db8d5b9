package main

import (
	"testing"

	"mailfresh/internal/document"
)

func TestCheckCommand(t *testing.T) {
	document.Compare(t, "../contrib/icinga2/mx_rcpt.conf", document.CheckCommand(check()))
}
