package plugin

import (
	"runtime/debug"
	"strings"
)

// version is set when the binary is linked; see the Makefile.
var version = ""

// Version is the version of the binary: set by the linker or, after go install, that of the module;
// "(devel)" if neither is known.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return strings.TrimPrefix(info.Main.Version, "v")
	}
	return "(devel)"
}
