#!/usr/bin/env bash
# dl-source proves who asks, to a real nginx: by password, token, key, OAuth 2.0,
# certificate and AWS's signature; every secret is a reference, and none is seen.
# shellcheck disable=SC2016 # references and nginx's own variables
. tests/tap.sh
. tests/servers/nginx.sh

# What must never be seen: all secrets have this in them.
H=hunter2

spec() { # NAME PATH LINE...
	printf '%s\n' "name: $1" "url: ${base:-$nginx_url}$2" 'items: .l' \
		'retries: 0' "${@:3}" >"$T/$1.yaml"
}
# How many events it gets, and its status; what it says is in $T/err.
got() { # NAME
	local n
	n=$(dl-source -v "$T/$1.yaml" 2>"$T/err" | tee -a "$T/events" |
		grep -c dl.record
		exit "${PIPESTATUS[0]}")
	echo "$n $?"
	cat "$T/err" >>"$T/all.err"
}
# The line of an error.
said() { grep -v '^dl-source: .* in, ' "$T/err"; }

mkdir -p "$T/www/d" "$T/www/tokens" "$T/www/t"
echo '{"l":[1,2]}' >"$T/www/d/a.json"
printf 'me:%s\n' "$(openssl passwd -apr1 "$H-basic")" >"$T/users"
# A form has the client and its secret escaped: "a b" and "hunter2/+".
printf 'a%%20b:%s\n' "$(openssl passwd -apr1 "$H%2F%2B")" >"$T/clients"
echo '{"error":"invalid_client","error_description":"hunter2"}' \
	>"$T/www/invalid.json"
token() { # TOKEN LIFE
	printf '{"access_token":"%s","token_type":"bearer","expires_in":%s}' \
		"$1" "$2" >"$T/t.new"
	mv "$T/t.new" "$T/www/t/token.json"
}
accept() { # TOKEN
	: >"$T/www/tokens/Bearer $1"
	find "$T/www/tokens" -type f ! -name "Bearer $1" -delete
}

certificate() { # NAME SIGNER
	openssl req -newkey rsa:2048 -nodes -keyout "$T/$1.key" \
		-out "$T/$1.csr" -subj "/CN=$1" >"$T/x" 2>&1
	printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >"$T/ext"
	openssl x509 -req -in "$T/$1.csr" -CA "$T/$2.pem" -CAkey "$T/$2.key" \
		-CAcreateserial -days 2 -extfile "$T/ext" -out "$T/$1.pem" \
		>"$T/x" 2>&1
}
for ca in ca ca2; do
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/$ca.key" \
		-out "$T/$ca.pem" -days 2 -subj "/CN=$ca" >"$T/x" 2>&1
done
certificate server ca
certificate client ca2
certificate other ca
openssl rsa -aes256 -passout "pass:$H-pem" -in "$T/client.key" \
	-out "$T/locked.key" >"$T/x" 2>&1

