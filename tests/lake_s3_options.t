#!/usr/bin/env bash
# What dl-lake-write and dl-lake-read are told of an S3: where it is, who we are,
# and how it is to keep what it gets.
export DL_LAKE_ON=s3
. tests/tap.sh
. tests/lake.sh
. tests/servers/tls.sh
lake_start

events() {
	for i in 1 2 3; do
		printf '{"specversion":"1.0","id":"%s","source":"s é","type":"t",%s}\n' \
			"$i" "\"time\":\"2018-02-07T0$i:00:00Z\",\"data\":$i"
	done
}
events >"$T/in"
write() { # NAME [OPTION...]
	dl-lake-write -P all=1 "${@:2}" "$at$1" <"$T/in"
}
same_in() { # NAME [OPTION...]
	dl-lake-read "${@:2}" "$at$1" 2>&1 | cmp - "$T/in" 2>&1
}
# Of the one part of a lake, what its object's head says of NAME.
head_of() { # LAKE NAME
	radosgw_request HEAD "/lakes/$1/$(radosgw_escape "$(lake_parts "$1")")" -I |
		tr -d '\r' | sed -n "s/^$2: //Ip"
}

# As AWS's tools are told

status 0 'by the environment' write environment
is "$(same_in environment)" '' '... and read again'
is "$(head_of environment x-amz-meta-dl-sha256)" \
	"$(lake_manifest environment | jq -r .sha256)" 'a part carries its SHA-256'
is "$(head_of environment x-amz-meta-dl-records)" 3 '... its records'
is "$(head_of environment x-amz-meta-dl-first) $(head_of environment x-amz-meta-dl-last)" \
	'2018-02-07T01:00:00Z 2018-02-07T03:00:00Z' '... their times'
is "$(head_of environment x-amz-meta-dl-sources)" 's%20%C3%A9' \
	'... their sources, in ASCII'
url=$AWS_ENDPOINT_URL
unset "${!AWS_@}"
status 78 'by nobody' write nobody --endpoint "$url"
like "$(cat "$T/err")" '^dl-lake-write: ' '... is told in one line'
export KEYS=TESTKEY:TESTSECRET AWS_EC2_METADATA_DISABLED=true
who=(--endpoint "$url" --credentials env:KEYS)
status 0 'by options' write options "${who[@]}"
is "$(same_in options "${who[@]}")" '' '... and read again'
status 0 'by a secret of dl-secret' dl-secret put --group lakes key \
	< <(printf TESTKEY:TESTSECRET)
status 0 '... which is found' write secret --endpoint "$url" \
	--credentials secret:lakes/key
mkdir "$T/aws"
export AWS_CONFIG_FILE=$T/aws/config AWS_SHARED_CREDENTIALS_FILE=$T/aws/credentials
printf '%s\n' '[profile work]' "endpoint_url = $url" 'region = us-east-1' \
	>"$AWS_CONFIG_FILE"
printf '%s\n' '[work]' 'aws_access_key_id = TESTKEY' \
	'aws_secret_access_key = TESTSECRET' >"$AWS_SHARED_CREDENTIALS_FILE"
status 0 'by a profile' write profile --profile work
is "$(same_in profile --profile work)" '' '... and read again'
status 78 'by a profile that is not there' write profile --profile leisure
like "$(cat "$T/err")" leisure '... is named'
status 0 'as a virtual host' write virtual --profile work --style virtual \
	--endpoint "http://localhost:$radosgw_port"
is "$(same_in virtual --profile work)" '' '... and read again'

# How it is kept

status 0 'SSE-KMS' write kms "${who[@]}" --sse aws:kms --sse-key-id testkey
is "$(head_of kms x-amz-server-side-encryption)" aws:kms '... is on'
is "$(head_of kms x-amz-server-side-encryption-aws-kms-key-id)" testkey \
	'... by the key'
is "$(same_in kms "${who[@]}")" '' '... and read again'
status 0 'tags' write tags "${who[@]}" --tag team=rail --tag 'why=a b/é&c'
tagged=$(radosgw_request GET \
	"/lakes/tags/$(radosgw_escape "$(lake_parts tags)")?tagging=" |
	sed 's/<Tag>/\n/g' | sed '1d; s/<[^>]*>/ /g' | tr -s ' ' | sort |
	paste -sd,)
is "$tagged" ' team rail , why a b/é&amp;c ' '... are there'
status 0 'a storage class' write class "${who[@]}" --storage-class STANDARD
is "$(same_in class "${who[@]}")" '' '... and read again'

# What is none

for bad in s3:// s3:///x 's3://x y/z'; do
	status 64 "the address '$bad'" dl-lake-write "${who[@]}" "$bad" <"$T/in"
done
status 64 'a style' write x "${who[@]}" --style round
status 64 'a tag' write x "${who[@]}" --tag colour
like "$(cat "$T/err")" colour '... is named'
status 78 'an endpoint' write x --endpoint ftp://127.0.0.1 --credentials env:KEYS
is "$(radosgw_list lakes x%2F)" '' 'nothing came of them'

# Over TLS: by whom it is signed is what counts.

tap_kill
tls_certificates || exit 1
radosgw_start tls || exit 1
radosgw_ca=$T/tls/ca.pem
radosgw_bucket lakes
unset "${!AWS_@}"
who=(--endpoint "$radosgw_url" --credentials env:KEYS)
status 0 'TLS' write tls "${who[@]}" --ca "$radosgw_ca"
is "$(same_in tls "${who[@]}" --ca "$radosgw_ca")" '' '... and read again'
status 77 'a certificate that nobody signed whom we trust' write other \
	"${who[@]}" --ca "$T/tls/mine.pem" --give-up 1s
like "$(cat "$T/err")" 'not trusted' '... is told'

done_testing
