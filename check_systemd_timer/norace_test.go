//go:build !race

package main

// usualYears is how many host-years are played.
const usualYears = 20
