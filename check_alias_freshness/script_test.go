package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"mailfresh/internal/plugintest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"check_alias_freshness": main})
}

func TestScripts(t *testing.T) { plugintest.Run(t, "testdata") }
