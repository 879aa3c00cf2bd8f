# shellcheck shell=bash
# A real web server for tests on a free port of the loopback.  Sourced after
# tap.sh; needs nginx.
#
#	nginx_start [FILE]    serve $T/www; FILE has more of the server block,
#	                      in which @PORT@ is the port and @PORT1@ the next
#
# sets $nginx_port and $nginx_url; $T/access.log has a line for each request:
# connection, its requests so far, URI, status, Authorization, X-Key,
# If-None-Match.  It ends with the test, by its pid.

nginx_port_free() {
	! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

nginx_start() {
	local more=${1:-} user=''
	PATH=$PATH:/usr/sbin:/sbin
	[ "$(id -u)" = 0 ] && user='user root;'
	mkdir -p "$T/www" "$T/nginx"
	for _ in 1 2 3 4 5; do
		nginx_port=$((20000 + RANDOM % 10000))
		nginx_port_free "$nginx_port" || continue
		# shellcheck disable=SC2034 # for whoever sources this
		nginx_url=http://127.0.0.1:$nginx_port
		cat >"$T/nginx/conf" <<-E
		$user
		daemon off;
		master_process off;
		pid $T/nginx/pid;
		error_log $T/nginx/error.log;
		events { worker_connections 64; }
		http {
			log_format t '\$connection \$connection_requests \$uri \$status "\$http_authorization" "\$http_x_key" "\$http_if_none_match"';
			access_log $T/access.log t;
			client_body_temp_path $T/nginx/body;
			proxy_temp_path $T/nginx/proxy;
			fastcgi_temp_path $T/nginx/fastcgi;
			uwsgi_temp_path $T/nginx/uwsgi;
			scgi_temp_path $T/nginx/scgi;
			limit_req_zone \$uri zone=slow:64k rate=1r/s;
			types {
				application/json json;
				application/x-ndjson ndjson;
				text/csv csv;
				text/html html;
			}
			server {
				listen 127.0.0.1:$nginx_port;
				root $T/www;
				$([ -n "$more" ] && 
					sed "s/@PORT@/$nginx_port/g;
					s/@PORT1@/$((nginx_port + 1))/g" "$more")
			}
		}
		E
		nginx -p "$T/nginx" -c "$T/nginx/conf" \
			>"$T/nginx/out" 2>&1 &
		tap_pids+=($!)
		for _ in $(seq 100); do
			if ! nginx_port_free "$nginx_port"; then
				: >"$T/access.log"
				return 0
			fi
			kill -0 "${tap_pids[-1]}" 2>/dev/null || break
			sleep 0.05
		done
	done
	cat "$T/nginx/out" "$T/nginx/error.log" >&2
	return 1
}
