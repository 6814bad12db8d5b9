#!/bin/sh
# node_exporter's textfile collector drops the series of a file in silence if another file has the
# HELP line of the same metric, and reports no error.
#
# Package:  prometheus-node-exporter 1.9.0-1+b4 (Debian 13)
# Input:    two valid textfiles with the same gauge and different labels; in one of them the gauge
#           has a HELP line, in the other it has none
# Seen:     /metrics answers 200 and lacks one of the two series; node_textfile_scrape_error is 0.
#           promtool check metrics finds nothing wrong with either file. The only trace is a line
#           in the exporter's log. With the same HELP line in both files both series are served.
# Source:   the textfile collector invents a help text for a family without HELP and passes both
#           families on; the registry of client_golang wants one help text for each metric name,
#           and the exporter's handler goes on after such an error.
# Exits:    0 as described, 1 not so, 77 the version cannot be had.
set -eu
work=$(mktemp -d) && trap '[ -z "$exporter" ] || kill $exporter; rm -rf "$work"' EXIT && cd "$work"
exporter=
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1)
mkdir -p lists/partial archives/partial root text
echo "deb $mirror trixie main" >list
apt="apt-get -qq -o Dir::Etc::SourceList=$work/list -o Dir::Etc::SourceParts=/dev/null \
  -o Dir::State::Lists=$work/lists -o Dir::Cache=$work -o APT::Sandbox::User=root"
{ $apt update && $apt download prometheus-node-exporter=1.9.0-1+b4; } >log 2>&1 ||
	{ cat log; echo "the pinned version cannot be had"; exit 77; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done

serve() { # the metrics that the exporter serves for what is in text/
	root/usr/bin/prometheus-node-exporter --collector.disable-defaults --collector.textfile \
		--collector.textfile.directory=text --web.listen-address=127.0.0.1:19109 >exporter.log 2>&1 &
	exporter=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do curl -fs 127.0.0.1:19109/metrics >metrics && break; sleep 0.5; done
	kill $exporter; wait $exporter || true; exporter=
	grep -E '^(job_age|node_textfile_scrape_error)' metrics
}
printf '# HELP job_age Age.\n# TYPE job_age gauge\njob_age{job="a"} 1\n' >text/a.prom
printf '# TYPE job_age gauge\njob_age{job="b"} 2\n' >text/b.prom
echo "HELP in one file:"; serve >one; cat one; grep -o "has help.*" exporter.log
cp text/b.prom b; { echo '# HELP job_age Age.'; cat b; } >text/b.prom
echo "HELP in both:"; serve >both; cat both
[ "$(grep -c job_age one)" = 1 ] && [ "$(grep -c job_age both)" = 2 ] && grep -q 'scrape_error 0' one
