#!/usr/bin/env bash
# DuckDB's library for tests: what is in the npm package of its bindings for
# node, of one version, known by its SHA-512.  Run, it is fetched, once, into
# build/duckdb (make deps TEST=full does that; needs npm).  Sourced:
#
#	duckdb_get     fetch it where it is missing
#	duckdb_have    is it there?  Then DL_DUCKDB is set to it
#
# No node is needed, and no network once it is there.
duckdb_version=1.5.5-r.5
duckdb_sha512_x64=902caae815e19fa4177f017cc957552ab8924873feadf556709e7a706f2a67394e669c72bd3e561a6ea332c871838762b4b94eb07b0837f0f8ed162b7235ee1d
duckdb_sha512_arm64=09a7c7d8022f5eda700f29c6dca07fe2e10e1d11a516807b6ae091308c07dc128d2286ec00d5792d2a43277b5fc9108522c2ba7bc013d5eb1e5959eed83bf773

duckdb_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
duckdb_dir=$duckdb_root/build/duckdb/$duckdb_version

duckdb_have() {
	[ -f "$duckdb_dir/libduckdb.so" ] || return 1
	export DL_DUCKDB=$duckdb_dir/libduckdb.so
}

# In a directory of its own, which then gets its name in one step.
duckdb_fetch() {
	local machine sha512 new=$duckdb_dir.new
	case $(uname -m) in
	x86_64) machine=x64 sha512=$duckdb_sha512_x64 ;;
	aarch64) machine=arm64 sha512=$duckdb_sha512_arm64 ;;
	*) echo "duckdb.sh: no DuckDB for this machine" >&2; return 1 ;;
	esac
	rm -rf "$new"
	mkdir -p "$new"
	(cd "$new" && npm pack --silent \
		"@duckdb/node-bindings-linux-$machine@$duckdb_version" &&
		mv ./*.tgz package.tgz) >/dev/null || {
		echo "duckdb.sh: npm does not get DuckDB" >&2
		return 1
	}
	echo "$sha512  $new/package.tgz" | sha512sum --check --quiet || return 1
	tar -C "$new" -xzf "$new/package.tgz" --strip-components=1 \
		package/libduckdb.so package/LICENSE || return 1
	rm "$new/package.tgz"
	mv -T "$new" "$duckdb_dir"
}

duckdb_get() {
	duckdb_have && return
	mkdir -p "${duckdb_dir%/*}"
	(
		flock 9
		duckdb_have || duckdb_fetch
	) 9>"${duckdb_dir%/*}/lock" && duckdb_have
}

[ "${BASH_SOURCE[0]}" != "$0" ] || duckdb_get
