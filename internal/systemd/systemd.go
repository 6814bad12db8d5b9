// Package systemd reads what a systemd manager knows about timers and the services they start.
package systemd
