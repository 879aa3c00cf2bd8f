#!/usr/bin/env bash
# Bad input behind the door: every tool that reads events says one clear thing,
# or keeps a dead letter, with the right status; and acknowledges nothing that
# isn't durable.  (The door itself is tested in source.t.)
. tests/tap.sh

cat >"$T/extract.yaml" <<'EOF'
templates:
  - name: t
    component: .c
    metrics:
      m: .m
EOF

# Each tool, and the type of event that it takes.
tool() { # NAME [-d FILE]
	local name=$1
	shift
	# shellcheck disable=SC2016 # it is jq's
	case $name in
	dl-transform) dl-transform "$@" .c ;;
	libjq) dl-transform "$@" 'reduce . as $x (0; [$x.c, $x.m])' ;;
	dl-extract) dl-extract "$@" "$T/extract.yaml" ;;
	dl-twin-put) dl-twin-put "$@" ;;
	dl-lake-write) dl-lake-write "$@" raw ;;
	esac
}
tools='dl-transform libjq dl-extract dl-twin-put dl-lake-write'

event() { # TOOL ID DATA
	local type=dl.record
	[ "$1" = dl-twin-put ] && type=dl.observation
	printf '{"specversion":"1.0","id":"%s","source":"s","type":"%s",' \
		"$2" "$type"
	printf '"subject":"c","time":"2026-01-01T00:00:00Z","data":%s}\n' "$3"
}
good() { event "$1" "$2" '{"c":"x","m":1}'; }
checkpoint() {
	printf '{"specversion":"1.0","id":"%s","source":"source.s",' "$1"
	printf '"type":"dl.checkpoint"}\n'
}

# The bad lines, each a file, without their newlines.
bad=$T/bad
mkdir "$bad"
printf '{"a":1}{"b":2}' >"$bad/two-values"
printf '\0' >"$bad/nul"
printf '\xef\xbb\xbf{}' >"$bad/bom"
printf '<!DOCTYPE html><html>' >"$bad/html"
printf '' >"$bad/empty-line"
printf '{"specversion":"1.0"' >"$bad/cut"
printf '\xff\xfe' >"$bad/not-utf8"
printf '%.0s[' {1..100000} >"$bad/100000-levels"
head -c 100000000 /dev/zero | tr '\0' x >"$bad/100-mb"

for name in $tools; do
	rm -rf "$DL_HOME"
	status 0 "$name: nothing" tool "$name" </dev/null
	is "$(cat "$T/out")" '' "$name: nothing of nothing"

	good "$name" 1 | head -c -1 >"$T/in"
	status 65 "$name: a torn line" tool "$name" <"$T/in"
	like "$(cat "$T/err")" '^dl-[a-z-]*: <stdin> ends in the middle of line 1' \
		"$name: a torn line is told"
	is "$(wc -l <"$T/err")" 1 "$name: in one line"

	for file in "$bad"/*; do
		what=$(basename "$file")
		(checkpoint 1; good "$name" 1; cat "$file"; echo
		 good "$name" 2; checkpoint 2) >"$T/in"
		rm -rf "$DL_HOME"
		status 65 "$name: $what" tool "$name" <"$T/in"
		is "$(wc -l <"$T/err")" 1 "$name: $what: one line says so"
		like "$(cat "$T/err")" '<stdin>:3: ' "$name: $what: and where"
		is "$(grep -c '"id":"2".*dl.checkpoint' "$T/out")" 0 \
			"$name: $what: the checkpoint behind it stays back"
		rm -rf "$DL_HOME"
		status 0 "$name: $what, with -d" \
			tool "$name" -d "$T/dead" <"$T/in"
		is "$(jq -r .type "$T/dead" | xargs)" dl.dead \
			"$name: $what: one dead letter"
		is "$(grep -c '"id":"2","source":"source.s"' "$T/out")" 1 \
			"$name: $what: what is behind it goes on"
		rm -f "$T/dead"
	done

	# A full disk and a closed pipe under the output, and under -d.
	(good "$name" 1; checkpoint 1) >"$T/in"
	rm -rf "$DL_HOME"
	tool "$name" <"$T/in" >/dev/full 2>"$T/err"
	is $? 75 "$name: standard output on a full disk"
	like "$(cat "$T/err")" 'cannot write <stdout>: No space' \
		"$name: which is told"
	tool "$name" <"$T/in" >&- 2>"$T/err"
	is $? 75 "$name: a closed standard output"
	(echo x; checkpoint 1) >"$T/in"
	rm -rf "$DL_HOME"
	status 75 "$name: dead letters on a full disk" \
		tool "$name" -d /dev/full <"$T/in"
	is "$(grep -c checkpoint "$T/out")" 0 \
		"$name: nothing is acknowledged then"
	status 75 "$name: a closed standard input" tool "$name" <&-
done

# Dead letters into another pipe, as -d >(command) does it.
mkfifo "$T/fifo"
cat "$T/fifo" >"$T/letters" &
(echo x; good libjq 1; checkpoint 1) >"$T/in"
status 0 'dead letters into a pipe' tool libjq -d "$T/fifo" <"$T/in"
wait $!
is "$(jq -c '[.type, .data.record]' "$T/letters")" '["dl.dead","x"]' \
	'arrive there'
status 0 'dead letters into a process substitution' bash -c \
	"dl-transform -d >(cat >'$T/letters2') .c <'$T/in'"
for ((i = 0; i < 100; i++)); do [ -s "$T/letters2" ] && break; sleep 0.05; done
is "$(jq -r .data.record "$T/letters2")" x 'arrive there too'

# A dead letter is not kept back while the input is idle.
mkfifo "$T/slow"
tool libjq -d "$T/idle" <"$T/slow" >"$T/out" &
exec 9>"$T/slow"
echo x >&9
for ((i = 0; i < 100; i++)); do [ -s "$T/idle" ] && break; sleep 0.05; done
is "$(jq -r .data.record "$T/idle" 2>/dev/null)" x 'told while the input is idle'
exec 9>&-
wait $!

# Inside data: what a program looks at is checked.
event libjq 1 $'"\xff"' >"$T/in"
status 65 'libjq: invalid UTF-8 in data' tool libjq <"$T/in"
like "$(cat "$T/err")" 'UTF-8' 'libjq: and says so'
deep=$bad/100000-levels
event x 1 "$(cat "$deep")1$(tr '[' ']' <"$deep")" >"$T/in"
event dl-twin-put 1 "{\"m\":$(cat "$deep")1$(tr '[' ']' <"$deep")}" \
	>"$T/in-twin"
for name in $tools; do
	in=$T/in
	[ "$name" = dl-twin-put ] && in=$T/in-twin
	rm -rf "$DL_HOME"
	tool "$name" -d "$T/dead" <"$in" >"$T/out" 2>"$T/err"
	is "$? $(cat "$T/err")" '0 ' "$name: 100,000 levels in data"
done

done_testing