# The formats of logs stand outside of a server: nginx.sh's own one ends before.
cat >"$T/server" <<'E'
	}
	log_format token escape=json '$request_method $http_authorization $content_type $request_body';
	log_format seen '$http_authorization|$http_x_api_key|$http_x_amz_date|$args|';
	log_format aws escape=json '{"method":"$request_method","uri":"$request_uri","host":"$http_host","authorization":"$http_authorization","date":"$http_x_amz_date","payload":"$http_x_amz_content_sha256","token":"$http_x_amz_security_token","key":"$http_x_key","accept":"$http_accept","type":"$content_type","body":"$request_body"}';
	server {
	server_name 127.0.0.1 localhost;
	root @T@/www;
	listen 127.0.0.1:@PORT@;
	listen 127.0.0.1:@PORT1@ ssl;
	ssl_certificate @T@/server.pem;
	ssl_certificate_key @T@/server.key;
	ssl_client_certificate @T@/ca2.pem;
	ssl_verify_client on;
	location /basic { alias @T@/www/d; auth_basic x; auth_basic_user_file @T@/users; }
	location /bearer { if ($http_authorization != "Bearer hunter2-bearer") { return 401; } alias @T@/www/d; }
	location /header { if ($http_x_api_key != "hunter2-header") { return 403; } alias @T@/www/d; }
	location /query { if ($args !~* "^page=1&api%20key=hunter2%2Fq%26$") { return 403; } alias @T@/www/d; }
	location /token { proxy_pass http://127.0.0.1:@PORT@/issue; access_log @T@/token.log token; }
	location /issue {
		access_log off;
		auth_basic x;
		auth_basic_user_file @T@/clients;
		error_page 405 =200 $uri;
		error_page 401 /invalid.json;
		alias @T@/www/t;
	}
	location = /invalid.json { error_page 405 =200 $uri; }
	location = /body.json { proxy_pass http://127.0.0.1:@PORT@/t/token.json; access_log @T@/body.log token; }
	location /t { access_log off; error_page 405 =200 $uri; }
	location /protected {
		if (!-f "@T@/www/tokens/$http_authorization") { return 401; }
		alias @T@/www/d;
	}
	location /away { return 302 http://localhost:@PORT@/seen/a.json; }
	location /seen { access_log @T@/seen.log seen; alias @T@/www/d; }
	location /aws { access_log @T@/aws.log aws; proxy_pass http://127.0.0.1:@PORT@/plain; }
	location /plain { access_log off; error_page 405 =200 $uri; alias @T@/www/d; }
E
sed -i "s|@T@|$T|g" "$T/server"
nginx_start "$T/server" || exit 1

# Basic
spec basic /basic/a.json 'auth: {basic: {user: me, password: secret:pw}}'
is "$(got basic)" '0 78' 'a secret that is not there'
is "$(said)" "dl-source: 'secret:pw': there is no such secret: 'dl-secret put --group basic pw' puts it there" \
	'... and how it comes there'
printf '%s\n' "$H-wrong" | dl-secret put --group basic pw
is "$(got basic)" '0 77' 'a wrong password'
like "$(said)" 'basic/a.json: HTTP status 401: check the credentials' \
	'... is told as such'
printf '%s\n' "$H-basic" | dl-secret put --group basic pw
is "$(got basic)" '2 0' 'a password from dl-secret'
dl-secret key basic >"$T/basic.key"
chmod 600 "$T/basic.key"
mv "$DL_HOME/keys" "$T/keys"
rm -rf "$DL_HOME/sources"
is "$(got basic)" '0 78' 'no key for dl-secret'
is "$(DL_SECRET_KEY=$T/basic.key got basic)" '2 0' \
	'the key of its group is enough'
rm -rf "$DL_HOME/sources"
is "$(DL_SECRET_KEY_COMMAND="cat '$T/basic.key'" got basic)" '2 0' \
	'a command that prints it, too'
mv "$T/keys" "$DL_HOME/keys"
DL_SECRET_KEY=$T/basic.key dl-secret ls >"$T/out"
is "$(jq -r .group "$T/out")" basic 'dl-secret takes the same variables'
DL_SECRET_KEY=$T/basic.key dl-secret ls --key "$DL_HOME/keys/master" >"$T/out"
is $? 0 'and its options before them'
status 64 'both of them' env DL_SECRET_KEY=x DL_SECRET_KEY_COMMAND=y dl-secret ls

# Bearer, by each kind of reference
echo "$H-bearer" >"$T/token"
chmod 600 "$T/token"
export BEARER=$H-bearer CREDENTIALS_DIRECTORY=$T
for ref in "file:$T/token" env:BEARER cred:token "cmd:cat '$T/token'"; do
	spec bearer /bearer/a.json "auth: {bearer: \"$ref\"}"
	is "$(got bearer)" '2 0' "bearer: ${ref//$T/T}"
	rm -rf "$DL_HOME/sources"
done
unset CREDENTIALS_DIRECTORY
spec bearer /bearer/a.json "auth: {bearer: file:$T/token}"
chmod 644 "$T/token"
is "$(got bearer)" '0 77' 'a file that others may read'
like "$(said)" "'file:$T/token': has mode 0644: others may use it" '... why'
chmod 600 "$T/token"
printf '%s\nX-Evil: 1\n' "$H-bearer" >"$T/token"
is "$(got bearer)" '0 78' 'a token with a line break'
spec bearer /bearer/a.json 'auth: {bearer: "cmd:echo hunter2-x; exit 7"}'
is "$(got bearer)" '0 75' 'a command that fails'
is "$(said)" "dl-source: 'cmd:echo …': ended with status 7" '... is told'

spec bearer /bearer/a.json "auth: {bearer: 'cmd:echo \$\$ >$T/pid; sleep 600; :'}"
dl-source "$T/bearer.yaml" >"$T/out" 2>"$T/err" &
pid=$!
tap_pids+=("$pid")
soon [ -s "$T/pid" ]
kill "$pid"
wait "$pid"
is $? 0 'ended while a command is waited for'
gone() { ! kill -0 "$(cat "$T/pid")"; }
soon gone
is $? 0 '... which is ended too'

# A secret that was changed where it is: asked for again, after a 401.
spec changed /protected/a.json "auth: {bearer: file:$T/changing}" 'every: 1s'
(umask 077; echo "$H-one" >"$T/changing")
accept "$H-one"
dl-source -f "$T/changed.yaml" 2>"$T/err" >"$T/changed" &
pid=$!
tap_pids+=("$pid")
records() { [ "$(grep -c dl.record "$T/changed")" -ge "$1" ]; }
soon records 2
is "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "dl-source -f $T/changed.yaml " \
	'nothing for ps to show'
like "$(cat "/proc/$pid/limits")" 'Max core file size *0 *0 ' 'no core file'
echo "$H-two" >"$T/changing.new" && chmod 600 "$T/changing.new"
mv "$T/changing.new" "$T/changing"
accept "$H-two"
echo '{"l":[1,2,3]}' >"$T/www/d/a.json"
soon records 5
is $? 0 'a token that was replaced is found anew'
kill "$pid"
wait "$pid" 2>/dev/null
is "$(cat "$T/err")" '' '... without a word'
cat "$T/changed" >>"$T/events"

# A key in a header, and in the query
spec header /header/a.json 'auth: {header: {name: X-Api-Key, value: env:K}}'
is "$(K=$H-header got header)" '3 0' 'a key in a header'
is "$(K=$H-wrong got header)" '0 77' 'a wrong one'
spec byref /header/a.json 'headers: {X-Api-Key: env:K, Accept: text/x}'
is "$(K=$H-header got byref)" '3 0' 'a header that is a reference'
spec query '/query/a.json?page=1' \
	'auth: {query: {name: api key, value: env:K}}'
is "$(K=$H'/q&' got query)" '3 0' 'a key in the query'
is "$(K=$H-wrong got query)" '0 77' 'a wrong one'
is "$(grep -c "$H" "$T/all.err")" 0 '... is not told with the URL'

# OAuth 2.0
client() { # NAME URL LINE
	spec "$1" /protected/a.json 'auth: {oauth2: {token_url: "'"$2"'",
 client_id: a b, client_secret: env:S, scope: r w'"${3:-}"'}}' 'every: 1s'
}
export S=$H/+
token "$H-t1" 3600
accept "$H-t1"
client oauth "$nginx_url/token/token.json"
is "$(got oauth)" '3 0' 'a token is asked for'
is "$(cut -d' ' -f1,4- "$T/token.log")" \
	'POST application/x-www-form-urlencoded grant_type=client_credentials&scope=r%20w' \
	'... as RFC 6749 has it'
rm -rf "$DL_HOME/sources"
: >"$T/token.log"
: >"$T/access.log"
dl-source -f "$T/oauth.yaml" 2>"$T/err" >"$T/changed" &
pid=$!
tap_pids+=("$pid")
polls() { [ "$(grep -c '/protected/a.json' "$T/access.log")" -ge "$1" ]; }
soon polls 2
is "$(wc -l <"$T/token.log")" 1 'once for several requests'
token "$H-t2" 0
accept "$H-t2"
echo '{"l":[1,2,3,4]}' >"$T/www/d/a.json"
soon records 7
is $? 0 'a token that is refused is got anew'
: >"$T/token.log"
: >"$T/access.log"
soon polls 2
like "$(wc -l <"$T/token.log")" '^[1-9]' 'one that has expired is not used'
is "$(grep -c ' 401 ' "$T/access.log")" 0 '... at all'
kill "$pid"
wait "$pid" 2>/dev/null
is "$(cat "$T/err")" '' '... without a word'
cat "$T/changed" >>"$T/events"
token "$H-t3" 60
is "$(got oauth)" '0 77' 'a token that is of no use'
is "$(S=$H-wrong got oauth)" '0 77' 'a wrong secret of the client'
is "$(said)" \
	"dl-source: 'auth.oauth2': $nginx_url/token/token.json: the server says invalid_client" \
	'... is told by its code'
accept "$H-t3"
client inbody "$nginx_url/body.json" ', style: body, audience: x'
is "$(got inbody)" '4 0' 'the client in the body'
is "$(cut -d' ' -f4 "$T/body.log")" \
	'grant_type=client_credentials&scope=r%20w&audience=x&client_id=a%20b&client_secret=hunter2%2F%2B' \
	'... as RFC 6749 has it'
client none "$nginx_url/none"
is "$(got none)" '0 78' 'a token URL where nothing is'
client nowhere http://127.0.0.1:1/token
is "$(got nowhere)" '0 75' 'a token server that is not there'
client page "$nginx_url/plain/a.json"
is "$(got page)" '0 65' 'an answer that is no token'
is "$(said)" "dl-source: 'auth.oauth2': the answer has no 'access_token'" \
	'... is told'
for url in http://h.invalid/t "https://u:$H@h.invalid/t"; do
	client unsafe "$url"
	is "$(got unsafe)" '0 78' "no token from ${url/$H/...}"
done

# Mutual TLS
base=https://localhost:$((nginx_port + 1))
spec tls /plain/a.json "tls: {ca: $T/ca.pem, cert: $T/client.pem, key: $T/client.key}"
is "$(got tls)" '4 0' 'a certificate of our own'
spec locked /plain/a.json "tls: {ca: $T/ca.pem, cert: $T/client.pem,
 key: $T/locked.key, key_password: env:PEM}"
is "$(PEM=$H-pem got locked)" '4 0' 'its key has a password'
is "$(PEM=$H-wrong got locked)" '0 78' 'a wrong password'
spec tls0 /plain/a.json "tls: {ca: $T/ca.pem}"
is "$(got tls0)" '0 78' 'no certificate is not enough'
spec tls1 /plain/a.json "tls: {ca: $T/ca.pem, cert: $T/other.pem, key: $T/other.key}"
is "$(got tls1)" '0 78' 'nor is one that another has signed'
unset base

# AWS's signature, recomputed by Python from what nginx saw
aws() { # NAME PATH SERVICE LINE...
	spec "$1" "$2" 'auth: {sigv4: {region: eu-west-1, service: '"$3"',
 access_key: env:AK, secret_key: env:SK, session_token: env:ST}}' "${@:4}"
}
export AK=AKID SK=$H/SECRET+KEY ST=$H//token==
aws s3 '/aws/a.json?b=2&acl&a=%C3%A4&a-x=+' s3 'headers: {X-Key: "  a   b ", Accept: "*/*"}'
is "$(got s3)" '4 0' 'a signed request'
aws es '/aws/a.json?_x=1' es 'headers: {X-Key: env:SK}' 'method: POST' 'body: a=1'
is "$(got es)" '4 0' 'a signed request with a body'
aws odd '/aws/./x/../a%2Ejson' s3 'headers: {Content-Type: text/x}'
is "$(got odd)" '4 0' 'a path with dots'
is "$(python3 tests/sigv4.py "$T/aws.log" "$SK")" \
"AKID eu-west-1 s3 accept;host;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-key right
AKID eu-west-1 es host;x-amz-date;x-amz-security-token;x-key right
AKID eu-west-1 s3 content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token right" \
	'their signatures are right'
