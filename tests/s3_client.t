#!/usr/bin/env bash
# lib/s3, all its calls, against a real S3.
. tests/tap.sh
. tests/servers/radosgw.sh
. tests/servers/s3proxy.sh
. tests/servers/tls.sh

if ! radosgw_have; then
	echo '1..0 # SKIP radosgw is not installed (make deps TEST=full)'
	exit 0
fi
# shellcheck disable=SC2119 # it has no arguments here
radosgw_start && radosgw_bucket bucket && s3proxy_start || exit 1
lake=s3://bucket/a/lake
s3() { # COMMAND ARG...
	"$BUILD/servers/s3" "$1" "$lake" "${@:2}"
}

sha256() { # FILE
	sha256sum <"$1" | cut -d' ' -f1
}

# One that the service knows, as it says.
field() { # KEY HEADER
	radosgw_request HEAD "/bucket/a/lake/$1" -I |
		tr -d '\r' | sed -n "s/^$2: //Ip"
}

is "$(s3 name)" s3://bucket/a/lake 'the name'
is "$(s3 endpoint)" "$radosgw_url" 'the endpoint'
echo hello >"$T/small"
head -c 40000000 /dev/urandom >"$T/big"

# Single objects.
key='dt=1/é+ &%?#a~b.txt'
is "$(s3 put "$key" "$T/small" 'x-amz-meta-dl-records: 3')" put 'an object'
like "$(s3 head "$key")" "^6 [0-9a-f]{32} $(sha256 "$T/small") [0-9]{13}$" \
	'it is known by its sha256'
is "$(s3 read "$key" 6)" hello 'its bytes'
is "$(s3 list | cut -d' ' -f1-3)" "$key 6" 'it is listed, by its own key'
is "$(s3 head nothing)" absent 'there is no such object'
is "$(s3 read nothing 9)" absent '... nor its bytes'
is "$(s3 get nothing "$T/got")" absent '... nor to a file'
status 65 'longer than it may be' s3 read "$key" 5
is "$(s3 put-bytes plain some)" put 'of memory'
is "$(s3 read plain 9)" some '... its bytes'
is "$(s3 put empty /dev/null)" put 'an empty one'
like "$(s3 get empty "$T/got")" '^0 ' '... and back'
is "$(field plain content-type)" application/octet-stream 'its type'
s3 put named "$T/small" 'x-amz-meta-dl-records: 3' >"$T/out"
is "$(field named x-amz-meta-dl-records)" 3 'metadata'
is "$(field named x-amz-meta-dl-sha256)" "$(sha256 "$T/small")" \
	'... that of ours'

# In pieces.
is "$(s3 put big "$T/big" 'x-amz-meta-dl-records: 7')" put 'in pieces'
like "$(s3 head big)" "^40000000 [0-9a-f]{32}-5 $(sha256 "$T/big") " \
	'five of them'
is "$(field big x-amz-meta-dl-records)" 7 'metadata'
truncate -s 50000000 "$T/got"
like "$(s3 get big "$T/got")" "^40000000 .* $(sha256 "$T/big") " 'fetched'
cmp "$T/got" "$T/big"
is $? 0 '... whole, and no more'
is "$(S3_JOBS=1 s3 put one-by-one "$T/big")" put 'one piece after the other'
s3 get one-by-one "$T/got" >"$T/out"
cmp "$T/got" "$T/big"
is $? 0 '... is the same'
status 75 'bytes that are not those of the sha256' \
	env S3_GIVE_UP_MS=300 S3_SHA256="$(sha256 "$T/big")" \
	"$BUILD/servers/s3" put "$lake" wrong "$T/small"
is "$(s3 head wrong)" absent '... are not taken'
is "$(s3 uploads)" '' 'no upload is left'

# Only one creates.
export S3_CREATE=1
is "$(s3 put plain "$T/small")" taken 'not over another one'
is "$(s3 read plain 9)" some '... which stays'
is "$(s3 put big "$T/big")" taken '... nor in pieces'
is "$(s3 put created "$T/small")" created 'a new one'
is "$(s3 put created-big "$T/big")" created '... in pieces'
unset S3_CREATE
is "$(s3 race raced 16)" '1 won, 15 lost' 'one of 16 at once'
like "$(s3 read raced 99)" '^racer [0-9]+$' '... is there whole'
is "$(s3 uploads)" '' 'no upload is left'

