#!/usr/bin/env bash
# Pages and cursors: each item once, whatever says where the next page is, and
# each run asks for what came after the last committed one.
. tests/tap.sh
. tests/servers/nginx.sh

cat >"$T/server" <<'E'
default_type application/json;
# Three pages of two, two and one items, and an empty one.
location /page { try_files /p/$arg_page.json /p/none.json; }
location /path/ { alias @T@/www/p/; }
# The same pages, one a second: 503 in between.
location /slow { limit_req zone=slow; try_files /p/$arg_page.json =404; }
location /last { try_files /l/$arg_page.json /l/3.json; }
location /offset { try_files /o/$arg_offset-$arg_limit.json =404; }
location = /link/1 {
	add_header Link '<http://127.0.0.1:@PORT@/x,y;z>; rel="prev"';
	add_header Link '</link/2?a=1,2>; title="a, \\"b\\""; rel="last next"';
	return 200 '[{"id":"l1","args":"$args"}]';
}
location = /link/2 {
	add_header Link '</link/1>; rel=first, <3>; rel=next';
	return 200 '[{"id":"l2","args":"$args"}]';
}
location = /link/3 { return 200 '[{"id":"l3","args":"$args"}]'; }
location = /next/1 { return 200 '{"items":[{"id":"n1"}],"next":"2?q=%20a"}'; }
location = /next/2 { return 200 '{"items":[{"id":"n2"}],"next":"/next/3"}'; }
location = /next/3 { return 200 '{"items":[{"id":"n3"}],"next":null}'; }
location = /loop/1 { return 200 '{"items":[{"id":"1"}],"next":"/loop/2"}'; }
location = /loop/2 { return 200 '{"items":[{"id":"2"}],"next":"/loop/1"}'; }
location = /file { return 200 '{"items":[],"next":"file:///etc/passwd"}'; }
location = /other { return 200
	'{"items":[{"id":"$http_x_key"}],"next":"http://localhost:@PORT@/else"}'; }
location = /else { return 200 '{"items":[{"id":"none$http_x_key"}]}'; }
location = /token {
	if ($arg_after = '') { return 200 '{"l":[{"id":"a"}],"c":"x/y+z="}'; }
	if ($arg_after = 'x%2Fy%2Bz%3D') { return 200 '{"l":[{"id":"b"}],"c":7}'; }
	if ($arg_after = '7') { return 200 '{"l":[{"id":"c"}]}'; }
	return 404;
}
location = /empty { return 204; }
# What was asked for, and an item that the cursor is taken from.
location = /since { return 200 '[{"id":"$args","at":"2026-03-01T10:00:00Z"}]'; }
location = /post {
	proxy_set_header X-Body $request_body;
	proxy_pass http://127.0.0.1:@PORT@/body;
}
location = /body { return 200 '[{"id":"$http_x_body","at":"2026-03-01T10:00:00Z"}]'; }
location = /asked { return 200 '[{"id":"$arg_page","s":"$arg_s"}]'; }
location = /head { return 200 '[{"id":"$http_since","n":17}]'; }
E
sed -i "s#@T@#$T#g" "$T/server"
mkdir -p "$T/www/p" "$T/www/o" "$T/www/l"
echo '[{"id":"1"},{"id":"2"}]' | tee "$T/www/p/1.json" >"$T/www/o/0-2.json"
echo '[{"id":"3"},{"id":"4"}]' | tee "$T/www/p/2.json" >"$T/www/o/2-2.json"
echo '[{"id":"5"}]' | tee "$T/www/p/3.json" >"$T/www/o/4-2.json"
echo '[]' | tee "$T/www/p/none.json" >"$T/www/p/4.json"
cp "$T"/www/p/[123].json "$T/www/l"
nginx_start "$T/server" || exit 1

spec() { # NAME PATH LINE...
	local name=$1 path=$2
	shift 2
	printf '%s\n' "name: $name" "url: '$nginx_url$path'" 'subject: .id' \
		"$@" >"$T/$name.yaml"
}
run() { # NAME: its events to $T/events, committed
	: >"$T/access.log"
	dl-source "$T/$1.yaml" | tee "$T/events" | grep dl.checkpoint |
		dl-commit
	return "${PIPESTATUS[0]}"
}
subjects() {
	jq -r 'select(.type == "dl.record") | .subject' "$T/events" |
		paste -sd' '
}
asked() { cut -d' ' -f3,4 "$T/access.log" | paste -sd,; }
requests() { wc -l <"$T/access.log"; }
walks() { # NAME WANT TITLE
	status 0 "$3" run "$1"
	is "$(subjects)" "$2" "$3: the items"
	is "$(cat "$T/err")" '' "$3: nothing is said"
}

