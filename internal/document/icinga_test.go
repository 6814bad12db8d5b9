package document

import (
	"testing"

	"mailfresh/internal/nagios"
	"mailfresh/internal/plugin"
)

type toyOptions struct {
	Name []string        `arg:"-n,--name,separate" placeholder:"NAME" help:"a \"name\", for example C:\\x"`
	Age  nagios.Duration `arg:"--max-age" default:"1h" placeholder:"SPAN" help:"the age"`
	All  bool            `arg:"-a,--all" help:"take all"`
	plugin.Common
}

func (*toyOptions) Validate() error { return nil }

func TestCheckCommand(t *testing.T) {
	Compare(t, "testdata/toy.conf",
		CheckCommand(plugin.Check{Name: "check_toy", Options: &toyOptions{}}))
}
