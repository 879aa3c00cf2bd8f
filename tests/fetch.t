#!/usr/bin/env bash
# Getting: a server that does wrong, TLS, proxies, ftp and sftp, each with a
# real server.  What HTTP itself does is in source.t.
. tests/tap.sh
. tests/servers/nginx.sh
. tests/servers/tls.sh
. tests/servers/ftp.sh
. tests/servers/sftp.sh
. tests/servers/proxy.sh

unset http_proxy https_proxy ftp_proxy all_proxy no_proxy HTTP_PROXY \
	HTTPS_PROXY FTP_PROXY ALL_PROXY NO_PROXY
MOST=$((64 * 1024)) # KiB

# get NAME URL LINE...: a specification, for lines of JSON.
get() {
	printf '%s\n' "name: $1" "url: $2" 'format: ndjson' 'retries: 0' \
		"${@:3}" >"$T/$1.yaml"
}
items() { grep -c dl.record "$T/out"; }
numbers() { jq -r 'select(.type == "dl.record") | .data.n' "$T/out" | paste -sd' '; }
said() { cat "$T/err"; }

# gets NAME URL LINE...: the two lines of $T/www/a.ndjson, or of ftp's.
gets() {
	get source "${@:2}"
	status 0 "$1" dl-source "$T/source.yaml"
	is "$(numbers)" '1 2' "$1: its items"
}

# refused NAME STATUS MESSAGE URL LINE...
refused() {
	get source "${@:4}"
	status "$2" "$1" timeout -k 1 50 dl-source "$T/source.yaml"
	is "$(wc -l <"$T/err")" 1 "$1: one line of error"
	like "$(said)" "$3" "$1: it says what is wrong"
}

# Poll, and commit what came.
poll() {
	dl-source "$T/$1.yaml" >"$T/out" 2>"$T/err"
	grep dl.checkpoint "$T/out" | dl-commit >/dev/null
}

mkdir -p "$T/www" "$T/ftp"
printf '{"n":1}\n{"n":2}\n' >"$T/www/a.ndjson"
cp "$T/www/a.ndjson" "$T/ftp/"
touch -d '2026-01-01T00:00:00Z' "$T/ftp/a.ndjson"

## A server that does wrong.

exec 8< <(exec "$BUILD/servers/faulty")
tap_pids+=($!)
read -r port <&8
faulty=http://127.0.0.1:$port

refused 'no answer' 75 'not finished after 300 ms' "$faulty/mute" 'timeout: 300ms'
refused 'a stall' 75 'not finished after 1000 ms' "$faulty/stall" 'timeout: 1s'
refused 'a reset' 75 '(reset|Recv failure)' "$faulty/reset"
refused 'a head that breaks off' 75 'ends in its headers' "$faulty/cut"
refused 'headers without an end' 65 'headers are longer than 307200 bytes' \
	"$faulty/headers"
refused 'a header without an end' 65 'a header of the answer is longer than' \
	"$faulty/header"
refused 'what is not HTTP' 78 'not an answer in HTTP' "$faulty/garbage"
get extra "$faulty/extra"
status 0 'more than its Content-Length' dl-source "$T/extra.yaml"
is "$(items)" 1 '... is not taken for a part of it'

# 10 GiB, of which only what max_bytes says is taken, in little memory.
for path in big endless; do
	get big "$faulty/$path" 'limits: {max_bytes: 100M}'
	"$BUILD/bench/measure" -o "$T/measured" dl-source "$T/big.yaml" \
		2>"$T/err" | tail -c 200 | grep -c dl.checkpoint >"$T/checkpoints"
	is "${PIPESTATUS[0]}" 65 "/$path is more than max_bytes"
	like "$(said)" "longer than 'max_bytes', 104857600 bytes" '... it says so'
	is "$(cat "$T/checkpoints")" 0 '... it is no position'
	kib=$(cut -d ' ' -f 2 "$T/measured")
	note "/$path: $kib KiB"
	[ "${FLAVOUR-plain}" != plain ] ||
		is "$((kib > 0 && kib <= MOST))" 1 '... in at most 64 MiB'
done

# What HTTP has packed.  Newlines: empty lines, which are no items.
head -c 300M /dev/zero | tr '\0' '\n' | gzip >"$T/www/bomb"
gzip <"$T/www/bomb" >"$T/www/bomb2"
cp "$T/www/a.ndjson" "$T/www/plain"
cat >"$T/server" <<'E'
	default_type application/x-ndjson;
	location = /bomb { add_header Content-Encoding gzip; }
	location = /bomb2 { add_header Content-Encoding "gzip, gzip"; }
	location = /plain { add_header Content-Encoding gzip; }