is "$(python3 tests/sigv4.py "$T/aws.log" other | grep -c wrong)" 3 \
	'... by that key alone'

# A redirect to another host has none of it
export B=$H-away
n=0
for auth in '{basic: {user: me, password: env:B}}' '{bearer: env:B}' \
	'{header: {name: X-Api-Key, value: env:B}}' \
	'{query: {name: k, value: env:B}}' \
	'{sigv4: {region: r, service: s3, access_key: env:B, secret_key: env:B}}'; do
	n=$((n + 1))
	spec "away$n" /away "auth: $auth"
	is "$(got "away$n")" '4 0' "redirected to another host: ${auth%%:*}}"
done
is "$(sort -u "$T/seen.log")" '-|-|-|-|' '... which sees nothing that proves us'
is "$(wc -l <"$T/seen.log")" 5 '... any time'

# Written out: refused by --check, with its line, and not repeated
while IFS='|' read -r name auth; do
	spec literal /a "auth:" "  $auth"
	status 78 "written out: $name" dl-source --check "$T/literal.yaml"
	like "$(cat "$T/err")" "literal.yaml:6: 'auth.$name' is a secret written out: put it into dl-secret and write secret:NAME, or file:PATH" \
		'... and what to write'
	cat "$T/err" >>"$T/all.err"