# Each way of paging.
spec page /page 'pages: {by: page, param: page}'
walks page '1 2 3 4 5' 'by page'
is "$(requests)" 4 'by page: the empty one ends it'
spec size '/page?x=y' 'pages: {by: page, param: page, size: 2}'
walks size '1 2 3 4 5' 'by page of a size'
is "$(requests)" 3 'by page of a size: the short one ends it'
spec path '/path/{page}.json' 'pages: {by: page}'
walks path '1 2 3 4 5' 'by page in the path'
is "$(asked)" \
	'/path/1.json 200,/path/2.json 200,/path/3.json 200,/path/4.json 200' \
	'by page in the path: what was asked'
is "$(jq -r 'select(.subject == "5").dlorigin' "$T/events")" \
	"$nginx_url/path/3.json" 'and an event says of which page it is'
spec offset /offset \
	'pages: {by: offset, param: offset, size: 2, size_param: limit}'
walks offset '1 2 3 4 5' 'by offset'
spec link '/link/1?k=v' 'pages: {by: link}'
walks link 'l1 l2 l3' 'by link'
is "$(jq -r 'select(.type == "dl.record") | .data.args' "$T/events" |
	paste -sd,)" 'k=v,a=1,2,' 'by link: the URLs as the server says them'
spec next /next/1 'pages: {by: next, next: .next}' 'items: .items'
walks next 'n1 n2 n3' 'by next'
spec token '/token' 'pages: {by: cursor, next: .c, param: after}' 'items: .l'
walks token 'a b c' 'by cursor'
spec empty /empty 'pages: {by: page, param: page}'
walks empty '' 'no content'
is "$(requests)" 1 'no content ends it'

# Where one ends that would not.
spec last /last 'pages: {by: page, param: page}'
status 0 'the last page again and again' run last
is "$(subjects)" '1 2 3 4 5' 'its items come once'
like "$(cat "$T/err")" 'last.yaml:4: page 4 is the same as an earlier one' \
	'and that is said'
spec loop /loop/1 'pages: {by: next, next: .next}' 'items: .items'
status 0 'pages in a ring' run loop
is "$(subjects)" '1 2' 'are walked once'
like "$(cat "$T/err")" 'page 2 leads to an earlier one' 'and that is said'
spec max /page 'pages: {by: page, param: page, max: 2}'
status 0 'more pages than max' run max
is "$(subjects)" '1 2 3 4' 'keep what came'
like "$(cat "$T/err")" "max.yaml:4: page 2 is the last that 'max' allows" \
	'and that is said'

# A cursor goes on past the pages that came only where they are in its order.
for order in '.id | tonumber' '9 - (.id | tonumber)'; do
	spec order '/asked?s={cursor}' 'pages: {by: page, param: page, max: 2}' \
		"cursor: {value: $order, start: 0}"
	rm -rf "$DL_HOME/sources/order" "$DL_HOME/commits/source.order"
	run order 2>/dev/null
	status 0 "a cursor of $order, where 'max' leaves pages out" run order
	case $order in
	.*) asked=2 ;;
	*)
		asked=0
		like "$(cat "$T/err")" "order.yaml:5: 'cursor' stays where it is" \
			'... is said'
		;;
	esac
	is "$(jq -r 'select(.type == "dl.record") | .data.s' "$T/events" | sort -u)" \
		"$asked" "... asks from $asked on"
done

# Where a server may not lead us.
spec file /file 'pages: {by: next, next: .next}' 'items: .items'
status 65 'a next page of file:' run file
like "$(cat "$T/err")" 'page 1 leads from http to a URL of file' 'is refused'
spec other /other 'pages: {by: next, next: .next}' 'items: .items' \
	'headers: {X-Key: "env:KEY"}'
KEY=mine walks other 'mine none' \
	'a next page of another host is asked for without our header'

