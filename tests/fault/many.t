#!/usr/bin/env bash
# Many at once: four writers and ten consumers on one stream, some of which
# follow and some of which cron starts again and again, also before the last
# run has ended.  Each event comes to each consumer once and in its order, and
# the steps' own counts add up.
. tests/fault/lib.sh

rounds=${FAULT_ROUNDS:-6}
[ "$rounds" -gt 30 ] && rounds=30
writers='w1 w2 w3 w4' consumers='c0 c1 c2 c3 c4 c5 c6 c7 c8 c9'
export SEGMENT=64K
# Of a run that overlaps, or that came before there was a stream.
aftermath='there is no stream in|Broken pipe$'

for w in $writers; do
	mkdir "$T/$w"
	sed "s/^name:.*/name: $w/; s/^url:.*/url: \${FEED}/" \
		pipelines/quakes/source.yaml >"$T/$w/source.yaml"
done

# What writer $1 sees of the feed is its own: subjects of its own.
write() { # WRITER
	sed "s/\"id\":\"q/\"id\":\"$1-/g" "$T/feed" >"$T/$1/feed"
	FEED=file://$T/$1/feed dl-source "$T/$1/source.yaml" |
		dl-stream-put --segment-bytes $SEGMENT all | dl-commit
}
consume() { # CONSUMER [OPTION]
	dl-stream-get "${@:2}" all "$1" | dl-lake-write "$1" | dl-commit
}
in_turn() { # WRITER: run after run
	local i
	for ((i = 0; i < rounds; i++)); do
		write "$1" || echo "$1: ${PIPESTATUS[*]}"
	done
}
# As cron does: two runs that overlap, again and again.
from_cron() { # CONSUMER
	local i a
	for ((i = 0; i < 2 * rounds; i++)); do
		consume "$1" & a=$!
		consume "$1" || echo $?
		wait $a || echo $?
	done
}

set -o pipefail
feed 1 100
following=()
for w in $writers; do
	in_turn "$w" >"$T/out.$w" 2>"$T/err.$w" &
	following+=($!)
done
for c in $consumers; do
	case $c in
	c[0-4])
		setsid bash -c "$(declare -f consume); set -o pipefail
			trap '' TERM; consume $c -f" >"$T/out.$c" 2>"$T/err.$c" &
		eval "$c=\$!"
		;;
	*) from_cron "$c" >"$T/out.$c" 2>"$T/err.$c" & following+=($!) ;;
	esac
done
for ((i = 2; i < rounds + 2; i++)); do
	feed 2 $((100 + 20 * i))
	nap 150
done
for job in "${following[@]}"; do wait "$job"; done
for w in $writers; do
	is "$(cat "$T/out.$w" "$T/err.$w")" '' "$w: every run was well"
	write "$w" 2>"$T/err.$w"
	is "$? $(cat "$T/err.$w")" '0 ' "$w: and the last one"
done

end=$(head -c 20 "$DL_HOME/streams/all/end")
for c in $consumers; do
	case $c in
	c[0-4])
		kill -TERM -- "-${!c}"
		wait "${!c}"
		is $? 0 "$c: stopped while it followed"
		consume "$c"
		is $? 0 "$c: the last run"
		;;
	*)
		is "$(grep -v '^75$' "$T/out.$c"
			grep -vE "is in use by another process( \(pid [0-9]+\))?$|$aftermath" \
				"$T/err.$c")" '' \
			"$c: a run that overlaps says so, and that is all"
		consume "$c"
		is $? 0 "$c: the last run"
		;;
	esac
	is "$(cat "$DL_HOME/commits/stream.all.$c")" "$end" "$c: has come to the end"
done

