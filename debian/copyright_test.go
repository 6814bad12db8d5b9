// Package debian_test holds what the Debian package says to the modules it is built from.
package debian_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// license names the licence that a text is, as DEP-5 does.
func license(text string) string {
	has := func(part string) bool { return strings.Contains(text, part) }
	switch {
	case has("Apache License"):
		return "Apache-2.0"
	case has("Permission is hereby granted, free of charge") && has("shall be included in all"):
		return "Expat"
	case has("Redistribution and use in source and binary forms") && has("Neither the name"):
		return "BSD-3-Clause"
	case has("Redistribution and use in source and binary forms"):
		return "BSD-2-Clause"
	}
	return "unknown"
}

// modules gives the folder of each module that go.mod requires and that is
// here: vendored, as in Debian's build, or in the module cache.
func modules(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	dirs := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v`).FindAllStringSubmatch(string(text), -1) {
		dir := filepath.Join("../vendor", m[1])
		if _, err := os.Stat("../vendor"); err != nil {
			out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", m[1]).Output()
			if err != nil {
				t.Fatalf("go list -m %s: %v", m[1], err)
			}
			dir = strings.TrimSpace(string(out))
		}
		if _, err := os.Stat(dir); err == nil && dir != "" {
			dirs[m[1]] = dir
		}
	}
	if len(dirs) < 10 {
		t.Fatalf("found %d modules of go.mod; want all", len(dirs))
	}
	return dirs
}

// Debian's copyright file says of every module what its licence file says:
// which licence, and whose copyright.
func TestDebianCopyright(t *testing.T) {
	text, err := os.ReadFile("copyright")
	if err != nil {
		t.Fatal(err)
	}
	paragraphs := map[string]string{}
	for _, p := range strings.Split(string(text), "\n\n") {
		if name, ok := strings.CutPrefix(strings.SplitN(p, "\n", 2)[0], "Files: vendor/"); ok {
			paragraphs[strings.TrimSuffix(name, "/*")] = p
		}
	}
	holder := regexp.MustCompile(`(?m)^Copyright (?:\([cC]\) )?[0-9][0-9, -]*(.*?)\.?(?: All rights reserved\.)?$`)
	for module, dir := range modules(t) {
		own, err := os.ReadFile(filepath.Join(dir, "LICENSE"))
		if err != nil {
			t.Errorf("%s: %v", module, err)
			continue
		}
		p := paragraphs[module]
		if want := "\nLicense: " + license(string(own)); !strings.Contains(p+"\n", want+"\n") {
			t.Errorf("debian/copyright has no paragraph for vendor/%s with%q", module, want)
		}
		found := holder.FindAllStringSubmatch(string(own), -1)
		if len(found) == 0 && license(string(own)) != "Apache-2.0" {
			t.Errorf("%s: the licence names no holder", module)
		}
		for _, m := range found {
			if !strings.Contains(p, m[1]) {
				t.Errorf("debian/copyright: vendor/%s lacks the holder %q", module, m[1])
			}
		}
	}
	required, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for module := range paragraphs {
		if !strings.Contains(string(required), "\t"+module+" ") {
			t.Errorf("debian/copyright has a paragraph for %s, which go.mod does not require",
				module)
		}
	}
}
