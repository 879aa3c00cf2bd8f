# shellcheck shell=bash
# A real PostgreSQL for tests, on a socket in $T.  Sourced after tap.sh; needs
# postgresql.
#
#	postgres_start    psql then finds it by itself, as its superuser
#	postgres_stop     at once, as if it had failed
#
# It runs as the user postgres, where we are root: it refuses to be root's.
# Nothing of it is durable.  It ends with the test, by its pid; $T/postgres/log is
# its log.

postgres_start() {
	local dir=$T/postgres as=() bin
	bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
	mkdir "$dir" || return
	if [ "$(id -u)" = 0 ]; then
		as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
		chown postgres: "$dir" && chmod 711 "$T" || return
	fi
	# It goes to its own directory: it may not look into ours.
	(cd / && "${as[@]}" "$bin/initdb" -D "$dir/data" -U dl -A trust -N \
		-E UTF8 --locale=C >"$dir/initdb.log" 2>&1) || {
		cat "$dir/initdb.log" >&2
		return 1
	}
	export PGHOST=$dir PGUSER=dl PGDATABASE=postgres PGCONNECT_TIMEOUT=10
	(cd / && exec "${as[@]}" "$bin/postgres" -D "$dir/data" -k "$dir" \
		-c listen_addresses= -c fsync=off -c shared_buffers=16MB \
		-c dynamic_shared_memory_type=mmap) >"$dir/log" 2>&1 &
	postgres_pid=$!
	tap_pids+=("$postgres_pid")
	soon psql -X -q -c '' && return 0
	cat "$dir/log" >&2
	return 1
}

postgres_stop() {
	kill -QUIT "$postgres_pid" && wait "$postgres_pid"
	return 0
}
