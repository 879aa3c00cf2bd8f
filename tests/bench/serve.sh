# shellcheck shell=bash
# Requests a second of dl-twin-serve, beside nginx that says the same bytes by
# `return 200`; sourced by run, which sets $dir, $rounds and $seconds.
#
#	bench_serve     prints a table
#
# shellcheck disable=SC2154 # run sets them

serve_pids=()
serve_stop() {
	[ ${#serve_pids[@]} = 0 ] || kill "${serve_pids[@]}" 2>/dev/null || :
	[ ${#serve_pids[@]} = 0 ] || wait "${serve_pids[@]}" 2>/dev/null || :
	serve_pids=()
}

# Wait until FILE has a line that matches, and print what is in its first group.
serve_wait() { # FILE PATTERN
	local i
	for ((i = 0; i < 200; i++)); do
		sed -nE "s|.*$2.*|\1|p" "$1" | grep -m 1 . && return
		sleep 0.05
	done
	cat "$1" >&2
	return 1
}

# A twin of a thousand components, a server with tokens and one without.
serve_start() {
	local i
	rm -rf "$DL_HOME"
	for ((i = 0; i < 1000; i++)); do
		printf '{"specversion":"1.0","id":"i%d","source":"bench","type":"dl.observation","subject":"wagon-%d","time":"2026-11-01T12:00:00.000Z","recordedtime":"2026-11-01T12:00:01.000Z","data":{"position":[13.4,52.5],"speed":%d.5}}\n' \
			"$i" "$i" "$i"
	done | dl-twin-put
	dl-token new >/dev/null
	token=$(dl-token mint --sub bench --scope twin:read --aud dl --ttl 1h)
	cat >"$dir/serve.yaml" <<-E
	listen: 127.0.0.1:0
	issue: true
	audience: dl
	access_log: "off"
	E
	dl-twin-serve -c "$dir/serve.yaml" 2>"$dir/serve.log" &
	serve_pids+=($!)
	url=$(serve_wait "$dir/serve.log" '(http://[0-9.:]+)')
}

serve_nginx_start() { # BODY
	local port
	PATH=$PATH:/usr/sbin
	mkdir -p "$dir/nginx"
	for port in 21811 22822 23833 24844; do
		! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || continue
		cat >"$dir/nginx/conf" <<-E
		daemon off;
		worker_processes auto;
		pid $PWD/$dir/nginx/pid;
		error_log $PWD/$dir/nginx/error.log;
		events { worker_connections 1024; }
		http {
			access_log off;
			keepalive_requests 100000000;
			client_body_temp_path $PWD/$dir/nginx/body;
			proxy_temp_path $PWD/$dir/nginx/proxy;
			fastcgi_temp_path $PWD/$dir/nginx/fastcgi;
			uwsgi_temp_path $PWD/$dir/nginx/uwsgi;
			scgi_temp_path $PWD/$dir/nginx/scgi;
			server {
				listen 127.0.0.1:$port;
				default_type application/json;
				return 200 '$1\n';
			}
		}
		E
		nginx -p "$PWD/$dir/nginx" -c "$PWD/$dir/nginx/conf" \
			2>"$dir/nginx/out" &
		serve_pids+=($!)
		nginx=http://127.0.0.1:$port
		serve_ready "$nginx" && return
	done
	cat "$dir/nginx/out" >&2
	return 1
}

serve_ready() { # URL
	local i
	for ((i = 0; i < 100; i++)); do
		curl -fs -o "$dir/answer" "$1" && return
		sleep 0.05
	done
	return 1
}

# Requests a second; anything but a success is a failure of the benchmark.
serve_wrk() { # URL
	wrk -t2 -c64 -d "${seconds}s" -H "Authorization: Bearer $token" "$1" \
		>"$dir/wrk"
	! grep -E 'Non-2xx|Socket errors' "$dir/wrk" >&2 || return 1
	awk '/^Requests\/sec:/ { printf "%.0f", $2 }' "$dir/wrk"
}

# The time that 99 of 100 took, in ms, at so many requests a second.
serve_paced() { # RATE URL
	h2load --h1 -t 1 -c 32 --rps "$(($1 / 32))" -D "$seconds" \
		-H "Authorization: Bearer $token" --log-file "$dir/paced" \
		"$2" >/dev/null
	awk '$2 != 200 { exit 1 } { print $3 }' "$dir/paced" | sort -n |
		awk '{ t[NR] = $1 } END { if (NR == 0) exit 1
			printf "%.2f %.2f %d\n", t[int(NR / 2) + 1] / 1000,
			    t[int(NR * 0.99) + 1] / 1000, NR }'
	rm -f "$dir/paced"
}

bench_serve() {
	local token url nginx target mine=() theirs=() i rate its median most n
	serve_start
	target=$url/v1/components/wagon-500/metrics/position
	curl -fs -H "Authorization: Bearer $token" "$target" >"$dir/record"
	serve_nginx_start "$(cat "$dir/record")"
	cmp "$dir/record" "$dir/answer"
	for ((i = 0; i < rounds; i++)); do
		mine+=("$(serve_wrk "$target")")
		theirs+=("$(serve_wrk "$nginx/")")
	done
	rate=$(median "${mine[@]}") its=$(median "${theirs[@]}")
	read -r median most n < <(serve_paced "$((rate / 2))" "$target")
	echo '| dl-twin-serve, GET of one metric | requests/s | nginx, return 200 of it | ratio | wanted | at half that load: requests | median, ms | 99 of 100, ms |'
	echo '|---|---|---|---|---|---|---|---|'
	printf '| tokens checked, 64 connections kept, wrk on the same two cores | %s | %s | %s | 0.5 | %s | %s | %s |\n' \
		"$rate" "$its" \
		"$(awk "BEGIN { printf \"%.2f\", $rate / $its }")" \
		"$n" "$median" "$most"
	serve_stop
}
