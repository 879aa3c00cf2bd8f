#!/usr/bin/env bash
# Packages of npm for tests, of the versions and the hashes in package-lock.json.
# Run, they are installed, once, into build/node (make deps TEST=full does that;
# needs nodejs and npm).  Sourced:
#
#	node_get     install them where they are missing
#	node_have    are they there?
#	node_run FILE.mjs [ARG...]
#	             run a script of tests/servers, which finds them
#
# No network is needed once they are there.  Nothing of them is run to install
# them, and nothing is fetched but them: the browser is Debian's chromium.
node_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
node_root=${node_here%/tests/servers}/build/node

# What is there is known by what was asked for.
node_wanted() {
	cat "$node_here/package.json" "$node_here/package-lock.json" |
		sha512sum
}

node_have() {
	command -v node >/dev/null || return 1
	[ "$(cat "$node_root/installed" 2>/dev/null)" = "$(node_wanted)" ]
}

# A script's imports are looked for from where it is: so scripts are run through
# a link beside the packages.  The mark is made last.
node_install() {
	rm -f "$node_root/installed"
	ln -sfn ../../tests/servers "$node_root/servers" || return 1
	cp "$node_here/package.json" "$node_here/package-lock.json" \
		"$node_root" || return 1
	(cd "$node_root" && npm ci --silent --ignore-scripts --no-audit \
		--no-fund) || {
		echo "node.sh: npm does not get the packages of" \
			"tests/servers/package-lock.json" >&2
		return 1
	}
	node_wanted >"$node_root/installed"
}

node_get() {
	node_have && return
	mkdir -p "$node_root" || return 1
	(
		flock 9
		node_have || node_install
	) 9>"$node_root/lock" && node_have
}

node_run() {
	node --preserve-symlinks --preserve-symlinks-main \
		"$node_root/servers/$1" "${@:2}"
}

[ "${BASH_SOURCE[0]}" != "$0" ] || node_get
