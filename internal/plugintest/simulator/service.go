package simulator

// ServiceFile holds the settings of a service (systemd.service(5)). Spans are microseconds.
type ServiceFile struct {
	Type         string // oneshot or simple
	Restart      string // no, on-failure, always
	RestartDelay int64  // RestartSec=
	Direct       bool   // RestartMode=direct
	Remain       bool   // RemainAfterExit=yes
	Ignore       bool   // ExecStart=-
}

// A Run is what one attempt of a service does.
type Run struct {
	Skip, Fault bool  // a condition is not met; an assertion is not met
	Refuse      bool  // ExecCondition= says no
	Pre         int64 // how long ExecStartPre= takes; 0: there is none
	Main        int64 // how long ExecStart= takes
	Post        int64 // how long ExecStopPost= takes; 0: there is none
	Exit        int32 // exit status of ExecStart=
}

// Endless is the span of a command that hangs.
const Endless = never / 4

// service is the state of a service.
type service struct {
	unit
	result    string
	run       Run
	until     int64 // when the state ends, on CLOCK_MONOTONIC
	job       int64 // when the queued start job runs, on CLOCK_MONOTONIC; 0: there is none
	restarts  uint32
	flush     bool   // the next start resets restarts
	stopped   bool   // by hand: Restart= does not count
	killed    string // the result of a run that was stopped
	main      process
	condition check
	assertion check
}

// process is what systemd knows of the main process.
type process struct {
	start, exit  Stamp
	code, status int32
}

// check is the outcome of a unit's conditions or assertions.
type check struct {
	at Stamp
	ok bool
}

// serviceDue is when the service does something, in real time.
func (p *Pair) serviceDue() int64 {
	s := &p.service
	due := int64(never)
	if s.job != 0 && !p.Blocked && !p.waitsForRestart() {
		due = p.host.atMono(s.job)
	}
	if ends(s.state) && s.until < Endless {
		due = min(due, p.host.atMono(s.until))
	}
	return due
}

// waitsForRestart reports whether start jobs wait for the restart that is scheduled. Releases after
// 252 restart at once instead.
func (p *Pair) waitsForRestart() bool {
	return p.service.state == "auto-restart" && p.host.Release <= 252
}

// ends reports whether a state ends by itself.
func ends(state string) bool {
	return !isDown(state) && state != "exited"
}

// StartService is systemctl start of the service.
func (p *Pair) StartService() {
	if active(p.service.state) == "active" {
		p.notify() // there is nothing to do: the job is done
		return
	}
	p.queueStart()
}

// StopService is systemctl stop of the service. A oneshot service that runs is killed and fails.
func (p *Pair) StopService() {
	s := &p.service
	s.job, s.stopped = 0, true
	switch s.state {
	case "dead", "failed":
		p.notify()
		return
	case "auto-restart", "auto-restart-queued":
		p.end(s.result)
		return
	case "stop-post":
		return
	case "start-pre", "condition":
		s.killed = "signal"
	case "start", "running":
		s.main.exit, s.main.code, s.main.status = p.host.Stamp(), 2, 15
		if p.loaded.Service.Type == "oneshot" && !p.loaded.Service.Ignore {
			s.killed = "signal"
		}
	}
	p.post()
}

// queueStart queues a start job, which runs a moment later.
func (p *Pair) queueStart() {
	if p.service.job == 0 && !p.Jobless {
		p.service.job = p.host.Stamp().Mono + 1 + p.latency()
	}
}

// latency is how long a start job takes to run.
func (p *Pair) latency() int64 {
	if p.host.Latency > 0 && p.host.upTo(100) == 0 {
		return 2 * Second
	}
	return p.host.upTo(p.host.Latency)
}

