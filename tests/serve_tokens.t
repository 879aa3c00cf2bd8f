#!/usr/bin/env bash
# Tokens made by npm's jose, good and hostile, and those of a real provider whose
# keys change while we look on: what lib/bearer says of them.
. tests/tap.sh
. tests/servers/node.sh
. tests/servers/oidc.sh
. tests/servers/serve.sh

if ! node_have; then
	echo '1..0 # SKIP needs packages of npm (make deps TEST=full)'
	exit 0
fi

# What it says is to match what tokens.mjs wants of it, line by line.
check() {
	perl -e '
		open my $want, "<", $ARGV[0] or die;
		open my $got, "<", $ARGV[1] or die;
		my ($n, $bad) = (0, 0);
		while (my $line = <$want>) {
			my ($name, $re) = split /\t/, $line;
			my $said = <$got> // "nothing";
			chomp $said;
			$n++;
			next if $said =~ /$re/;
			$bad++;
			print "$name: $said, not /$re/\n";
		}
		print "more lines\n" if defined <$got>;
		print $n > 300 && !$bad ? "all\n" : "$bad of $n\n";' "$@"
}

# The same tokens again, in the same process: nothing refused was remembered.
status 0 'tokens are made' node_run tokens.mjs "$T"
cut -f 3 "$T/tokens" >"$T/in"
cat "$T/in" "$T/in" |
	"$BUILD/servers/bearer" "$T/jwks.json" https://issuer.example urn:dl \
		>"$T/said" 2>"$T/log"
is "${PIPESTATUS[1]}" 0 'all of them are looked at'
lines=$(wc -l <"$T/in")
head -n "$lines" "$T/said" >"$T/first"
tail -n +$((lines + 1)) "$T/said" >"$T/second"
is "$(check "$T/tokens" "$T/first")" all 'each token is taken or refused'
is "$(check "$T/tokens" "$T/second")" all '... and so when it comes again'
is "$(grep -c 'is left out' "$T/log")" 7 'keys that are not to be used are named'
is "$(grep -cF "$(head -n 1 "$T/in" | cut -c 1-80)" "$T/said" "$T/log" |
	cut -d : -f 2 | paste -sd ' ')" '0 0' 'no token is in a message'

# What is allowed may be less, and never what has no public key.
only() {
	head -n 2 "$T/in" | "$BUILD/servers/bearer" "$T/jwks.json" \
		https://issuer.example urn:dl "$@" 2>"$T/err"
}
is "$(only ES384 | paste -sd ' ')" \
	"REFUSED the token's algorithm is not allowed OK alice r" \
	'only what is allowed'
for alg in HS256 none; do
	only $alg
	is "$? $(tail -n 1 "$T/err")" "78 bearer: '$alg' is not an algorithm of \
a public key: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, \
EdDSA" "$alg is not allowed"
done

# The same by the real server, each over a connection of its own, its bytes as
# they are: good ones get an answer, and no other does.
ask_server() {
	perl -e '
		use IO::Socket::INET;
		my ($port, $tokens) = @ARGV;
		local $SIG{PIPE} = "IGNORE";
		open my $in, "<", $tokens or die;
		my ($n, $bad) = (0, 0);
		while (<$in>) {
			chomp;
			my ($name, $re, $token) = split /\t/, $_, 3;
			my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1",
				PeerPort => $port, Timeout => 30) or die;
			print $s "GET /v1/components HTTP/1.1\r\nHost: a\r\n",
				"Authorization: Bearer $token\r\n",
				"Connection: close\r\n\r\n";
			my $got = <$s> // "nothing";
			close $s;
			$got =~ s/\s+$//;
			my $want = $re =~ /^\^REFUSED/ ? "(400|401|431)" :
				$re =~ / -\$$/ ? "403" : "200";
			# libmicrohttpd ends a value at a NUL, and the token
			# before that one is good.
			$want = "(200|400)" if $token =~ /\0$/;
			$n++;
			# What is too long for a header may be broken off.
			next if $got =~ /^HTTP\/1.1 $want / ||
				$got eq "nothing" && length $token > 8192;
			$bad++;
			print "$name: $got, not $want\n";
		}
		print $n > 300 && !$bad ? "all\n" : "$bad of $n\n";' "$@"
}
printf '%s\n' "jwks: $T/jwks.json" 'issuer: https://issuer.example' \
	'audience: urn:dl' "access_log: $T/access.log" >"$T/serve.yaml"
dl-twin-put -t "$T/twin" </dev/null
serve_start -c "$T/serve.yaml" -t "$T/twin" || exit 1
is "$(ask_server "${serve_url##*:}" "$T/tokens")" all \
	'the server takes and refuses the same'
serve_stop
is "$serve_status" 0 '... and ends well'
is "$(cat "$T/serve.log" "$T/access.log" |
	grep -cF "$(head -n 1 "$T/in" | cut -c 1-80)")" 0 \
	'... without a token in its logs'

# A provider.
oidc_start || exit 1
coproc BEARER {
	REFRESH_MS=3600000 exec "$BUILD/servers/bearer" "$oidc_url/jwks" \
		"$oidc_url" urn:dl 2>"$T/provider.log"
}
tap_pids+=("$BEARER_PID")
exec 3<&"${BEARER[0]}" 4>&"${BEARER[1]}"
ask() {
	local line
	printf '%s\n' "$1" >&4
	IFS= read -r -t 60 line <&3
	printf '%s\n' "$line"
}
is "$(ask ready)" ready 'the keys are fetched'
for alg in RS256 ES256 EdDSA; do
	is "$(ask "$(oidc_token "reader-$alg")")" "OK reader-$alg r" \
		"a provider's token, $alg"
done
is "$(ask "$(oidc_token writer 'twin:read twin:write')")" 'OK writer rw' \
	'its scopes are its rights'
old=$(oidc_token reader-ES256)
is "$(ask "$old") $(oidc_count)" 'OK reader-ES256 r 1' 'one fetch for all'

oidc_rotate
is "$(ask "$(oidc_token reader-EdDSA)")" 'waited OK reader-EdDSA r' \
	'a new key is fetched when a token names it'
is "$(ask "$(oidc_token reader-RS256)")" 'OK reader-RS256 r' \
	'... and the others came with it'
is "$(ask "$old") $(oidc_count)" 'OK reader-ES256 r 2' \
	'... and the old are still there'

# Not again within a minute, whoever asks.
oidc_drop
new=$(oidc_token reader-ES256)
for _ in 1 2 3 4 5; do
	ask "$new"
done >"$T/flood"
is "$(sort -u "$T/flood") $(oidc_count)" \
	"REFUSED the token's key is not known 2" 'not more often than once a minute'
is "$(ask "$old")" 'OK reader-ES256 r' 'what was known is known'

# SIGHUP to the server: it fetches at once.
is "$(ask reload)" reloaded 'the keys are read again'
asked() {
	[ "$(oidc_count)" = 3 ] && [[ $(ask "$new") = *OK* ]]
}
status 0 '... with the new key' soon asked
is "$(ask "$old")" "REFUSED the token's key is not known" \
	'a key that is gone is good no more, for what was remembered too'

# Without its provider.
oidc_stop
is "$(ask reload)" reloaded 'the provider is away'
told() {
	grep -q 'those that are there stay' "$T/provider.log"
}
status 0 '... which is told' soon told
is "$(ask "$new")" 'OK reader-ES256 r' '... and its keys go on'
is "$(grep -c . "$T/provider.log")" 1 '... told once'
exec 4>&-
done_testing
