# shellcheck shell=bash
# What the tests of memory share.  Sourced after tap.sh; ends where there is
# nothing to measure.
#
#	$T/week, $T/month    real events
#	repeat FILE          a gigabyte of it
#	memory NAME TOOL [ARG...]
#	                     with what comes on standard input; $out takes its output
# shellcheck disable=SC2154 # tap.sh sets T

[ "${FLAVOUR-plain}" = plain ] || {
	echo "1..0 # SKIP the sanitizers' own memory is not the tools'"
	exit 0
}

MOST=$((64 * 1024)) # KiB
GB=1000000000

QUAKES_URL=file://$PWD/pipelines/quakes/sample.geojson \
	dl-source pipelines/quakes/source.yaml 2>"$T/err" |
	grep -v dl.checkpoint >"$T/week"
is "$(wc -l <"$T/week")" 1707 'a week of real events'
cat "$T/week" "$T/week" "$T/week" "$T/week" >"$T/month"

repeat() {
	local n=$((GB / $(stat -c %s "$1") + 1)) i
	for ((i = 0; i < n; i++)); do cat "$1" || return; done
}

out=/dev/null
memory() {
	local name=$1 kib r
	shift
	"$BUILD/bench/measure" -o "$T/measured" "$@" >"$out" 2>"$T/err"
	r=$?
	[ "$r" = 0 ] || note "$(head -n 3 "$T/err")"
	is "$r" 0 "$name takes ${much:-a gigabyte}"
	kib=$(cut -d ' ' -f 2 "$T/measured")
	note "$name: $kib KiB, $(cut -d ' ' -f 1 "$T/measured") s"
	is "$((kib > 0 && kib <= MOST))" 1 "$name holds at most 64 MiB"
}
