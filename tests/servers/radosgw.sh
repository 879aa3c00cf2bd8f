# shellcheck shell=bash
# A real S3 for tests on a free port of the loopback: Ceph's radosgw, with a
# monitor and one store in memory ($radosgw_bytes, or 2 GB at most).  Sourced
# after tap.sh; needs radosgw, ceph-mon, ceph-osd, ceph-common and curl (make
# deps TEST=full).
#
#	radosgw_have           is it installed?
#	radosgw_start [tls]    over TLS with what tls_certificates of tls.sh made
#	radosgw_bucket NAME    make a bucket
#	radosgw_request METHOD PATH [CURL'S ARG...]
#	                       a signed request; its answer, fails as curl -f does
#	radosgw_list BUCKET PREFIX
#	radosgw_mirror BUCKET NAME DIR
#	                       DIR has then what is below NAME/
#	radosgw_stop           as if it had failed; what it keeps is kept
#	radosgw_again          and there it is again, on the same port
#
# sets $radosgw_url and $radosgw_port, and exports what AWS's tools read:
# AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY.  Buckets
# are at $radosgw_url/BUCKET, and at BUCKET.localhost:$radosgw_port.  SSE-KMS has
# the key 'testkey'.  It ends with the test, by its pids, each test has its own.
# $T/ceph/log has the logs.  Where $radosgw_sts was set it has STS too (and then
# says AccessDenied to whatever it can't make out).
# shellcheck disable=SC2154 # tap.sh sets T

radosgw_have() {
	command -v ceph-mon ceph-osd ceph radosgw radosgw-admin >/dev/null
}