done <<'E'
bearer|bearer: hunter2
basic.password|basic: {user: me, password: hunter2}
header.value|header: {name: X, value: hunter2}
query.value|query: {name: x, value: hunter2}
oauth2.client_secret|oauth2: {token_url: 'https://h/t', client_id: i, client_secret: hunter2}
sigv4.secret_key|sigv4: {region: r, service: s, access_key: env:A, secret_key: hunter2}
E
spec literal /a 'headers: {A: env:K, B: env:K, C: env:K, D: env:K, E: env:K}'
status 78 'more headers by reference than can be' \
	dl-source --check "$T/literal.yaml"
like "$(cat "$T/err")" 'literal.yaml:5: at most 4 headers are references' \
	'... is told'
spec literal /a 'headers: {Authorization: env:K}' 'auth: {bearer: env:K}'
status 78 'two headers of one name' dl-source --check "$T/literal.yaml"
for auth in 'hunter2' '{basic: hunter2}' '[hunter2]' '{bearer: env:A-hunter2}'; do
	spec literal /a "auth: $auth"
	status 78 "not a mapping: ${auth/hunter2/...}" \
		dl-source --check "$T/literal.yaml"
	cat "$T/err" >>"$T/all.err"
done

# None of it was seen
is "$(wc -l <"$T/all.err" | grep -c '^[0-9][0-9]')" 1 'much was said'
is "$(grep -c "$H" "$T/all.err")" 0 'no secret in what was said'
is "$(grep -c dl.record "$T/events" | grep -c '^[0-9][0-9]')" 1 'much was got'
is "$(grep -c "$H" "$T/events")" 0 'no secret in an event'
is "$(grep -rl "$H" "$DL_HOME")" '' 'no secret in a file of ours'

done_testing
