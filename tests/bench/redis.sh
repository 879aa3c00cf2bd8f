# A redis of its own, on a socket in $dir, with a conditional put; sourced.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # dir is run's, and redis_sha for it

# Newer, or not at all: what dl-twin-put does, for the time alone.
redis_put='local was = redis.call("HGET", KEYS[1], "t")
if not was or was < ARGV[1] then
	redis.call("HSET", KEYS[1], "t", ARGV[1], "v", ARGV[2])
	return 1
end
return 0'

redis_start() {
	mkdir -p "$dir/redis"
	redis-server --port 0 --unixsocket "$PWD/$dir/redis.sock" \
		--dir "$PWD/$dir/redis" --save '' --appendonly yes \
		--appendfsync everysec --daemonize no >"$dir/redis.log" 2>&1 &
	redis_pid=$!
	for _ in $(seq 100); do
		redis PING >/dev/null 2>&1 && break
		sleep 0.1
	done
	redis_sha=$(redis SCRIPT LOAD "$redis_put")
}

redis() { redis-cli -s "$PWD/$dir/redis.sock" "$@"; }

redis_stop() {
	[ -n "${redis_pid-}" ] || return 0
	kill "$redis_pid"
	wait "$redis_pid" || :
	redis_pid=
}
