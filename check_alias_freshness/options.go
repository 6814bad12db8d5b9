package main

import (
	"errors"
	"fmt"

	"mailfresh/internal/aliases"
	"mailfresh/internal/mapfile"
	"mailfresh/internal/nagios"
	"mailfresh/internal/plugin"
	"mailfresh/internal/systemd"
)

// options is the one table of the plugin's options.
type options struct {
	File     []string       `arg:"-f,--file,separate" group:"Files" placeholder:"PATH" help:"alias file or source of a map; or a glob, for example '/etc/exim4/*_emails'"`
	Format   aliases.Format `arg:"--format" placeholder:"FORMAT" help:"look at the content as this mail server reads it: exim (lsearch), postfix-aliases or aliases (postalias), postfix-map or map (postmap), sendmail, opensmtpd (tables of type file:) or opensmtpd-db (makemap)"`
	Require  []string       `arg:"--require,separate" placeholder:"KEY" help:"key that the mail server must find, for example postmaster"`
	Compiled mapfile.Kind   `arg:"--compiled" default:"auto" placeholder:"KIND" help:"compiled map that must exist, be whole, hold the file's entries and not be older than it: db, cdb or lmdb; none; or auto: each map beside the file, if its format is one that is compiled"`

	Warning        nagios.TimeRange `arg:"-w,--warning" group:"Age" placeholder:"RANGE" help:"warn when the file's age leaves this range, for example 90m"`
	Critical       nagios.TimeRange `arg:"-c,--critical" placeholder:"RANGE" help:"critical when the file's age leaves this range, for example 2h"`
	Timer          string           `arg:"--timer" placeholder:"UNIT" help:"systemd timer that should rewrite the file: counts the updates missed by its schedule"`
	MissedWarning  nagios.Range     `arg:"--missed-warning" default:"0" placeholder:"RANGE" help:"with --timer, warn when the number of missed updates leaves this range, for example 3"`
	MissedCritical nagios.Range     `arg:"--missed-critical" default:"1" placeholder:"RANGE" help:"with --timer, critical when the number of missed updates leaves this range, for example 5"`
	MtimeTolerance nagios.Duration  `arg:"--mtime-tolerance" default:"60s" placeholder:"SPAN" help:"how far in the future the file's time may be, for file servers whose clock is ahead, for example 5m"`

	EntriesWarning  nagios.Range `arg:"--entries-warning" group:"Content" placeholder:"RANGE" help:"warn when the number of distinct keys leaves this range, for example 100:"`
	EntriesCritical nagios.Range `arg:"--entries-critical" default:"1:" placeholder:"RANGE" help:"with --format, critical when the number of distinct keys leaves this range, for example 50:"`
	SizeWarning     nagios.Range `arg:"--size-warning" placeholder:"RANGE" help:"warn when the file's size in bytes leaves this range, for example 1000:"`
	SizeCritical    nagios.Range `arg:"--size-critical" placeholder:"RANGE" help:"critical when the file's size in bytes leaves this range, for example 1:"`
	plugin.Common
}

// Validate refuses options that need another one, or ask for nothing.
func (o *options) Validate() error {
	switch {
	case len(o.File) == 0:
		return errors.New("nothing to check: name a file with --file")
	case !o.Warning.Set && !o.Critical.Set && o.Timer == "":
		return errors.New("when is a file too old? Give --warning, --critical or --timer")
	case o.Format == aliases.None && len(o.Require) > 0:
		return errors.New("option --require needs --format: each mail server reads keys its own way")
	case o.Format == aliases.None && (o.EntriesWarning.Set || o.EntriesCritical.String() != "1:"):
		return errors.New("options --entries-warning and --entries-critical need --format")
	case o.Timer == "" && (o.MissedWarning.String() != "0" || o.MissedCritical.String() != "1"):
		return errors.New("options --missed-warning and --missed-critical need --timer")
	}
	if o.Timer == "" {
		return nil
	}
	name, err := systemd.TimerName(o.Timer)
	if err != nil {
		return fmt.Errorf("option --timer: %w", err)
	}
	o.Timer = name
	return nil
}
