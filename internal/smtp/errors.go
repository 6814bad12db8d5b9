package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

var (
	errTimeout  = errors.New("no answer within the time limit")
	errSilent   = errors.New("silent for 2 s")
	errNotAsked = errors.New("not asked: the time was up")
	errClosed   = errors.New("connection closed")
	errReset    = errors.New("connection reset")
	errNoTLS    = errors.New("plain text or garbage where TLS should begin")
	errNoUTF8   = errors.New("SMTPUTF8 is not offered, the address needs it")
	errUnasked  = errors.New("a reply that nobody asked for")
)

// alert is a TLS alert from the server.
type alert struct{ text string }

func (a alert) Error() string { return "ended by the server: " + a.text }

// shortError shortens an error of the packages net and tls: without addresses, names of system
// calls, prefixes and the current time.
func shortError(err error) error {
	var no syscall.Errno
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, context.Canceled):
		return errTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errClosed
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errReset
	case errors.As(err, &no):
		return no
	case errors.As(err, &op) && op.Op == "remote error":
		return alert{strings.TrimPrefix(op.Err.Error(), "tls: ")}
	case errors.As(err, &record):
		return errNoTLS
	case errors.As(err, &certificate):
		text, _, _ := strings.Cut(certificate.Err.Error(), ": current time")
		return errors.New(strings.TrimPrefix(text, "x509: "))
	}
	return errors.New(strings.TrimPrefix(err.Error(), "tls: "))
}

func unroutable(err error) bool {
	return errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EADDRNOTAVAIL) ||
		errors.Is(err, syscall.EAFNOSUPPORT)
}

// failed returns the answer for a phase without a reply. The verdict is ProbeRefused if the server
// sends a TLS alert, or if its certificate or its TLS version is not acceptable; else NoAnswer.
func failed(phase Phase, err error) *Answer {
	a := &Answer{Phase: phase, Err: err}
	switch {
	case errors.As(err, new(alert)):
		a.Phase, a.Verdict = TLS, ProbeRefused
	case phase != TLS, err == errTimeout, err == errClosed, err == errReset, err == errNoTLS:
	default:
		a.Verdict = ProbeRefused
	}
	return a
}

// connectError returns a short error for an error of dial.
func (p *Probe) connectError(err error) error {
	if p.Source.IsValid() && errors.Is(err, syscall.EADDRNOTAVAIL) {
		return fmt.Errorf("%s is no address of this host", p.Source)
	}
	return shortError(err)
}