// serviceStep runs the job, or ends the state.
func (p *Pair) serviceStep() {
	s := &p.service
	if s.job != 0 && !p.Blocked && !p.waitsForRestart() && (s.job <= s.until || !ends(s.state)) {
		p.runJob()
		return
	}
	switch s.state {
	case "condition", "start-pre":
		p.next()
	case "start", "running":
		s.main.exit, s.main.code, s.main.status = p.host.Stamp(), 1, s.run.Exit
		p.exited()
	case "stop-post":
		p.end(p.outcome())
	case "auto-restart":
		p.restart()
	}
}

// runJob runs the start job that is queued.
func (p *Pair) runJob() {
	s := &p.service
	s.job = 0
	switch {
	case s.state == "auto-restart":
		p.restart()
	case isDown(s.state):
		p.start()
	default:
		p.notify() // it runs already: the job is done
	}
}

// restart starts the service again after RestartSec=.
func (p *Pair) restart() {
	s := &p.service
	s.restarts++
	s.flush, s.job = false, 0
	if p.host.Release <= 252 {
		p.enterService("dead")
	} else {
		p.enterService("auto-restart-queued")
	}
	p.start()
}

// start begins an attempt, unless a condition or an assertion is not met.
func (p *Pair) start() {
	s := &p.service
	now := p.host.Stamp()
	run := p.loaded.Run()
	if isDown(s.state) {
		s.condition = check{now, !run.Skip}
		if run.Skip {
			p.notify()
			return
		}
		s.assertion = check{now, !run.Fault}
		if run.Fault {
			p.notify()
			return
		}
	}
	s.run, s.result, s.main, s.stopped, s.killed = run, "success", process{}, false, ""
	if s.flush {
		s.restarts, s.flush = 0, false
	}
	if run.Refuse {
		p.phase("condition", 10_000)
		return
	}
	p.next()
}

// next starts the command that follows.
func (p *Pair) next() {
	s := &p.service
	switch {
	case s.state == "condition":
		s.condition.ok = false
		p.end("exec-condition")
	case s.state != "start-pre" && s.run.Pre > 0:
		p.phase("start-pre", s.run.Pre)
	default:
		s.main = process{start: p.host.Stamp()}
		state := "start"
		if p.loaded.Service.Type != "oneshot" {
			state = "running"
		}
		p.phase(state, s.run.Main)
	}
}

// phase enters a state that lasts for a span.
func (p *Pair) phase(state string, span int64) {
	p.service.until = p.host.Stamp().Mono + span
	p.enterService(state)
}

// outcome is the result of the run.
func (p *Pair) outcome() string {
	s := &p.service
	switch {
	case s.killed != "":
		return s.killed
	case s.run.Exit != 0 && !s.stopped && !p.loaded.Service.Ignore:
		return "exit-code"
	}
	return "success"
}

// exited follows the end of the main process.
func (p *Pair) exited() {
	if p.outcome() == "success" && p.loaded.Service.Remain {
		p.enterService("exited")
		return
	}
	p.post()
}

// post runs ExecStopPost=, if there is one.
func (p *Pair) post() {
	p.service.result = p.outcome()
	if p.service.run.Post > 0 {
		p.phase("stop-post", p.service.run.Post)
		return
	}
	p.end(p.outcome())
}

// end ends the run, or has the service restarted.
func (p *Pair) end(result string) {
	s, file := &p.service, &p.loaded.Service
	s.result = result
	state := "dead"
	if result != "success" && result != "exec-condition" {
		state = "failed"
	}
	again := file.Restart == "always" && result != "exec-condition" || file.Restart == "on-failure" && state == "failed"
	if s.stopped || !again {
		s.flush = true
		p.enterService(state)
		return
	}
	switch {
	case p.host.Release <= 252:
		p.enterService(state)
	case !file.Direct:
		p.enterService(state + "-before-auto-restart")
	}
	p.phase("auto-restart", file.RestartDelay)
}

// enterService changes the service's state, and tells the timer.
func (p *Pair) enterService(state string) {
	p.service.enter(state, p.host.Stamp())
	p.notify()
}