# The stream: each writer's items once, in the order of its runs.
cat "$DL_HOME"/streams/all/*.ndjson >"$T/log"
for w in $writers; do
	jq -c --arg w "$w" '.id |= sub("^q"; $w + "-")' "$T/all" | sort \
		>"$T/everything"
	jq -c --arg w "$w" 'select(.source == $w) | .data' "$T/log" | sort \
		>"$T/got"
	is "$(comm -13 "$T/everything" "$T/got" | head -3)" '' "$w: nothing else"
	sed "s/\"id\":\"q/\"id\":\"$w-/g" "$T/features" | jq -c . | sort |
		comm -23 - "$T/got" >"$T/lost"
	is "$(head -3 "$T/lost")" '' "$w: all that it saw last is in the stream"
done
is "$(ids <"$T/log" | uniq -d | head -3)" '' 'no id twice in the stream'
sort "$T/log" >"$T/want"
for c in $consumers; do
	lake "$c" | sort >"$T/got"
	is "$(cmp "$T/want" "$T/got")" '' "$c: the same lines, each once"
done
dl-stream-get --read-only all | cmp - "$T/log"
is $? 0 'the log is read in its order'
jq -r '[.source, .recordedtime] | @tsv' "$T/log" | sort -s -k 1,1 >"$T/order"
is "$(sort -c "$T/order" 2>&1)" '' "each writer's events are in its order"
note "4 writers of $rounds runs, 10 consumers, $(wc -l <"$T/log") events," \
	"$(cat "$T"/out.c* | grep -c 75) overlaps, $SECONDS s"

# Consumers that come while the first events do: all start at the oldest.
late=0
for ((i = 0; i < 30; i++)); do
	{ sleep 0.02; cat "$T/log"; } | dl-stream-put "first$i" >/dev/null &
	put=$!
	for k in 1 2 3 4 5 6 7 8 9; do
		dl-stream-get "first$i" c$k 2>/dev/null | sed -n 1p &
	done >"$T/starts"
	wait $put
	wait
	late=$((late + $(grep -vc '"id":"00000000000000000000"' "$T/starts")))
done
is "$late" 0 'a new consumer begins at the oldest, whenever it comes'

# Two that say they are the same producer.
line='{"specversion":"1.0","id":"1","source":"s","type":"dl.record","data":1}'
checkpoint='{"specversion":"1.0","id":"A","source":"source.s","type":"dl.checkpoint"}'
mkfifo "$T/fifo"
dl-stream-put twice <"$T/fifo" >"$T/out" &
exec 7>"$T/fifo"
printf '%s\n' "$checkpoint" "$line" >&7
for ((i = 0; i < 100; i++)); do
	[ -s "$T/out" ] && break
	sleep 0.02
done
printf '%s\n' "$checkpoint" "$line" | dl-stream-put twice >/dev/null 2>"$T/err"
like "$? $(cat "$T/err")" "^75 .*'source.s' is in use by another process( \(pid [0-9]+\))?$" \
	'a producer beside itself'
exec 7>&-
wait $!
is "$? $(stream twice)" "0 $line" 'the first one is not disturbed'

# Conservation: what goes into a step comes out, is dropped or is dead.
rm -rf "$DL_HOME"
feed 3 100
cat >"$PIPELINE/split.jq" <<'JQ'
if .properties.type == "quarry" then empty
elif .geometry.coordinates[0] % 7 == 0 then error("seven")
elif .geometry.coordinates[0] % 5 == 0 then (., {twice: .id})
else . end
JQ
export DL_PIPELINE=sums
start in
wait "$run"
is $? 0 'a source into a stream'
(cd "$PIPELINE" && dl-stream-get quakes lake |
	dl-transform -d "$T/dead" -p split.jq | dl-lake-write clean | dl-commit)
is $? 0 'a stream through a transformation into a lake'
unset DL_PIPELINE

sum() { # TOOL KIND
	awk -v kind="dl_records_$2_total{" \
		'index($0, kind) == 1 { n += $NF } END { print n + 0 }' \
		"$DL_HOME"/metrics/sums."$1".*prom
}
previous=
for tool in dl-source dl-stream-put dl-stream-get dl-transform dl-lake-write; do
	declare -A n=()
	for kind in in added out dropped dead; do n[$kind]=$(sum $tool $kind); done
	is $((n[in] + n[added])) $((n[out] + n[dropped] + n[dead])) \
		"$tool: ${n[in]} in + ${n[added]} added = ${n[out]} out + \
${n[dropped]} dropped + ${n[dead]} dead"
	is "${n[in]}" "${previous:-100}" "$tool: all that came before came in"
	previous=${n[out]}
done
is "$(wc -l <"$T/dead") $(lake clean | wc -l) $(sum dl-transform dead)" \
	"$(jq -s --argjson n "$previous" -r '"\(length) \($n) \(length)"' "$T/dead")" \
	'dead letters and the lake have what the counts say'

is "$hung" '' 'nothing hung'
done_testing
