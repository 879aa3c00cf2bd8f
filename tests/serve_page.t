#!/usr/bin/env bash
# The page's three files, and what a browser is told of them.  What they do there
# is for page.t, which needs a browser.
. tests/tap.sh
. tests/servers/serve.sh

echo '{"specversion":"1.0","id":"1","source":"s","type":"dl.observation","time":"2026-01-01T00:00:00Z","subject":"c","data":{"m":1}}' |
	dl-twin-put || exit 1
serve_start --open || exit 1

get() { # PATH [CURL'S ARG...]
	rm -f "$T/body"
	curl -s -m 20 -D "$T/head" -o "$T/body" "$serve_url$1" "${@:2}"
	tr -d '\r' <"$T/head" >"$T/lines"
}
header() {
	sed -n "s/^$1: //ip" "$T/lines"
}
code() {
	sed -n '1s/HTTP.1.1 \([0-9]*\).*/\1/p' "$T/lines"
}

for pair in '/ index.html text/html' '/page.js page.js text/javascript' \
	'/page.css page.css text/css'; do
	read -r path file type <<<"$pair"
	get "$path"
	is "$(code) $(header Content-Type)" "200 $type; charset=utf-8" "$path"
	is "$(cmp "$T/body" "lib/page/$file" && echo same)" same \
		'is what is in the program'
	is "$(header Content-Security-Policy)" \
		"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" \
		'with a strict policy'
	is "$(header Referrer-Policy) $(header Cross-Origin-Opener-Policy) $(header Cross-Origin-Resource-Policy) $(header X-Content-Type-Options)" \
		'no-referrer same-origin same-origin nosniff' 'and others'
	like "$(header Permissions-Policy)" 'camera=\(\)' 'of the browser'
	tag=$(header ETag)
	get "$path" -H "If-None-Match: $tag"
	is "$(code) $([ -s "$T/body" ] || echo nothing)" '304 nothing' \
		'once is enough'
	get "$path" -I
	is "$(code) $(header Content-Length)" "200 $(wc -c <"lib/page/$file")" \
		'HEAD'
	get "$path" --compressed
	is "$(code) $(header Content-Encoding) $(cmp "$T/body" "lib/page/$file" && echo same)" \
		'200 gzip same' 'and packed'
done
get /favicon.ico
is "$(code)" 204 'no other icon'
get / -X POST -d x
is "$(code)" 405 'the page is for reading'

# What the policy would refuse, and what must be text.
is "$(sed "s/xmlns='[^']*'//" lib/page/index.html |
	grep -cE '<style|style=|<script>| on[a-z]+=|https?://')" 0 'nothing inline, and nothing from elsewhere'
is "$(grep -cE 'innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function|localStorage|sessionStorage|document\.cookie' \
	lib/page/page.js)" 0 'names are text, and nothing is kept'

done_testing
