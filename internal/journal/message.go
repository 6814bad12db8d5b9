package journal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits of one message. systemd's own messages have less than half of that.
const (
	maxField  = 64 << 10 // bytes
	maxFields = 64
)

// readMessage reads one message in the journal's export format (systemd.io/JOURNAL_EXPORT_FORMATS):
// a line "NAME=value" for each field, then a blank line. A field that is binary or has several
// lines is a line "NAME", the length of the value (64 bits, little-endian), the value and a
// newline. The result has "" for such a field, and for a field that occurs twice. The error at the
// end is io.EOF.
func readMessage(in *bufio.Reader) (map[string]string, error) {
	fields := map[string]string{}
	for n := 0; n < maxFields; n++ {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("a line of more than %d KiB", maxField>>10)
		case errors.Is(err, io.EOF) && (n > 0 || len(line) > 0):
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		case len(line) == 1:
			return fields, nil
		}
		name, value, isText := strings.Cut(string(line[:len(line)-1]), "=")
		if !isFieldName(name) {
			return nil, errors.New("a line that is no field of a message")
		}
		if !isText {
			if err := skipBinary(in); err != nil {
				return nil, err
			}
		}
		if _, twice := fields[name]; twice {
			value = ""
		}
		fields[name] = value
	}
	return nil, fmt.Errorf("a message of more than %d fields", maxFields)
}

// isFieldName reports whether a field may have this name (systemd.journal-fields(7)).
func isFieldName(name string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
	return name != "" && strings.Trim(name, letters) == ""
}

// skipBinary skips the length and the value of a binary field.
func skipBinary(in *bufio.Reader) error {
	var bytes [8]byte
	if _, err := io.ReadFull(in, bytes[:]); err != nil {
		return io.ErrUnexpectedEOF
	}
	length := binary.LittleEndian.Uint64(bytes[:])
	if length > maxField {
		return fmt.Errorf("a field of more than %d KiB", maxField>>10)
	}
	if _, err := in.Discard(int(length) + 1); err != nil {
		return io.ErrUnexpectedEOF
	}
	return nil
}
