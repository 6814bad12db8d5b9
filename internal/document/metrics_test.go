package document

import "testing"

func TestMetricsPage(t *testing.T) {
	Compare(t, "../../docs/metrics.md", MetricsPage(read(t, "../../docs/metrics.md")))
}
