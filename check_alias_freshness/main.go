// Command check_alias_freshness reports whether an alias file, and the map that is compiled from
// it, is fresh, complete and readable by its mail server. It only reads. --timer asks systemd.
package main

import (
	"context"
	"os"
	"time"

	"mailfresh/internal/aliases"
	"mailfresh/internal/mapfile"
	"mailfresh/internal/nagios"
	"mailfresh/internal/plugin"
	"mailfresh/internal/regular"
	"mailfresh/internal/systemd"
)

func main() { plugin.Main(check()) }

func check() plugin.Check {
	var opt options
	return plugin.Check{
		Name:  "check_alias_freshness",
		About: "check_alias_freshness reports whether an alias file, and the map that is compiled from it, is fresh, complete and readable by its mail server.",
		Examples: []string{
			"check_alias_freshness -f /etc/aliases --format postfix-aliases -w 25h -c 2d",
			"check_alias_freshness -f /etc/exim4/vrts_aliases --timer generate_vrts_aliases",
		},
		Options: &opt,
		Run: func(ctx context.Context) (nagios.Result, error) {
			f := find(opt)
			look := []func(context.Context, options){f.readFiles, f.readTimer}
			plugin.Each(len(look), len(look), func(i int) { look[i](ctx, opt) })
			return judge(opt, f, time.Now()), nil // after the last fact
		},
	}
}

// find finds the files of --file, each once.
func find(opt options) (f facts) {
	for _, pattern := range opt.File {
		paths, others, err := regular.Glob(pattern)
		f.add(asked{pattern, len(paths), len(f.paths), others, err}, paths)
	}
	return f
}

// readFiles reads four files at once, so that a file that hangs does not delay all others.
func (f *facts) readFiles(ctx context.Context, opt options) {
	f.read = plugin.Gather(ctx, len(f.paths), 4, func(i int) (file, error) {
		read := func() (file, regular.File, error) { return readFile(ctx, f.paths[i], opt) }
		return regular.Together(read)
	})
}

// readFile reads a file and looks at the maps that may be compiled from it.
func readFile(ctx context.Context, path string, opt options) (f file, at regular.File, err error) {
	content := func(r *os.File) (*aliases.Content, bool, error) {
		if opt.Format == aliases.None {
			return nil, true, nil
		}
		c, err := aliases.Read(ctx, r, opt.Format, opt.Require)
		return c, err == nil && !c.NoNewline, err
	}
	f.File, f.content, err = regular.Read(ctx, path, content)
	if err != nil || f.File.Fault != regular.Readable {
		return f, f.File, err
	}
	for _, m := range candidates(path, opt) {
		content := func(r *os.File) (mapfile.Facts, bool, error) {
			facts, err := mapfile.ReadFile(r, m.kind)
			return facts, facts.Damage == "" && fits(f.content, opt.Format, facts), err
		}
		m.exim = mapfile.EximDBM()
		m.File, m.facts, m.err = regular.Read(ctx, m.File.Path, content)
		f.maps = append(f.maps, m)
	}
	return f, f.File, nil
}

func (f *facts) readTimer(ctx context.Context, opt options) {
	if opt.Timer == "" {
		return
	}
	o := plugin.Gather(ctx, 1, 1, func(int) (timer, error) {
		bus, err := systemd.Dial(ctx, false)
		if err != nil {
			return timer{}, err
		}
		defer bus.Close()
		pairs, err := bus.Read(ctx, opt.Timer)
		if err != nil {
			return timer{}, err
		}
		host, err := bus.Host() // the facts about the host that the timer needs
		return timer{Pair: pairs[0], host: host}, err
	})[0]
	o.Value.err = o.Err
	f.timer = &o.Value
}