radosgw_port_free() {
	! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

radosgw_uuid() {
	printf '%04x%04x-%04x-4%03x-8%03x-%04x%04x%04x' $RANDOM $RANDOM \
		$RANDOM $((RANDOM % 4096)) $((RANDOM % 4096)) \
		$RANDOM $RANDOM $RANDOM
}

radosgw_conf() { # FSID MONITOR'S-PORT ENDPOINT
	local dir=$T/ceph
	cat <<-E
	[global]
	fsid = $1
	mon host = [v1:127.0.0.1:$2]
	public addr = 127.0.0.1
	cluster addr = 127.0.0.1
	ms bind ipv6 = false
	ms bind msgr2 = false
	auth cluster required = none
	auth service required = none
	auth client required = none
	keyring = $dir/keyring
	run dir = $dir/run
	admin socket = $dir/run/\$name.asok
	pid file = $dir/run/\$name.pid
	log file = $dir/log/\$name
	log to stderr = false
	crash dir = $dir/crash
	mon cluster log file = $dir/log/cluster
	mon data = $dir/mon
	mon allow pool size one = true
	mon warn on pool no redundancy = false
	mon max pg per osd = 1000
	mon osd min down reporters = 1
	paxos propose interval = 0.05
	paxos min wait = 0.01
	osd data = $dir/osd
	osd objectstore = memstore
	memstore device bytes = ${radosgw_bytes:-2147483648}
	osd class load list = *
	osd class default list = *
	osd class update on start = false
	osd crush update on start = false
	osd crush chooseleaf type = 0
	osd client watch timeout = 2
	osd default notify timeout = 1
	osd pool default size = 1
	osd pool default min size = 1
	osd pool default pg num = 4
	osd pool default pgp num = 4
	osd pool default pg autoscale mode = off
	[client.rgw]
	rgw frontends = beast $3 tcp_nodelay=1
	rgw data = $dir/rgw
	rgw dns name = localhost
	rgw thread pool size = 32
	rgw gc obj min wait = 1
	rgw gc processor period = 10
	rgw gc processor max time = 10
	rgw run sync thread = false
	rgw enable usage log = false
	rgw crypt require ssl = false
	rgw crypt s3 kms backend = testing
	rgw crypt s3 kms encryption keys = testkey=YmluCmJvb3N0CmJvb3N0LWJ1aWxkCmNlcGguY29uZgo=
	${radosgw_sts:+rgw s3 auth use sts = true}
	${radosgw_sts:+rgw sts key = abcdefghijklmnop}
	E
}

# COMMAND in the background until it is killed: SIGTERM may take it seconds.
radosgw_run() { # NAME COMMAND...
	"${@:2}" -c "$T/ceph/conf" -f >"$T/ceph/log/$1.out" 2>&1 &
	radosgw_pid=$!
	tap_kills+=("$radosgw_pid")
	# The shell would tell how it died.
	disown "$radosgw_pid"
}

# Until it listens; fails as soon as what should listen there has ended.
radosgw_wait() { # PORT PID
	for _ in $(seq 600); do
		radosgw_port_free "$1" || return 0
		kill -0 "$2" 2>/dev/null || return 1
		sleep 0.05
	done
	return 1
}

radosgw_store() { # FSID MONITOR'S-PORT
	local dir=$T/ceph osd ceph=(timeout 60 ceph -c "$T/ceph/conf")
	monmaptool --create --clobber --addv a "[v1:127.0.0.1:$2]" \
		--fsid "$1" "$dir/monmap" &&
		ceph-mon -c "$dir/conf" --mkfs -i a --monmap "$dir/monmap" \
			--keyring "$dir/keyring" || return
	radosgw_run mon ceph-mon -i a
	radosgw_wait "$2" "$radosgw_pid" || return
	osd=$(radosgw_uuid)
	"${ceph[@]}" osd new "$osd" &&
		ceph-osd -c "$dir/conf" -i 0 --mkfs --osd-uuid "$osd" &&
		"${ceph[@]}" osd crush add osd.0 1.0 root=default host=h || return
	radosgw_run osd ceph-osd -i 0
}

radosgw_try() { # [tls]
	local dir=$T/ceph fsid mon=$((30000 + RANDOM % 2000)) at scheme=http
	radosgw_port=$((20000 + RANDOM % 10000))
	radosgw_port_free "$radosgw_port" && radosgw_port_free $mon || return
	at=endpoint=127.0.0.1:$radosgw_port
	if [ "${1:-}" = tls ]; then
		scheme=https
		at="ssl_$at ssl_certificate=$T/tls/good.pem"
		at="$at ssl_private_key=$T/tls/good.key"
	fi
	fsid=$(radosgw_uuid)
	rm -rf "$dir"
	mkdir -p "$dir"/{mon,osd,rgw,run,log,crash} && : >"$dir/keyring" || return
	radosgw_conf "$fsid" $mon "$at" >"$dir/conf"
	radosgw_store "$fsid" $mon && radosgw_again &&
		timeout 60 radosgw-admin -c "$dir/conf" -n client.rgw \
			--admin-socket= user create --uid=t --display-name=t \
			--access-key=TESTKEY --secret-key=TESTSECRET || return
	radosgw_url=$scheme://127.0.0.1:$radosgw_port
}

radosgw_start() { # [tls]
	radosgw_url=
	for _ in 1 2 3 4 5; do
		radosgw_try "$@" >"$T/radosgw.out" 2>&1 && break
		radosgw_url=
		tap_kill
	done
	if [ -z "$radosgw_url" ]; then
		tail -n 20 "$T/radosgw.out" "$T/ceph/log"/* >&2
		return 1
	fi
	export no_proxy=127.0.0.1,localhost NO_PROXY=127.0.0.1,localhost \
		AWS_ENDPOINT_URL=$radosgw_url AWS_REGION=us-east-1 \
		AWS_ACCESS_KEY_ID=TESTKEY AWS_SECRET_ACCESS_KEY=TESTSECRET
}

radosgw_stop() {
	kill -9 "$radosgw_pid"
	# Until its port can be had again, and nobody is answered any more.
	for _ in $(seq 200); do
		radosgw_port_free "$radosgw_port" && return
		sleep 0.05
	done
	return 1
}

radosgw_again() {
	radosgw_run rgw radosgw -n client.rgw
	radosgw_wait "$radosgw_port" "$radosgw_pid"
}

# Not over a proxy, nor by the endpoint that a test sets for others.
radosgw_curl() { # ARG...
	curl -sS -f --noproxy '*' ${radosgw_ca:+--cacert "$radosgw_ca"} \
		--aws-sigv4 aws:amz:us-east-1:s3 --user TESTKEY:TESTSECRET \
		-H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$@"
}

radosgw_request() { # METHOD PATH [ARG...]
	radosgw_curl -X "$1" "${@:3}" "$radosgw_url$2"
}

radosgw_bucket() { # NAME
	radosgw_request PUT "/$1"
}

# Each object below PREFIX: its entity tag and key, escaped as in a URL.
radosgw_list() { # BUCKET PREFIX
	local after='' page
	while :; do
		page=$(radosgw_request GET "/$1?encoding-type=url&list-type=2&prefix=$2${after:+&start-after=$after}") ||
			return
		perl -ne 'print "$2 $1\n"
			while /<Key>(.*?)<\/Key>.*?<ETag>(?:&quot;)?(.*?)(?:&quot;)?<\/ETag>/g' \
			<<<"$page"
		[[ $page == *'<IsTruncated>true'* ]] || return 0
		after=${page##*<Key>}
		after=${after%%</Key>*}
	done
}

# Of lines of radosgw_list the local names, or with URL what curl is to fetch.
radosgw_files() { # DIR [URL]
	perl -e '($dir, $url) = @ARGV;
		while (<STDIN>) {
			($key) = / (.*)/;
			$key =~ s/%2F/\//g;
			($name = $key) =~ s/%(..)/chr hex $1/ge;
			$name =~ s/^[^\/]*/$dir/;
			$name =~ s/["\\]/\\$&/g if defined $url;
			print defined $url ? "url = \"$url/$key\"\noutput = \"$name\"\n" :
				"$name\n";
		}' "$@"
}

# DIR is then what is below NAME/ in the bucket, as files; what it has already
# of the same tags is not fetched again.
radosgw_mirror() { # BUCKET NAME DIR
	mkdir -p "$3" && (
		flock 9 && radosgw_fetch "$@"
	) 9>"$3.lock"
}

radosgw_fetch() { # BUCKET NAME DIR
	local old=$3.list
	touch "$old" &&
		radosgw_list "$1" "$2%2F" | sort >"$old.new" || return
	comm -23 "$old" "$old.new" | radosgw_files "$3" |
		xargs -r -d '\n' rm -f
	comm -13 "$old" "$old.new" |
		radosgw_files "$3" "$radosgw_url/$1" >"$old.get"
	if [ -s "$old.get" ]; then
		radosgw_curl --globoff --parallel --parallel-max 8 --create-dirs \
			--no-progress-meter -K "$old.get" || return
	fi
	mv "$old.new" "$old"
}

# A key as it stands in a URL.
radosgw_escape() { # KEY
	perl -e '$_ = shift; s/[^A-Za-z0-9._~\/-]/sprintf "%%%02X", ord $&/ge;
		print' "$1"
}

# What is in DIR goes below NAME/ in the bucket.
radosgw_push() { # BUCKET NAME DIR
	(cd "$3" && find . -type f -printf '%P\0') | perl -0 -e '
		($url, $dir) = @ARGV;
		while (<STDIN>) {
			chomp;
			($key = $_) =~ s/[^A-Za-z0-9._~\/-]/sprintf "%%%02X", ord $&/ge;
			s/["\\]/\\$&/g;
			print "url = \"$url/$key\"\nupload-file = \"$dir/$_\"\n";
		}' "$radosgw_url/$1/$2" "$3" >"$T/radosgw.push"
	radosgw_curl --globoff --parallel --parallel-max 8 \
		--no-progress-meter -K "$T/radosgw.push"
}
