package main

import (
	"testing"

	"mailfresh/internal/document"
)

func TestCheckCommand(t *testing.T) {
	document.Compare(t, "../contrib/icinga2/systemd_timer.conf", document.CheckCommand(check()))
}