# Encrypted, tagged.
export S3_SSE=aws:kms S3_SSE_KEY_ID=testkey S3_TAGS='a=b&c=d%20e'
export S3_CLASS=STANDARD
s3 put sealed "$T/small" >"$T/out"
s3 put sealed-big "$T/big" >"$T/out"
unset S3_SSE S3_SSE_KEY_ID S3_TAGS S3_CLASS
for name in sealed sealed-big; do
	is "$(field $name x-amz-server-side-encryption)" aws:kms \
		"$name: encrypted"
	is "$(field $name x-amz-server-side-encryption-aws-kms-key-id)" \
		testkey '... by the key'
done
# It has no tags for what is put in pieces.
like "$(radosgw_request GET "/bucket/a/lake/sealed?tagging=")" \
	'<Key>a</Key><Value>b</Value>.*<Key>c</Key><Value>d e</Value>' 'tagged'
s3 get sealed-big "$T/got" >"$T/out"
cmp "$T/got" "$T/big"
is $? 0 'and back'
S3_SSE=aws:kms S3_SSE_KEY_ID=nokey s3 put nokey "$T/small" 2>"$T/err"
like "$? $(cat "$T/err")" '^7[78] s3: s3://bucket/a/lake/nokey: ' \
	'a key that is none'
like "$(S3_SSE=rot13 s3 name 2>&1)" 'no encryption of S3' 'an unknown one'

# Lists.
s3 remove big one-by-one created-big sealed-big
s3 fill d/e 1100
s3 fill d/f 3
is "$(s3 list d/ | wc -l)" 1103 'over more than a page'
is "$(s3 list d/e | cut -d' ' -f1 | md5sum)" \
	"$(seq 1001 2100 | sed s,^,d/e/, | md5sum)" '... all, in order'
is "$(s3 list d/ d/e/2099 | cut -d' ' -f1 | xargs)" \
	'd/e/2100 d/f/1001 d/f/1002 d/f/1003' 'after a key'
s3proxy_plan
is "$(AWS_ENDPOINT_URL=$s3proxy_url s3 dirs | xargs)" \
	'created d dt=1 empty named plain raced sealed' 'directories'
is "$(s3proxy_log 'GET' | wc -l)" 2 '... what is in them is passed over'
s3 remove plain plain "$key"
is "$(s3 head plain) $(s3 head "$key")" 'absent absent' 'removed'

# Uploads that nobody ended.
upload=$(radosgw_request POST '/bucket/a/lake/d/left?uploads=' |
	sed 's/.*<UploadId>\(.*\)<\/UploadId>.*/\1/')
radosgw_request POST '/bucket/a/lake2/x?uploads=' >"$T/out"
like "$(s3 uploads)" "^d/left $upload [0-9]{13}$" 'an upload'
is "$(s3 uploads e)" '' '... not below that'
like "$(s3 uploads d/)" "^d/left " '... but below that'
status 0 'aborted' s3 abort d/left "$upload"
status 0 '... twice' s3 abort d/left "$upload"
is "$(s3 uploads)" '' '... it is gone'
like "$(lake=s3://bucket/a/lake2 s3 uploads)" '^x ' '... and another is not'

# Transfers that break off.
export AWS_ENDPOINT_URL=$s3proxy_url
s3proxy_plan 'PUT partNumber=2 1 reset-body 4000000' \
	'PUT partNumber=3 1-2 code 503 SlowDown' \
	'PUT partNumber=4 1 reset-answer 0' 'POST uploads 1 reset-answer 0' \
	'POST uploadId 1 reset-answer 0'
is "$(s3 put big "$T/big" 2>"$T/err")" put 'pieces that break off'
is "$(s3proxy_log 'PUT' | wc -l)" 9 '... are put again'
is "$(s3proxy_log '^POST.*uploadId' | wc -l)" 2 '... and what completes them'
s3proxy_plan 'GET big 1 reset-answer 15000000' \
	'GET big 1 code 500 InternalError' 'GET big 1 reset-answer 15000000'
like "$(s3 get big "$T/got" 2>"$T/err")" '^40000000 ' 'a fetch that breaks off'
cmp "$T/got" "$T/big"
is $? 0 '... goes on'
is "$(s3proxy_log 'GET' | wc -l)" 4 '... after the fourth'
s3proxy_plan 'PUT * 1 reset-answer 0'
is "$(S3_CREATE=1 s3 put ours "$T/small" 2>"$T/err")" created \
	'created by a try whose answer was lost'
