//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
)

// query asks Prometheus and gives the labels of each sample.
func query(t *testing.T, expr string) (samples []map[string]string) {
	t.Helper()
	for _, one := range ask(t, "query?query="+url.QueryEscape(expr)) {
		samples = append(samples, one.Metric)
	}
	return samples
}

// A timeSeries is what Prometheus has of one metric: over time, if it was asked for that, as pairs
// of an instant and a text.
type timeSeries struct {
	Metric map[string]string
	Values [][2]any
}

// ask gives the answer of Prometheus' API to a query.
func ask(t *testing.T, query string) []timeSeries {
	t.Helper()
	var answer struct {
		Status string
		Data   struct{ Result []timeSeries }
	}
	text := fetch(t, "http://"+prometheusAddr+":"+mxPort+"/api/v1/"+query)
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Status != "success" {
		t.Fatalf("%s: %v: %s", query, err, text)
	}
	return answer.Data.Result
}

// alerts are the names of the alerts that Alertmanager has for the job's timer.
func alerts(t *testing.T) (names []string) {
	t.Helper()
	var list []struct{ Labels map[string]string }
	text := fetch(t, "http://"+alertmanagerAddr+":"+mxPort+"/api/v2/alerts?active=true")
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, a := range list {
		if a.Labels["timer"] == "job.timer" {
			names = append(names, a.Labels["alertname"])
		}
	}
	return names
}

func fetch(t *testing.T, address string) string {
	t.Helper()
	r, err := http.Get(address)
	if err != nil {
		return fmt.Sprint(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