E
nginx_start "$T/server" || exit 1
refused 'a bomb' 65 "longer than 'max_bytes'" "$nginx_url/bomb" 'limits: {max_bytes: 10M}'
refused 'a bomb in a bomb' 65 'unpacks to more than 1100 times its size' \
	"$nginx_url/bomb2"
refused 'what is not packed as it says' 75 '(ncoding|decod|decompress)' \
	"$nginx_url/plain"

## TLS.

cat >"$T/blocks" <<'E'
	location = /down { return 302 http://127.0.0.1:@HTTP@/a.ndjson; }
	location = /again { return 302 /a.ndjson; }
E
tls_certificates && tls_start "$T/blocks" || exit 1
ca="tls: {ca: $T/tls/ca.pem}"
tls() { echo "https://${2:-localhost}:$((tls_port + $1))"; }

gets 'a certificate of an authority' "$(tls 0)/a.ndjson" "$ca"
gets '... by an address' "$(tls 0 127.0.0.1)/a.ndjson" "$ca"
is "$(sort -u "$T/tls/access.log")" 'HTTP/2.0 /a.ndjson 200' 'HTTP/2 is used'
gets 'a redirect to https' "$(tls 0)/again" "$ca"
refused 'an authority that nobody knows' 77 \
	"not trusted: .*unable to get local issuer.*'tls.ca'" "$(tls 0)/a.ndjson"
refused 'an expired certificate' 77 'not trusted: .*expired' "$(tls 1)/a.ndjson" "$ca"
refused 'the certificate of another name' 77 \
	"not trusted: .*(no alternative certificate|does not match)" "$(tls 2)/a.ndjson" "$ca"
refused 'a certificate signed by itself' 77 'not trusted: .*self-signed' \
	"$(tls 3)/a.ndjson" "$ca"
refused 'a redirect from https to http' 78 'redirected from https to another scheme' \
	"$(tls 0)/down" "$ca"
is "$(grep -c 'HTTP/1' "$T/tls/access.log")" 0 '... to which nobody went'
refused 'an authority that is not there' 75 "'tls.ca': cannot open '/nonexistent'" \
	"$(tls 0)/a.ndjson" 'tls: {ca: /nonexistent}'
printf 'nothing\n' >"$T/nothing.pem"
refused 'an authority that is none' 78 "'tls.ca': " "$(tls 0)/a.ndjson" \
	"tls: {ca: $T/nothing.pem}"

## sftp.

sftp_start || exit 1
sftp=sftp://$sftp_user@127.0.0.1:$sftp_port
known="known_hosts: $T/sftp/known"
key="ssh_key: $T/sftp/key"
cp -p "$T/ftp/a.ndjson" "$T/s.ndjson"

gets 'sftp by a key' "$sftp$T/s.ndjson" "$known" "$key"
is "$(jq -r '.dlorigin // empty' "$T/out" | head -n 1)" "sftp://127.0.0.1:$sftp_port$T/s.ndjson" \
	'... and where it is from, without the user'
if [ -n "$sftp_password" ]; then
	login="auth: {basic: {user: $sftp_user, password: \"env:PW\"}}"
	host=sftp://127.0.0.1:$sftp_port
	PW=$sftp_password gets 'sftp by a password' "$host$T/s.ndjson" "$known" "$login"
	PW=wrong refused 'a wrong password' 77 'login denied' "$host$T/s.ndjson" \
		"$known" "$login"
else
	note 'no shadow file of its own: a login by password is not tested'
fi
refused 'a key that is not allowed' 77 'login denied' "$sftp$T/s.ndjson" \
	"$known" "ssh_key: $T/sftp/stranger"
refused 'a key without its passphrase' 77 'login denied' "$sftp$T/s.ndjson" \
	"$known" "ssh_key: $T/sftp/locked"
PP='open it' gets 'a key with its passphrase' "$sftp$T/s.ndjson" "$known" \
	"ssh_key: $T/sftp/locked" 'tls: {key_password: "env:PP"}'
refused 'neither key nor password' 78 "needs a password in 'auth', or an 'ssh_key'" \
	"$sftp$T/s.ndjson" "$known"
: >"$T/unknown"
logins() { grep -c 'Accepted key' "$T/sftp/log"; }
before=$(logins)
refused 'a server that is not known' 77 \
	"key is not in '$T/unknown': .*ssh-keyscan -p $sftp_port 127.0.0.1" \
	"$sftp$T/s.ndjson" "known_hosts: $T/unknown" "$key"
mkdir -p "$T/nobody"
HOME=$T/nobody refused '... nor at home' 77 "key is not in '$T/nobody/.ssh/known_hosts'" \
	"$sftp$T/s.ndjson" "$key"
echo "[127.0.0.1]:$sftp_port $(cut -d ' ' -f 1,2 "$T/sftp/stranger.pub")" >"$T/changed"
refused 'a server whose key was changed' 77 'has another key than the one' \
	"$sftp$T/s.ndjson" "known_hosts: $T/changed" "$key"
is "$(logins)" "$before" '... and none of them heard who we are'

# What ssh-keyscan writes first, and what libssh2 would stop at.
host=$(cat "$T/sftp/known")
ssh-keygen -q -t rsa -N '' -f "$T/rsa"
rsa="${host%% *} $(cut -d ' ' -f 1,2 "$T/rsa.pub")"
printf '%s\n' '# servers' '' '@cert-authority * ssh-ed25519 AAAA' 'broken' \
	"$rsa" "$host" >"$T/known"
gets 'a known_hosts of several kinds' "$sftp$T/s.ndjson" "known_hosts: $T/known" "$key"
echo "$rsa" >"$T/known"
# libssh2 1.10 copies a list over itself there.
echo 'interceptor_via_lib:libssh2' >"$T/asan"
ASAN_OPTIONS=suppressions=$T/asan refused 'a key of RSA alone' 75 "only an ssh-rsa one in '$T/known'" \
	"$sftp$T/s.ndjson" "known_hosts: $T/known" "$key"
printf '%s\n' "$host" "@revoked * ${host#* }" >"$T/known"
refused 'a key that is revoked' 77 "key is not in '$T/known'" \
	"$sftp$T/s.ndjson" "known_hosts: $T/known" "$key"
printf '%s\n' "$host" >"$T/known"
ssh-keygen -q -H -f "$T/known" >"$T/hashed" 2>&1
like "$(cat "$T/known")" '^\|1\|' 'known_hosts with hashed names'
gets '... is read' "$sftp$T/s.ndjson" "known_hosts: $T/known" "$key"
refused 'a file that is not there' 78 'no such file' "$sftp$T/none" "$known" "$key"
refused 'a directory' 78 'directory' "$sftp$T/" "$known" "$key"
refused 'nobody listens' 75 'connect' "sftp://x@127.0.0.1:1/x" "$known" "$key"

# The same file is not read again; another time or size is another file.
get twice "$sftp$T/s.ndjson" "$known" "$key"
poll twice
is "$(numbers)" '1 2' 'a file'
poll twice
is "$(items)" 0 'the same file again is nothing'
echo '{"n":3}' >>"$T/s.ndjson"
touch -d '2026-01-01T00:00:00Z' "$T/s.ndjson"
poll twice
is "$(numbers)" '1 2 3' 'one of the same time, and longer, is another'
poll twice
is "$(items)" 0 '... once'
cp "$T/ftp/a.ndjson" "$T/s.ndjson"
touch -d '2026-01-01T00:00:00Z' "$T/s.ndjson"
poll twice
is "$(numbers)" '1 2' '... and so is a shorter one'
touch -d '2026-01-01T00:00:01Z' "$T/s.ndjson"
poll twice
is "$(numbers)" '1 2' '... and one of another time'

# Written to just now, it may be written to again in the same second.
touch -d '1 hour' "$T/s.ndjson"
poll twice
is "$(numbers)" '1 2' 'a file of now'
poll twice
is "$(numbers)" '1 2' '... may have changed since'

# growing URL FILE LINE...: written to while it is read.  What it holds doesn't
# fit into the pipes on its way, whose reader waits until there is more of it.
growing() {
	get growing "$1" "${@:3}"
	yes '{"n":"of a long file that many pipes hold"}' | head -n 200000 >"$2"
	chmod 644 "$2"
	dl-source "$T/growing.yaml" 2>"$T/err" | {
		grep -m 1 -q dl.record
		echo '{"n":"more"}' >>"$2"
		cat >/dev/null
	}
	is "${PIPESTATUS[0]}" 75 "$1: a file that grows"
	like "$(said)" '(written to while it was read|partial file)' '... is no document'
}
growing "$sftp$T/long" "$T/long" "$known" "$key"

## ftp and ftps.

login='auth: {basic: {user: anonymous, password: "env:PW"}}'
export PW=let-me-in
ftp_start || exit 1
ftp=ftp://127.0.0.1:$ftp_port
gets 'ftp' "$ftp/a.ndjson" "$login"
get twice2 "$ftp/a.ndjson" "$login"
poll twice2
poll twice2
is "$(items)" 0 'the same file again is nothing'
is "$(grep -c 'RETR a' "$T/vsftpd/log")" 2 '... nor is it read again'
echo '{"n":3}' >>"$T/ftp/a.ndjson"
touch -d '2026-01-01T00:00:00Z' "$T/ftp/a.ndjson"
poll twice2
is "$(numbers)" '1 2 3' 'a longer one is another'
cp "$T/www/a.ndjson" "$T/ftp/"
touch -d '2026-01-01T00:00:00Z' "$T/ftp/a.ndjson"
PW=wrong refused 'a wrong password' 77 'login denied' "$ftp/a.ndjson" "$login"
refused 'a file that is not there' 78 'no such file' "$ftp/none" "$login"
refused 'a directory that is not there' 78 'no such directory' "$ftp/no/ne" "$login"
: >"$T/ftp/secret" && chmod 600 "$T/ftp/secret"
refused 'a file that may not be read' 78 'or it may not be read' \
	"$ftp/secret" "$login"
refused 'a directory' 78 'directory' "$ftp/" "$login"
refused 'TLS where there is none' 77 'the server has no TLS' \
	"ftpes://127.0.0.1:$ftp_port/a.ndjson" "$login"
growing "$ftp/long" "$T/ftp/long" "$login"
is "$(grep -c 'PORT' "$T/vsftpd/log")" 0 'the server never connects to us'
ftp_end

for scheme in ftps ftpes; do
	implicit=NO
	[ $scheme = ftps ] && implicit=YES
	ftp_start ssl_enable=YES implicit_ssl=$implicit allow_anon_ssl=YES \
		force_anon_logins_ssl=YES force_anon_data_ssl=YES \
		"rsa_cert_file=$T/tls/good.pem" \
		"rsa_private_key_file=$T/tls/good.key" || exit 1
	url=$scheme://localhost:$ftp_port
	gets "$scheme" "$url/a.ndjson" "$login" "$ca"
	refused "$scheme, of an authority that nobody knows" 77 'not trusted' \
		"$url/a.ndjson" "$login"
	ftp_end
done

## Proxies.

proxy_start || exit 1
passed() { grep -c "$1" "$T/proxy/log"; }
gets 'http by a proxy' "http://127.0.0.1:$((tls_port + 4))/a.ndjson" \
	"proxy: http://127.0.0.1:$proxy_port"
is "$(passed 'GET http://')" 1 '... which asks for it'
gets 'https by a proxy' "$(tls 0)/a.ndjson" "$ca" "proxy: http://127.0.0.1:$proxy_port"
is "$(passed "CONNECT localhost:$tls_port")" 1 '... through a tunnel'
gets 'sftp by a proxy' "$sftp$T/s.ndjson" "$known" "$key" \
	"proxy: http://127.0.0.1:$proxy_port"
is "$(passed "CONNECT 127.0.0.1:$sftp_port")" 1 '... through a tunnel'
https_proxy=http://127.0.0.1:$proxy_port gets 'a proxy of the environment' \
	"$(tls 0)/a.ndjson" "$ca"
is "$(passed "CONNECT localhost:$tls_port")" 2 '... is used'
for proxy in 'http://you:let/mein@127.0.0.1:1' 'ftp://you:letmein@127.0.0.1:1' \
	'http://you:letmein@127.0.0.1:99999'; do
	http_proxy=$proxy refused "a proxy of the environment that is none" 78 \
		'the proxy that the environment says .* can be used' \
		"http://nowhere.invalid/a.ndjson"
	is "$(grep -c mein "$T/err")" 0 '... whose password is not said'
done
socks_start || exit 1
gets 'https by SOCKS' "$(tls 0 127.0.0.1)/a.ndjson" "$ca" \
	"proxy: socks5h://127.0.0.1:$socks_port"
gets 'http by SOCKS' "http://127.0.0.1:$((tls_port + 4))/a.ndjson" \
	"proxy: socks5://127.0.0.1:$socks_port"
refused 'no proxy there' 75 'connect' "$(tls 0)/a.ndjson" "$ca" \
	'proxy: http://127.0.0.1:1'
refused 'what is no proxy' 78 "'proxy' is not the URL of a proxy" \
	"$(tls 0)/a.ndjson" 'proxy: gopher://127.0.0.1:1'
proxy_start 'BasicAuth you letmein' || exit 1
refused 'a proxy that wants to know who we are' 77 'credentials for the proxy: CONNECT' \
	"$(tls 0)/a.ndjson" "$ca" "proxy: http://127.0.0.1:$proxy_port"
refused '... of http too' 77 'credentials for the proxy' \
	"http://127.0.0.1:$((tls_port + 4))/a.ndjson" \
	"proxy: http://127.0.0.1:$proxy_port"

done_testing
