#!/usr/bin/env bash
# dl-lake-tidy, killed with -9 between any two of its steps (steps.c), beside
# writers and readers: each event is there once, for dl-lake-read and for whoever
# only lists a directory, before, during and after.
#
# FAULT_ROUNDS says how many steps are tried of each kind of run, drawn by SEED;
# 0: all of them.
. tests/fault/lib.sh

rounds=${FAULT_ROUNDS:-0}
[ "${FLAVOUR-}" = san ] && rounds=${FAULT_ROUNDS:-12}
began=$SECONDS
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
export ASAN_OPTIONS STEPS_LOG=$T/step
lake=$DL_HOME/lake/killed

events() { # FROM TO
	awk -v from="$1" -v to="$2" 'BEGIN {
		for (i = from; i <= to; i++)
			printf "{\"specversion\":\"1.0\",\"id\":\"e%05d\"," \
			    "\"source\":\"s\",\"type\":\"dl.record\"," \
			    "\"subject\":\"k%d\"," \
			    "\"time\":\"2018-02-%02dT00:00:00Z\"}\n", i, i % 2,
			    1 + i / 10
	}'
}
ids() { grep -ao '"id":"[^"]*"' | sort; }

# Killed at each step

for i in 0 1 2; do
	events $((i * 10)) $((i * 10 + 9)) | dl-lake-write -P 'k={subject}' killed
done
for i in 3 4; do
	events 5 9 | dl-lake-write -P 'k={subject}' killed
done
echo hello >"$lake/k=k0/README"
mv "$lake" "$T/template"
events 0 29 | ids >"$T/once"
(events 0 29; events 5 9; events 5 9) | ids >"$T/thrice"
events 10 29 | ids >"$T/young"

# tidy: as $kind and $options say; STEPS_AT is the step it is killed at.
# shellcheck disable=SC2030,SC2031 # for this run alone
tidy() {
	(
		export STEPS_TOOL=dl-lake-tidy LD_PRELOAD=$BUILD/fault/steps.so
		[ "$kind" = one-by-one ] && export STEPS_NO_EXCHANGE=1
		exec dl-lake-tidy "${options[@]+"${options[@]}"}" killed
	) >"$T/out" 2>"$T/err"
}

# What is in the lake by dl-lake-read, and by who looks for parts everywhere in
# it, as engines do.
read_lake() { dl-lake-read killed 2>"$T/err.read" | ids; }
everywhere() { # DIR
	find "$1" -name 'part-*.ndjson.zst' -print0 | xargs -0 zstd -dcq
}
list_lake() { everywhere "$lake" | ids; }
left_over() {
	find "$lake"/_dl/{staging,exchange} -mindepth 1 2>/dev/null
	find "$lake"/../.*.exchange 2>/dev/null
}

# What is wrong, if anything, after a kill; and after the next run.
check_killed() { # STEP: all of $has is there, and what more is is of $had
	local reader
	for reader in read_lake list_lake; do
		[ "$kind" = one-by-one ] && [ $reader = list_lake ] && continue
		$reader >"$T/got"
		[ -z "$(comm -23 "$T/$has" "$T/got"
			comm -13 "$T/$had" "$T/got")" ] ||
			wrong+="step $1: $reader: $(diff "$T/$had" "$T/got" | head -3)
"
	done
}
check_again() { # STEP
	local reader
	STEPS_AT=0 tidy || wrong+="step $1: then: $? $(cat "$T/err")
"
	for reader in read_lake list_lake; do
		$reader | cmp -s - "$T/$has" ||
			wrong+="step $1: then: $reader differs
"
	done
	[ -z "$(left_over)" ] || wrong+="step $1: left over: $(left_over)
"
	[ "$(find "$lake"/k=* -name 'part-*' | wc -l)" = "$want_parts" ] ||
		wrong+="step $1: $(find "$lake"/k=* -name 'part-*' | wc -l) parts
"
	[ "$kind" = expire ] || [ -s "$lake/k=k0/README" ] ||
		wrong+="step $1: a foreign file is gone
"
}

