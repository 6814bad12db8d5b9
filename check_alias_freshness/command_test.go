package main

import (
	"testing"

	"mailfresh/internal/document"
)

func TestCheckCommand(t *testing.T) {
	document.Keep(t, "../contrib/icinga2/alias_freshness.conf", document.CheckCommand(check()))
}
