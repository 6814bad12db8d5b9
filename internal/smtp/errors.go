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
	errUnasked  = errors.New("a reply that nobody asked for")
)

// alert is a TLS alert that the server sent.
type alert struct{ text string }

func (a alert) Error() string { return "ended by the server: " + a.text }

// plain says an error of the packages net and tls in the words of the field, without addresses,
// system calls and the present time.
func plain(err error) error {
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

// failed is the answer of a phase that had no reply. The probe is refused where the server ends
// TLS, or where its certificate or protocol does not fit. A lost connection, or an answer that is
// not TLS, is no answer.
func failed(phase Phase, err error) *Answer {
	a := &Answer{Phase: phase, Err: err}
	switch {
	case errors.As(err, new(alert)):
		a.Phase, a.Verdict = TLS, Refused
	case phase != TLS, err == errTimeout, err == errClosed, err == errReset, err == errNoTLS:
	default:
		a.Verdict = Refused
	}
	return a
}

// connectError says why there is no connection.
func (p *Probe) connectError(err error) error {
	if p.Source.IsValid() && errors.Is(err, syscall.EADDRNOTAVAIL) {
		return fmt.Errorf("%s is no address of this host", p.Source)
	}
	return plain(err)
}