fresh() {
	rm -rf "$lake"
	cp -a "$T/template" "$lake"
	: >"$STEPS_LOG"
}

kinds() { # HOW BEFORE AFTER PARTS
	local n step steps
	kind=$1 had=$2 has=$3 want_parts=$4 wrong=
	fresh
	STEPS_AT=all tidy || wrong="$(cat "$T/err")"
	n=$(wc -l <"$STEPS_LOG")
	mapfile -t steps < <(seq "$n")
	[ "$rounds" = 0 ] ||
		mapfile -t steps < <(for ((i = 0; i < rounds; i++)); do
			echo $((1 + (RANDOM * 32768 + RANDOM) % n)); done | sort -nu)
	for step in "${steps[@]}"; do
		fresh
		STEPS_AT=$step STEPS_HALF=$((step % 2)) tidy
		[ -s "$STEPS_LOG" ] || wrong+="step $step: not killed
"
		check_killed "$step"
		check_again "$step"
	done 2>"$T/err.shell"
	is "$wrong" '' "$1: killed at ${#steps[@]} of $n steps"
	[ "$n" -gt 20 ]
	is $? 0 "$1 has steps"
}

options=()
kinds merge thrice thrice 2
kinds one-by-one thrice thrice 2
options=(--dedupe)
kinds dedupe thrice once 2
options=(--expire 1d --target 1)
export DL_NOW=2018-02-03T00:00:00Z
kinds expire thrice young 4
unset DL_NOW
note "killed: $((SECONDS - began)) s"

# Beside a writer and readers

began=$SECONDS
touch "$T/goes-on"
events 0 99 | ids >"$T/base"
events 0 99 | dl-lake-write -P all beside
write() {
	local i
	for ((i = 1; i <= 40; i++)); do
		events $((i * 100)) $((i * 100 + 99)) |
			dl-lake-write -P all beside || echo "writer: $?"
	done
	rm "$T/goes-on"
}

# Each read has what was there when it began, and nothing twice.
read_on() { # NAME COMMAND...
	local n=0
	while [ -e "$T/goes-on" ] || [ $n -lt 3 ]; do
		"${@:2}" >"$T/lines.$1" 2>"$T/err.$1" || continue
		n=$((n + 1))
		ids <"$T/lines.$1" >"$T/ids.$1"
		uniq -d "$T/ids.$1" | head -2 | sed "s/^/twice: /"
		comm -23 "$T/base" "$T/ids.$1" | head -2 | sed "s/^/missing: /"
		[ $(($(wc -l <"$T/ids.$1") % 100)) = 0 ] ||
			echo "$(wc -l <"$T/ids.$1") events"
	done
	echo $n >"$T/reads.$1"
}
# Whoever lists holds the directory that was listed; a file that is gone when it
# is opened is an error that is seen, and then it is listed again.
glob() { (cd "$DL_HOME/lake/beside/all" && zstd -dcq part-*); }

write >"$T/says.writer" 2>&1 &
pids=($!)
read_on tool dl-lake-read beside >"$T/says.tool" 2>&1 &
pids+=($!)
read_on glob glob >"$T/says.glob" 2>&1 &
pids+=($!)
n=0 wrong=
while [ -e "$T/goes-on" ]; do
	dl-lake-tidy --target $((500 + RANDOM % 4000)) beside 2>"$T/err" ||
		wrong+="$(cat "$T/err") "
	n=$((n + 1))
done
wait "${pids[@]}"
is "$wrong" '' "$n runs beside a writer and readers"
for who in writer tool glob; do
	is "$(cat "$T/says.$who")" '' "$who: each event once"
done
for who in tool glob; do
	[ "$(cat "$T/reads.$who")" -ge 3 ]
	is $? 0 "$who: $(cat "$T/reads.$who") times"
done
status 0 'at last' dl-lake-tidy beside
is "$(find "$DL_HOME/lake/beside/all" -type f | wc -l)" 1 'one part is left'
is "$(dl-lake-read beside | ids)" "$(events 0 4099 | ids)" \
	'with each event once'
note "beside: $((SECONDS - began)) s"

done_testing
