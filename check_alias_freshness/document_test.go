package main

import (
	"testing"

	"mailfresh/internal/document"
)

func TestDocuments(t *testing.T) { document.ComparePlugin(t, check) }
