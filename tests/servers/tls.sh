# shellcheck shell=bash
# Certificates, and a real web server that shows them.  Sourced after tap.sh;
# needs openssl and nginx.
#
#	tls_certificates     into $T/tls: ca.pem, and good, expired, other (of
#	                     another name), mine (signed by itself), each as
#	                     NAME.pem and NAME.key
#	tls_start [FILE]     serve $T/www with each of them; FILE has more of
#	                     the server blocks, where @HTTP@ is the plain port
#
# sets $tls_port to the port of the good one; the others follow in that order, then
# the plain one.  $T/tls/access.log has a line for each request: protocol, URI,
# status.  It ends with the test, by its pid.
# shellcheck disable=SC2154 # tap.sh sets T

tls_names=(good expired other mine)

tls_key() { # NAME
	openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
		-out "$T/tls/$1.key" 2>/dev/null ||
		openssl ecparam -genkey -noout -name prime256v1 -out "$T/tls/$1.key"
}

# Signed by our authority, for NAMES, from and until days before or after now.
tls_sign() { # NAME NAMES FROM UNTIL
	local dir=$T/tls
	openssl req -new -key "$dir/$1.key" -subj "/CN=$1" -out "$dir/$1.csr"
	printf 'subjectAltName=%s\n' "$2" >"$dir/$1.ext"
	openssl ca -batch -notext -config "$dir/ca.conf" -in "$dir/$1.csr" \
		-extfile "$dir/$1.ext" -out "$dir/$1.pem" \
		-startdate "$(date -u -d "$3" +%Y%m%d%H%M%SZ)" \
		-enddate "$(date -u -d "$4" +%Y%m%d%H%M%SZ)"
}

tls_certificates() {
	local dir=$T/tls here='DNS:localhost,IP:127.0.0.1' name
	mkdir -p "$dir"
	: >"$dir/index"
	cat >"$dir/ca.conf" <<-E
	[ca]
	default_ca = us
	[us]
	database = $dir/index
	new_certs_dir = $dir
	certificate = $dir/ca.pem
	private_key = $dir/ca.key
	rand_serial = yes
	default_md = sha256
	policy = any
	[any]
	commonName = supplied
	E
	for name in ca "${tls_names[@]}"; do tls_key "$name"; done
	{
		openssl req -x509 -key "$dir/ca.key" -subj '/CN=an authority' \
			-days 30 -out "$dir/ca.pem" &&
			tls_sign good "$here" '-1 day' '+30 days' &&
			tls_sign expired "$here" '-30 days' '-1 day' &&
			tls_sign other DNS:other.example '-1 day' '+30 days' &&
			openssl req -x509 -key "$dir/mine.key" -subj /CN=localhost \
				-addext "subjectAltName=$here" -days 30 \
				-out "$dir/mine.pem"
	} >"$dir/out" 2>&1 && return
	cat "$dir/out" >&2
	return 1
}

tls_port_free() {
	! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

tls_blocks() { # FILE
	local dir=$T/tls i=0 name
	for name in "${tls_names[@]}"; do
		cat <<-E
		server {
			listen 127.0.0.1:$((tls_port + i)) ssl http2;
			ssl_certificate $dir/$name.pem;
			ssl_certificate_key $dir/$name.key;
			root $T/www;
			$([ -z "$1" ] || sed "s/@HTTP@/$((tls_port + 4))/g" "$1")
		}
		E
		i=$((i + 1))
	done
	echo "server { listen 127.0.0.1:$((tls_port + 4)); root $T/www; }"
}

tls_start() {
	local dir=$T/tls user='' i
	PATH=$PATH:/usr/sbin:/sbin
	[ "$(id -u)" = 0 ] && user='user root;'
	mkdir -p "$T/www"
	for _ in 1 2 3 4 5; do
		tls_port=$((20000 + RANDOM % 10000))
		for i in 0 1 2 3 4; do
			tls_port_free $((tls_port + i)) || continue 2
		done
		cat >"$dir/conf" <<-E
		$user
		daemon off;
		master_process off;
		pid $dir/pid;
		error_log $dir/error.log;
		events { worker_connections 64; }
		http {
			log_format t '\$server_protocol \$uri \$status';
			access_log $dir/access.log t;
			client_body_temp_path $dir/body;
			proxy_temp_path $dir/proxy;
			fastcgi_temp_path $dir/fastcgi;
			uwsgi_temp_path $dir/uwsgi;
			scgi_temp_path $dir/scgi;
			types { application/x-ndjson ndjson; }
			$(tls_blocks "${1:-}")
		}
		E
		nginx -p "$dir" -c "$dir/conf" >"$dir/out" 2>&1 &
		tap_pids+=($!)
		for _ in $(seq 100); do
			tls_port_free $((tls_port + 4)) || return 0
			kill -0 "${tap_pids[-1]}" 2>/dev/null || break
			sleep 0.05
		done
	done
	cat "$dir/out" "$dir/error.log" >&2
	return 1
}
