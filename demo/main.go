// Command demo runs the plugins through the story they were made for, on an
// embedded stage: two MX servers and a name server on loopback, alias files in
// a temporary folder, and a D-Bus socket behind which systemd is played. It
// needs no root, no daemon and no network, and changes nothing on the machine.
//
// It runs the real binaries, from the folder given as argument, and fails when
// one of them does not say what the story needs.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// act is one scene: what happened, and what the checks say then.
type act struct {
	title, story string
	prepare      func(*stage) error
	exits        [3]int // of the timer, the alias file and the recipients' check
}

var acts = []act{
	{
		title:   "1. All is well",
		story:   "Each hour a timer job on each of two mail hosts, mx1001 and mx2001, writes the\nlist of addresses that the host accepts.",
		prepare: (*stage).well,
	},
	{
		title: "2. The job on mx2001 hangs",
		story: "It waits for an answer that never comes. No unit has failed, systemd calls it\n\"active (running)\", and the timer will not fire again before it ends. Twelve hours\n" +
			"later a new address has been added. Only mx1001 has heard of it. The first check\nsees the job, the second the file, the third what a sender is told.",
		prepare: (*stage).hang,
		exits:   [3]int{2, 2, 2},
	},
	{
		title:   "3. The job is killed and started again",
		story:   "The file is written, the address is known to both.",
		prepare: (*stage).mend,
	},
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("demo: ")
	if len(os.Args) != 2 {
		log.Fatal("usage: demo FOLDER-OF-THE-PLUGINS")
	}
	if err := run(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(plugins string) error {
	s, err := newStage()
	if err != nil {
		return err
	}
	defer s.close()
	wrong := 0
	for _, a := range acts {
		fmt.Printf("\n=== %s ===\n%s\n", a.title, a.story)
		if err := a.prepare(s); err != nil {
			return err
		}
		for i, command := range s.commands() {
			exit, err := show(plugins, s, command)
			if err != nil {
				return err
			}
			if exit != a.exits[i] {
				fmt.Printf("(the story wanted exit %d)\n", a.exits[i])
				wrong++
			}
		}
	}
	if _, err := os.Stat("/run/systemd/system"); err == nil { // as sd_booted(3)
		fmt.Printf("\n=== And this machine? ===\n")
		s.bus = ""
		if _, err := show(plugins, s, []string{"check_systemd_timer", "--all"}); err != nil {
			return err
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d checks did not say what the story needs", wrong)
	}
	return nil
}

// show runs a plugin as a person would and prints what it says.
func show(plugins string, s *stage, command []string) (exit int, err error) {
	fmt.Printf("\n$ %s\n", strings.Join(command, " "))
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	path, err := filepath.Abs(filepath.Join(plugins, command[0]))
	if err != nil {
		return 0, err
	}
	c := exec.CommandContext(ctx, path, command[1:]...)
	c.Dir = s.dir
	c.Env = os.Environ()
	if s.bus != "" {
		c.Env = append(c.Env, "DBUS_SYSTEM_BUS_ADDRESS=unix:path="+s.bus)
	}
	out, err := c.CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		return 0, err
	}
	fmt.Printf("%s(exit %d)\n", out, c.ProcessState.ExitCode())
	return c.ProcessState.ExitCode(), nil
}
