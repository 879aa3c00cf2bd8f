# Test Anything Protocol for shell tests.  Sourced; needs bash.
#
#	is GOT WANT NAME
#	like GOT REGEX NAME
#	status WANT NAME COMMAND [ARG...]    stdout in $T/out, stderr in $T/err
#	soon COMMAND [ARG...]                until it succeeds
#	done_testing
#
# $T is a scratch directory, removed at exit; DL_HOME is $T/home.
set -u

export LC_ALL=C TZ=UTC
export BUILD=${BUILD:-$PWD/build}
export PATH=$BUILD:$PATH
T=$(mktemp -d "${TMPDIR:-/tmp}/dl-test.XXXXXX")
export DL_HOME=$T/home
unset DL_NOW DL_LOG DL_PIPELINE DL_METRIC_MS DL_SECRET_KEY \
	DL_SECRET_KEY_COMMAND CREDENTIALS_DIRECTORY "${!AWS_@}"

# libjq 1.6 forgets some of its memory itself, and a tool that fails ends with
# its programs still compiled, whose stack the leak detector can't read.  That
# our side forgets nothing is for tests/unit.
echo 'leak:libjq' >"$T/lsan"
export LSAN_OPTIONS=suppressions=$T/lsan:print_suppressions=0
tap_count=0
tap_failed=0
tap_pids=()
tap_kills=()

# Those of them that would take their time over an end.
tap_kill() {
	local pid
	for pid in "${tap_kills[@]+"${tap_kills[@]}"}"; do
		kill -9 "$pid" 2>/dev/null
	done
	tap_kills=()
}

# Processes started by a test are ended by their pid, and nothing else is.
tap_cleanup() {
	local status=$?
	tap_kill
	for pid in "${tap_pids[@]+"${tap_pids[@]}"}"; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	for dir in "$T"/mnt*; do
		[ -d "$dir" ] && umount "$dir" 2>/dev/null
	done
	rm -rf "$T"
	exit $status
}
trap tap_cleanup EXIT

tap() {
	tap_count=$((tap_count + 1))
	if [ "$1" = ok ]; then
		echo "ok $tap_count - $2"
	else
		echo "not ok $tap_count - $2"
		tap_failed=$((tap_failed + 1))
	fi
}

note() {
	printf '%s\n' "$*" | sed 's/^/# /' >&2
}

is() {
	if [ "$1" = "$2" ]; then
		tap ok "$3"
	else
		tap fail "$3"
		note "got:  ${1:0:2000}"
		note "want: ${2:0:2000}"
	fi
}

like() {
	if [[ $1 =~ $2 ]]; then
		tap ok "$3"
	else
		tap fail "$3"
		note "got:      ${1:0:2000}"
		note "to match: $2"
	fi
}

status() {
	local want=$1 name=$2 got
	shift 2
	"$@" >"$T/out" 2>"$T/err"
	got=$?
	if [ "$got" = "$want" ]; then
		tap ok "$name"
	else
		tap fail "$name"
		note "status $got, want $want: $*"
		note "$(head -c 2000 "$T/err")"
	fi
}

# Wait at most 10 s until COMMAND succeeds.
soon() {
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" 2>/dev/null && return
		sleep 0.05
	done
	note "never: $*"
	return 1
}

done_testing() {
	echo "1..$tap_count"
	[ "$tap_failed" = 0 ]
}
