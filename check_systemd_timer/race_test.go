//go:build race

package main

// usualYears is how many host-years are played: few, for the race detector makes it slow.
const usualYears = 2