# A page that fails is asked for again, and those before it are not.
spec slow /slow 'pages: {by: page, param: page, max: 2}' 'retries: 9'
status 0 'a page that fails for a while' run slow
is "$(subjects)" '1 2 3 4' 'each item comes once'
like "$(cat "$T/err")" 'HTTP status 503; trying again' 'it was asked again'
is "$(grep -c ' 200 ' "$T/access.log")" 2 'and each page was got once'

# One that breaks off in its middle leaves no items behind.
printf '[{"id":"1"},{"id":"2"}%500s]' '' >"$T/cut"
for how in length close; do
	"$BUILD/servers/cutter" "$T/cut" >"$T/port.$how" &
	tap_pids+=($!)
	soon test -s "$T/port.$how"
	spec cut /x 'pages: {by: link}'
	sed -i "s#^url: .*#url: http://127.0.0.1:$(cat "$T/port.$how")/once-$how#" \
		"$T/cut.yaml"
	status 0 "a page that breaks off once ($how)" run cut
	is "$(subjects)" '1 2' "each item comes once ($how)"
	like "$(cat "$T/err")" 'trying again' "after another try ($how)"
done

# A walk that fails for good is no position: the next run begins again.
spec gone '/path/{page}.json' 'pages: {by: page}' 'only_changed: true'
mv "$T/www/p/3.json" "$T/www/p/3.gone"
status 78 'a page that is not there' run gone
is "$(subjects)" '1 2 3 4' 'what came before it is passed on'
mv "$T/www/p/3.gone" "$T/www/p/3.json"
status 0 'once it is there' run gone
is "$(subjects)" '1 2 3 4 5' 'all of it comes'
status 0 'and a third time' run gone
is "$(subjects)" '' 'nothing'

# Too long a page.
spec long /page 'pages: {by: page, param: page}' 'max_document: 64'
head -c 100 /dev/zero | tr '\0' ' ' >>"$T/www/p/2.json"
status 65 'a page longer than max_document' run long
like "$(cat "$T/err")" "a page is longer than 'max_document', 64 bytes" \
	'is told'
echo '[{"id":"3"},{"id":"4"}]' >"$T/www/p/2.json"

# Cursors: what is kept is asked for, once it is committed.
asks() { # NAME WANT TITLE
	status 0 "$3" run "$1"
	is "$(subjects)" "$2" "$3: what was asked"
}
spec since '/since?s={cursor}' \
	'cursor: {value: .at, start: 2020-01-01T00:00:00Z, overlap: 5m}'
dl-source "$T/since.yaml" >"$T/events"
is "$(subjects)" 's=2020-01-01T00%3A00%3A00Z' 'the first run asks from start'
asks since 's=2020-01-01T00%3A00%3A00Z' 'what was not committed is asked again'
asks since 's=2026-03-01T09%3A55%3A00Z' 'the greatest less the overlap'
asks since 's=2026-03-01T09%3A55%3A00Z' 'it stays'
dl-source --dry-run "$T/since.yaml" >"$T/events" 2>"$T/err"
is "$(subjects)" 's=2026-03-01T09%3A55%3A00Z' 'a dry run asks the same'
spec short '/since?s={cursor:%Y%m%d}' \
	'cursor: {value: .at, start: 2020-01-01T00:00:00Z}'
asks short 's=20200101' 'a cursor by a format'
asks short 's=20260301' 'what was kept, by a format'
spec ahead '/since?s={cursor}' \
	'cursor: {value: .at, start: 2020-01-01T00:00:00Z}'
DL_NOW=2026-02-01T00:00:00Z status 0 'a time to come' run ahead
like "$(cat "$T/err")" "ahead.yaml:4: 'cursor' gives 2026-03-01T10:00:00Z, which is yet to come" \
	'is told'
asks ahead 's=2020-01-01T00%3A00%3A00Z' 'it was not kept'
spec head /head 'cursor: .n' 'headers: {Since: "{cursor}", Accept: "*/*"}'
asks head null 'a cursor in a header, empty at first'
asks head 17 'a cursor in a header'

spec post /post 'body: "s={cursor:s}&p={page}"' 'pages: {by: page, max: 2}' \
	'cursor: {value: .at, start: 2020-01-01T00:00:00Z}'
