# shellcheck shell=bash
# A radosgw for the benchmarks, and rclone and s3cmd as its clients.  Sourced by
# run, which sets $dir.
#
#	s3_start    empty, with the bucket bench
#	s3_stop
#
# shellcheck disable=SC2034,SC2154 # radosgw.sh and run read and set them
. tests/servers/radosgw.sh

tap_kills=() radosgw_bytes=8000000000
tap_kill() {
	local pid
	for pid in "${tap_kills[@]+"${tap_kills[@]}"}"; do
		kill -9 "$pid" 2>/dev/null || :
	done
	tap_kills=()
}

# The tables are made in a shell of their own; who ends it all is another.
s3_pids() {
	[ ! -s "$dir/s3.pids" ] || mapfile -t tap_kills <"$dir/s3.pids"
	rm -f "$dir/s3.pids"
}

s3_start() {
	unset "${!AWS_@}"
	T=$PWD/$dir/s3
	mkdir -p "$T"
	radosgw_start ''
	printf '%s\n' "${tap_kills[@]}" >"$dir/s3.pids"
	radosgw_bucket bench
	export RCLONE_CONFIG="$T/rclone" RCLONE_CONFIG_S3_TYPE=s3 \
		RCLONE_CONFIG_S3_PROVIDER=Ceph RCLONE_CONFIG_S3_ENV_AUTH=true \
		RCLONE_CONFIG_S3_ENDPOINT="$radosgw_url"
	: >"$T/rclone"
	cat >"$T/s3cfg" <<-E
	[default]
	access_key = $AWS_ACCESS_KEY_ID
	secret_key = $AWS_SECRET_ACCESS_KEY
	host_base = 127.0.0.1:$radosgw_port
	host_bucket = 127.0.0.1:$radosgw_port
	use_https = False
	E
	# Each run's objects have a place of their own.
	export S3_RUNS=$T/runs
	: >"$S3_RUNS"
}

s3_stop() {
	s3_pids
	tap_kill
	rm -rf "$PWD/$dir/s3"
}
