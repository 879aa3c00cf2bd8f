#!/usr/bin/env bash
# Every answer of dl-twin-serve is as /openapi.json says: what npm's validators
# make of both.
. tests/tap.sh
. tests/servers/serve.sh
. tests/servers/node.sh

if ! node_have; then
	echo '1..0 # SKIP npm packages are not there (make deps TEST=full)'
	exit 0
fi

printf '%s\n' '{"specversion":"1.0","id":"a1","source":"plant","type":"dl.observation","subject":"pump-7","time":"2024-05-01T10:00:00Z","data":{"rpm":1480,"bar":2.50,"state":{"on":true}}}' \
	'{"specversion":"1.0","id":"a2","source":"plant","type":"dl.observation","subject":"pump-8","time":"2024-05-01T10:00:00Z","recordedtime":"2024-05-01T10:00:01Z","data":{"rpm":null}}' |
	dl-twin-put
dl-token new >/dev/null
secret=$(dl-token client add app --scope twin:read)
serve_start --issue
node_run openapi.mjs "$serve_url" \
	"$(dl-token mint --sub r --scope twin:read --aud dl)" \
	"$(dl-token mint --sub w --scope twin:write --aud dl)" \
	"app:$secret" >"$T/out" 2>"$T/err"
is "$?" 0 'the validator ran'
note "$(cat "$T/err")"
while IFS= read -r line; do
	is "${line%% *}" ok "${line#* }"
done < <(sed 's/^not ok/not/' "$T/out")
serve_stop
done_testing
