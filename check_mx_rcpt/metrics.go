package main

import (
	"slices"

	"mailfresh/internal/nagios"
	"mailfresh/internal/smtp"
)

// asked returns the label with the recipients that were asked for. The label tells two checks apart
// that ask the same hosts for different recipients.
func asked(o options, p plan) []nagios.MetricLabel {
	text := o.RecipientsFrom
	if text == "" {
		list := slices.Concat(p.wanted.recipients, p.control.recipients)
		text = nagios.List(list, 5, len(list))
	}
	return []nagios.MetricLabel{{Name: "recipients", Value: text}}
}

// samples returns the labels and quantities of a target: the answers by verdict, without the
// answers about controls, the time of the dialogue, the certificate.
func samples(t target, h heard, count counts) (labels []nagios.MetricLabel,
	list []nagios.Quantity) {
	address := ""
	if t.addr.Addr().IsValid() {
		address = t.addr.Addr().String()
	}
	labels = []nagios.MetricLabel{{Name: "host", Value: t.name}, {Name: "address", Value: address}}
	for _, v := range smtp.Verdicts {
		list = append(list, nagios.Quantity{Metric: "answers", Value: float64(count[v]),
			Labels: []nagios.MetricLabel{{Name: "verdict", Value: nagios.Label(v.String())}}})
	}
	if h.spoke() {
		list = append(list, nagios.Quantity{Metric: "duration_seconds",
			Value: h.dialogue.Time.Seconds(), Unit: nagios.Seconds})
	}
	if !h.dialogue.Expires.IsZero() {
		list = append(list, nagios.Timestamp("certificate_expiry_timestamp_seconds",
			h.dialogue.Expires))
	}
	return labels, list
}
