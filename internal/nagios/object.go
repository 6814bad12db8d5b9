package nagios

import "time"

// Result is the result of one run of a plugin.
type Result struct {
	State   State
	Summary string   // what is wrong, since when, how bad; no state words
	Objects []Object // in the order in which they were asked for

	// Totals are quantities of the whole result. TotalsOnly leaves the objects' quantities out of
	// the performance data, because the set of objects may change from run to run.
	Totals     []Quantity
	TotalsOnly bool

	// Labels are added to every sample of the result, so that two runs that look at the same
	// objects from two sides have different samples.
	Labels []MetricLabel
	Unseen bool // nothing could be looked at
}

// Object is one judged object of a result. Its line is printed if its state is not OK or it has
// notes, and always from verbosity 1.
type Object struct {
	State  State
	Name   string   // the object's name
	Named  bool     // the text has the name; else the name leads the line
	Text   string   // what was seen
	Notes  []string // below the line, always
	Detail []string // below the notes, from verbosity 2: raw facts

	Prefix     string        // of its performance data labels, if there are other objects
	Labels     []MetricLabel // of its samples; an object without labels has no samples
	Quantities []Quantity
	Unseen     bool // it could not be looked at
}

// The units of a quantity.
const (
	Seconds = "s"
	Bytes   = "B"
)

// Quantity is one number that was seen, with its names. A number that is not known is left out; it
// is never written as zero.
type Quantity struct {
	Label string // of its performance data; empty: none
	// its name in JSON and, after the check's prefix, in OpenMetrics; empty: none
	Metric            string
	Labels            []MetricLabel // of its sample, beside the object's
	Value             float64       // in Unit; NaN or Inf: left out
	Unit              string        // Seconds, Bytes, or empty
	Signed            bool          // it may be below zero
	Warning, Critical Range         // in Unit
}

// MetricLabel is a label of a sample. Its value is text from outside.
type MetricLabel struct{ Name, Value string }

// Timestamp is the quantity of an instant, in seconds since 1970. It is a metric without
// performance data. The name of the metric ends in _timestamp_seconds.
func Timestamp(metric string, t time.Time) Quantity {
	return Quantity{Metric: metric, Value: float64(t.UnixMicro()) / 1e6, Unit: Seconds,
		Signed: true}
}
