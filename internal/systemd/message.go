package systemd

import (
	"encoding/binary"
	"fmt"

	"github.com/godbus/dbus/v5"
)

// reply is a received message whose body is not decoded yet.
type reply struct {
	kind      dbus.Type
	replyTo   uint32 // the serial of the call; 0: it answers none
	errorName string
	signature string // of the body
	body      reader
}

// length returns the bytes of a whole message, from its first fixedHeader bytes. ok is false if
// these begin no message, or one that is too long.
func length(header []byte) (n int, ok bool) {
	order := orderOf(header[0])
	if order == nil {
		return 0, false
	}
	fields, body := uint64(order.Uint32(header[12:])), uint64(order.Uint32(header[4:]))
	whole := (fixedHeader+fields+7)&^7 + body
	return int(whole), whole <= maxMessage
}

func orderOf(mark byte) binary.ByteOrder {
	switch mark {
	case 'l':
		return binary.LittleEndian
	case 'B':
		return binary.BigEndian
	}
	return nil
}

// decode reads the header of a whole message.
func decode(message []byte) (reply, error) {
	if len(message) < fixedHeader || orderOf(message[0]) == nil {
		return reply{}, errMessage
	}
	m := reply{kind: dbus.Type(message[1])}
	r := reader{message: message, order: orderOf(message[0]), at: 12}
	r.rows(func(r *reader) {
		field := dbus.HeaderField(r.byte())
		switch kind := r.signature(); {
		case field == dbus.FieldReplySerial && kind == "u":
			m.replyTo = r.uint32()
		case field == dbus.FieldErrorName && kind == "s":
			m.errorName = r.text()
		case field == dbus.FieldSignature && kind == "g":
			m.signature = r.signature()
		default:
			r.skip(kind, 0)
		}
	})
	r.align(8)
	if r.bad {
		return reply{}, errMessage
	}
	m.body = r
	return m, nil
}

// read decodes a body of this signature by the function read.
func (m reply) read(signature string, read func(r *reader)) error {
	if m.signature != signature {
		return fmt.Errorf("the reply has the type %q, not %q", m.signature, signature)
	}
	r := m.body
	if read(&r); r.bad {
		return errMessage
	}
	return nil
}

// rows decodes a body that is an array of structures.
func (m reply) rows(signature string, row func(r *reader)) error {
	return m.read(signature, func(r *reader) { r.rows(row) })
}

// err is the error of an error message, nil for other messages.
func (m reply) err() error {
	if m.kind != dbus.TypeError {
		return nil
	}
	e := dbus.Error{Name: m.errorName}
	if m.signature == "s" {
		r := m.body
		e.Body = []any{r.text()}
	}
	return e
}