s3proxy_plan 'PUT partNumber=3 * code 403 AccessDenied'
status 77 'a piece that is not allowed' s3 put denied "$T/big"
is "$(s3proxy_log '^DELETE.*uploadId.* 204' | wc -l)" 1 '... aborts the upload'
s3proxy_plan '* * * code 503 SlowDown'
status 75 'it never stops' env S3_GIVE_UP_MS=500 "$BUILD/servers/s3" put \
	"$lake" never "$T/small"
like "$(tail -n 1 "$T/err")" 'never: SlowDown.*\(given up after [0-9]+ s' \
	'... says so'
# A minute is one second.
hurried() { # COMMAND...
	HURRY=60 LD_PRELOAD=$BUILD/fault/hurry.so S3_GIVE_UP_MS=1800000 \
		ASAN_OPTIONS=verify_asan_link_order=0 s3 "$@"
}
s3proxy_plan 'PUT partNumber=2 1 hang-body 3000000' 'GET big 1 hang' \
	'GET big 1 hang-answer 15000000'
is "$(hurried put big "$T/big" 2>"$T/err")" put 'a piece that hangs'
like "$(cat "$T/err")" 'nothing moved for 60 s' '... for a minute'
like "$(hurried get big "$T/got" 2>"$T/err")" '^40000000 ' \
	'a fetch that hangs, before and within'
is "$(grep -c 'nothing moved for 60 s' "$T/err")" 2 '... for two minutes'
cmp "$T/got" "$T/big"
is $? 0 '... goes on'
s3proxy_plan ''
AWS_ENDPOINT_URL=$radosgw_url
is "$(s3 uploads | grep -v '^big ')" '' 'no upload is left but the lost one'

# By another name.
export S3_STYLE=virtual AWS_ENDPOINT_URL=http://localhost:$radosgw_port
is "$(s3 read named 9)" hello 'the bucket in the name of the host'
is "$(s3 put virtual "$T/big")" put '... in pieces'
is "$(s3 list virtual | cut -d' ' -f1-2)" 'virtual 40000000' '... listed'
unset S3_STYLE
AWS_ENDPOINT_URL=$radosgw_url

# What won't pass.
refused() { # STATUS REGEX NAME [NAME=VALUE...]
	local command status got words
	for command in 'head big' "put big $T/small" 'list' 'remove big' \
		"put big $T/big" 'uploads'; do
		read -ra words <<<"$command"
		got=$(env "${@:4}" "$BUILD/servers/s3" "${words[0]}" \
			"${at:-$lake}" "${words[@]:1}" 2>&1)
		status=$?
		[[ "$status $got" =~ ^$1.*$2 ]] || break
	done
	like "$status $got" "^$1.*$2" "$3"
}
refused 77 'does not know the access key' 'an unknown key' AWS_ACCESS_KEY_ID=X
refused 77 'check the secret key.*SignatureDoesNotMatch' 'a wrong secret' \
	AWS_SECRET_ACCESS_KEY=X
refused 77 'clock is 60m ahead of the service' 'a wrong clock' S3_AHEAD=3601
refused 77 'clock is 2h behind the service' '... a slow one' S3_AHEAD=-7200
at=s3://bucketry/a refused 78 's3://bucketry/a.*no such bucket' 'no such bucket'
refused 75 'given up' 'no service' S3_ENDPOINT=http://127.0.0.1:1 \
	S3_GIVE_UP_MS=20
like "$(s3 read big 40000000 | sha256sum)" "^$(sha256 "$T/big") " \
	'what was there is there'

# Over TLS.
# shellcheck disable=SC2016 # it is nginx's
printf 'location / { proxy_pass %s; proxy_set_header Host $http_host;
	client_max_body_size 0; }' "$radosgw_url" >"$T/blocks"
tls_certificates && tls_start "$T/blocks" || exit 1
export AWS_ENDPOINT_URL=https://localhost:$tls_port
status 77 'nobody that we know' s3 read named 9
like "$(cat "$T/err")" 'not trusted: .*AWS_CA_BUNDLE' '... says so'
export AWS_CA_BUNDLE=$T/tls/ca.pem
is "$(s3 read named 9)" hello 'over TLS'
is "$(s3 put secure "$T/big")" put '... in pieces'
is "$(AWS_CA_BUNDLE=/dev/null S3_CA=$T/tls/ca.pem s3 read named 9)" hello \
	'by an option'
for i in 1 2 3; do
	AWS_ENDPOINT_URL=https://localhost:$((tls_port + i))
	status 77 "not with the certificate '${tls_names[i]}'" s3 read named 9
done
status 78 'a file that is not there' env AWS_CA_BUNDLE="$T/none" \
	"$BUILD/servers/s3" read "$lake" named 9
done_testing
