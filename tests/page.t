#!/usr/bin/env bash
# dl-twin-serve's page in a real browser, with real tokens and a real server,
# which servers/page.mjs starts, kills and starts again.  It keeps screenshots in
# $BUILD/artefacts.
. tests/tap.sh
. tests/servers/node.sh

if ! node_have || [ ! -x /usr/bin/chromium ]; then
	echo '1..0 # SKIP node, its packages or Chromium are not there (make deps TEST=full)'
	exit 0
fi

# The one server that runs, should the script end before it.
page_cleanup() {
	local status=$?
	kill -9 "$(cat "$T/serve.pid")" 2>/dev/null
	(exit "$status")
	tap_cleanup
}
trap page_cleanup EXIT

# A browser keeps things in its user's home.
mkdir -p "$BUILD/artefacts" "$T/user"
dl-token new >"$T/kid"
export T
HOME=$T/user node_run page.mjs "$BUILD/artefacts"