asks post 's=1577836800&p=1 s=1577836800&p=2' 'a body of names'
asks post 's=1772359200&p=1 s=1772359200&p=2' 'a body of names, once more'

# Validators are those of the same request.
echo '[{"id":"1","n":7}]' >"$T/www/etag.json"
spec etag '/etag.json?n={cursor}' 'cursor: {value: .n, start: 0}'
for want in 200 200 304; do
	status 0 "an answer of $want" run etag
	is "$(asked)" "/etag.json $want" 'is what the server gives'
done

# In pages that go backwards the greatest counts at the end of the walk alone.
spec back '/path/{page}.json?{cursor}' 'pages: {by: page}' \
	'cursor: {value: .id, start: 0}'
mv "$T/www/p/3.json" "$T/www/p/3.gone"
status 78 'a walk with a cursor that fails' run back
is "$(find "$T/home/sources/back" -type f -exec cat {} + | grep -c cursor)" 0 \
	'keeps no cursor'
mv "$T/www/p/3.gone" "$T/www/p/3.json"
status 0 'one that goes well' run back
is "$(find "$T/home/sources/back" -type f -exec cat {} + | grep -c cursor)" 1 \
	'does'

# In pages by another order the greatest may come with the last that 'max' allows,
# and what it would leave behind after that.
echo '[{"id":"5"},{"id":"9"}]' >"$T/www/p/u1.json"
echo '[{"id":"3"},{"id":"99"}]' >"$T/www/p/u2.json"
echo '[{"id":"7"}]' >"$T/www/p/u3.json"
spec mixed '/path/u{page}.json?{cursor}' 'pages: {by: page, size: 2, max: 2}' \
	'cursor: {value: .id, start: 0}'
status 0 'pages that are not in the order of a cursor' run mixed
like "$(cat "$T/err")" "mixed.yaml:5: 'cursor' stays where it is" \
	'and leave some out are told'
is "$(find "$T/home/sources/mixed" -type f -exec cat {} + | grep -c cursor)" 0 \
	'it is not kept'
spec mixed '/path/u{page}.json?{cursor}' 'pages: {by: page, size: 2, max: 3}' \
	'cursor: {value: .id, start: 0}'
status 0 'with a greater max' run mixed
is "$(find "$T/home/sources/mixed" -type f -exec cat {} + | grep -c cursor)" 1 \
	'it is'

# What is wrong is told offline, with its line.
wrong() { # WANT LINE...
	local want=$1
	shift
	printf '%s\n' 'name: w' "$@" >"$T/w.yaml"
	dl-source --check "$T/w.yaml" >"$T/out" 2>"$T/err"
	is "$? $(sed "s#^dl-source: $T/##" "$T/err")" "78 $want" "told: $want"
}
u='url: http://h/'
wrong "w.yaml:3: 'by' is \"pag\", expected next, link, page, offset or cursor (did you mean 'page'?)" \
	"$u" 'pages: {by: pag}'
wrong "w.yaml:3: 'next' is needed: a jq expression on the whole page" \
	"$u" 'pages: {by: next}'
wrong "w.yaml:2: 'url' has '{curser}', which is none of {cursor}, {from}, {to} and {page} (a brace of its own is %7B)" \
	"$u?{curser}"
wrong "w.yaml:2: 'url' has '{cursor}' before its path: what comes from a server can't choose the host" \
	'url: http://{cursor}/' 'cursor: .a'
wrong "w.yaml:2: 'url' (or 'body', or a header) has {cursor}, and there is no 'cursor'" \
	"$u?{cursor}"
wrong "w.yaml:3: 'cursor' is asked for nowhere: write {cursor} into 'url', 'body' or a header" \
	"$u" 'cursor: .a'
wrong "w.yaml:2: 'url' (or 'body', or a header) has {page}, and there are no 'pages' by page, offset or cursor" \
	"$u?{page}" 'pages: {by: link}'
wrong "w.yaml:3: 'cursor' is for http, https and exec" \
	'url: file:///x{cursor}' 'cursor: .a'
wrong "w.yaml:3: 'pages' is for http and https" \
	'url: file:///x{page}' 'pages: {by: page}'
wrong "w.yaml:3: 'stream' has no end: 'cursor', 'window' and 'pages' are for what is asked again and again" \
	"$u" 'stream: true' 'format: sse' 'pages: {by: link}'

done_testing
