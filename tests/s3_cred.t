#!/usr/bin/env bash
# Credentials for S3 over the wire: a real nginx plays the instance's metadata
# service, a container's and STS.
# shellcheck disable=SC2016 # nginx's own variables
. tests/tap.sh
. tests/servers/nginx.sh
. tests/servers/radosgw.sh

# What must be in no message: all secrets have it in them.
H=hunter2
unset "${!AWS_@}" http_proxy https_proxy all_proxy no_proxy
export HOME=$T/user
mkdir -p "$HOME/.aws" "$T/www/imds"

keys() { # WORD...
	s3keys "$@" 2>>"$T/all.err" | tee "$T/said"
	# Keys that were found are no messages.
	grep -E '^(64|65|70|75|77|78) ' "$T/said" >>"$T/all.err"
}
PATH=$BUILD/servers:$PATH
document() { # KEY [MORE]
	printf '{"Code":"Success","AccessKeyId":"%s","SecretAccessKey":"s-%s\\/",
"Token":"t-%s","Expiration":"2099-01-01T00:00:00Z"%s}' "$1" "$H" "$H" "${2:-}"
}
sts() { # KEY
	cat <<-E
	<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
	<AssumeRoleResult><AssumedRoleUser><Arn>arn:x</Arn></AssumedRoleUser>
	<Credentials><AccessKeyId>$1</AccessKeyId>
	<SecretAccessKey>s-$H</SecretAccessKey>
	<SessionToken>t-$H</SessionToken>
	<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
	</AssumeRoleResult></AssumeRoleResponse>
	E
}
failure() { # CODE MESSAGE
	printf '<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>' \
		"$1" "$2"
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
	-keyout "$T/tls.key" -out "$T/tls.pem" -days 2 -subj /CN=x \
	-addext subjectAltName=IP:127.0.0.1 2>"$T/x"
cat >"$T/server" <<'E'
	}
	log_format aws escape=json '{"method":"$request_method","uri":"$request_uri","host":"$http_host","authorization":"$http_authorization","date":"$http_x_amz_date","payload":"$http_x_amz_content_sha256","token":"$http_x_amz_security_token","key":"$http_x_key","accept":"$http_accept","type":"$content_type","body":"$request_body"}';
	server {
	server_name 127.0.0.1;
	root @T@/www;
	default_type text/plain;
	listen 127.0.0.1:@PORT@;
	listen 127.0.0.1:@PORT1@ ssl;
	ssl_certificate @T@/tls.pem;
	ssl_certificate_key @T@/tls.key;
	access_log @T@/access.log;
	location = /latest/api/token {
		if (-f @T@/www/disabled) { return 403; }
		if ($request_method != PUT) { return 405; }
		if ($http_x_aws_ec2_metadata_token_ttl_seconds = "") { return 400; }
		return 200 "tok-hunter2";
	}
	location = /latest/meta-data/iam/security-credentials/ {
		if ($http_x_aws_ec2_metadata_token != "tok-hunter2") { return 401; }
		rewrite ^ /imds/ROLE break;
	}
	location /latest/meta-data/iam/security-credentials/ {
		if ($http_x_aws_ec2_metadata_token != "tok-hunter2") { return 401; }
		alias @T@/www/imds/;
	}
	location = /container {
		if ($http_authorization != "tok-hunter2") { return 401; }
		alias @T@/www/container.json;
	}
	location = /sts {
		access_log @T@/sts.log aws;
		proxy_pass http://127.0.0.1:@PORT@/answer;
	}
	location = /answer {
		access_log off;
		if (-f @T@/www/busy) { return 503; }
		if (-f @T@/www/refused.xml) { return 403; }
		error_page 403 /refused.xml;
		error_page 405 =200 /sts.xml;
		alias @T@/www/sts.xml;
	}
	location = /busy { return 503; }
E
sed -i "s|@T@|$T|g" "$T/server"
nginx_start "$T/server" || exit 1

# The instance's metadata service.  No proxy may come to see it.
export AWS_EC2_METADATA_SERVICE_ENDPOINT=$nginx_url/
export http_proxy=http://127.0.0.1:1
document I >"$T/www/imds/my-role"
like "$(keys get)" 'metadata service: the instance has no role$' 'no role'
printf 'my-role\nother' >"$T/www/imds/ROLE"
is "$(keys get)" "I s-$H/ t-$H 1" 'the keys of the role'
document I2 >"$T/www/imds/new"
is "$(keys get sh "mv $T/www/imds/new $T/www/imds/my-role" get renew get renew)" \
	"I s-$H/ t-$H 1
I s-$H/ t-$H 1
yes
I2 s-$H/ t-$H 2
no" 'they are kept, until they are refused'
is "$(keys get sh "touch $T/www/disabled" renew get sh "rm $T/www/disabled" get |
	cut -c 1-66)" \
	"I2 s-$H/ t-$H 1
yes
75 there are no credentials for S3 now: no \$AWS_ACCESS_KEY_ID; no 
I2 s-$H/ t-$H 1" 'a service that is away for a moment'
touch "$T/www/disabled"
like "$(keys get)" '^78 .*metadata service: HTTP status 403$' 'not for us'
rm "$T/www/disabled"
for role in ../up '' 'a b' "$(printf '%0200d' 0)"; do
	printf '%s' "$role" >"$T/www/imds/ROLE"
	is "$(keys get)" \
		"78 the instance's metadata service: the role's name is none" \
		"not a role: '${role:0:9}'"
done
printf my-role >"$T/www/imds/ROLE"
printf '{"Code":"Failed"}' >"$T/www/imds/my-role"
is "$(keys get)" \
	"77 the instance's metadata service: role 'my-role': it says 'Failed'" \
	'a document that says no'
head -c 70000 /dev/zero | tr '\0' x >"$T/www/imds/my-role"
like "$(keys get)" 'the answer is longer than 65536 bytes' 'one that is long'
is "$(AWS_EC2_METADATA_DISABLED=TRUE keys get | grep -c 'not asked')" 1 \
	'not asked'

# A container's.
export AWS_CONTAINER_CREDENTIALS_FULL_URI=$nginx_url/container
document C >"$T/www/container.json"
is "$(keys get)" "77 the container's credentials: HTTP status 401" 'a stranger'
is "$(AWS_CONTAINER_AUTHORIZATION_TOKEN=tok-$H keys get)" "C s-$H/ t-$H 1" \
	'a container with its token'
echo "tok-$H" >"$T/token"
is "$(AWS_CONTAINER_AUTHORIZATION_TOKEN=no \
	AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$T/token keys get)" \
	"C s-$H/ t-$H 1" '... in a file'
rm "$T/www/container.json"
is "$(AWS_CONTAINER_AUTHORIZATION_TOKEN=tok-$H keys get)" \
	"77 the container's credentials: HTTP status 404" 'one that has none'
: >"$T/access.log"
is "$(AWS_CONTAINER_CREDENTIALS_FULL_URI=$nginx_url/busy keys get)" \
	"75 the container's credentials: HTTP status 503" 'a busy one'
is "$(grep -c busy "$T/access.log")" 3 '... is asked three times'
unset AWS_CONTAINER_CREDENTIALS_FULL_URI http_proxy

# Web identity.
export AWS_EC2_METADATA_DISABLED=true
export AWS_WEB_IDENTITY_TOKEN_FILE=$T/jwt AWS_ROLE_ARN=arn:aws:iam::1:role/r
export AWS_ENDPOINT_URL_STS=$nginx_url/sts
# Its letters need an escape in a form.
echo "jwt.$H+/=" >"$T/jwt"
sts W >"$T/www/sts.xml"
is "$(AWS_ROLE_SESSION_NAME=me keys get)" "W s-$H t-$H 1" 'a web identity'
is "$(jq -r .body "$T/sts.log")" \
	"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=me&WebIdentityToken=jwt.$H%2B%2F%3D" \
	'... what STS is sent'
is "$(jq -r .authorization "$T/sts.log")" '' '... is not signed'
failure ExpiredTokenException 'Token expired' >"$T/www/refused.xml"
is "$(keys get)" "77 STS: role '$AWS_ROLE_ARN': ExpiredTokenException: Token expired" \
	'an identity that is refused'
failure ExpiredTokenException "not jwt.$H+/=" >"$T/www/refused.xml"
is "$(keys get)" "77 STS: role '$AWS_ROLE_ARN': ExpiredTokenException" \
	'... without telling it'
failure ValidationError 'bad arn' >"$T/www/refused.xml"
is "$(keys get)" "78 STS: role '$AWS_ROLE_ARN': ValidationError: bad arn" \
	'what is configured wrong'
failure IDPCommunicationError 'later' >"$T/www/refused.xml"
like "$(keys get)" '^75 STS: .*: later$' 'what may pass'
echo '<html>' >"$T/www/refused.xml"
is "$(keys get)" '77 STS: HTTP status 403' 'what is not of STS'
rm "$T/www/refused.xml"
is "$(keys get sh "mv $T/www/sts.xml $T/www/sts; touch $T/www/busy" renew get \
	sh "rm $T/www/busy; sed s/W/V/ $T/www/sts >$T/www/sts.xml" get)" \
	"W s-$H t-$H 1
yes
75 STS: HTTP status 503
V s-$H t-$H 2" 'STS is away for a moment'
tls=https://127.0.0.1:$((nginx_port + 1))/sts
like "$(AWS_ENDPOINT_URL_STS=$tls keys get)" '^77 STS: .*AWS_CA_BUNDLE' \
	'a STS that nobody knows'
is "$(AWS_ENDPOINT_URL_STS=$tls AWS_CA_BUNDLE=$T/tls.pem keys get)" \
	"V s-$H t-$H 1" '... and who knows it'
unset AWS_WEB_IDENTITY_TOKEN_FILE AWS_ROLE_ARN
cat >"$HOME/.aws/config" <<E
[profile web]
role_arn = arn:web
web_identity_token_file = $T/jwt
E
is "$(keys -p web get)" "V s-$H t-$H 1" 'a profile with a web identity'

# Roles by other keys, signed.
cat >"$HOME/.aws/config" <<'E'
[profile role]
role_arn = arn:role
source_profile = base
external_id = ext
role_session_name = me
duration_seconds = 900
[profile twice]
role_arn = arn:twice
source_profile = role
[profile mine]
role_arn = arn:mine
credential_source = Environment
E
cat >"$HOME/.aws/credentials" <<E
[base]
aws_access_key_id = AKIDBASE
aws_secret_access_key = $H/base
E
: >"$T/sts.log"
is "$(keys -g eu-west-9 -p role get)" "V s-$H t-$H 1" 'a role by a profile'
is "$(jq -r .body "$T/sts.log")" \
	'Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Arole&RoleSessionName=me&ExternalId=ext&DurationSeconds=900' \
	'... what STS is sent'
is "$(python3 tests/sigv4.py "$T/sts.log" "$H/base")" \
	'AKIDBASE eu-west-9 sts content-type;host;x-amz-date right' \
	'... is signed, as Python would'
: >"$T/sts.log"
is "$(AWS_REGION=r keys -p twice get)" "V s-$H t-$H 1" 'a role by a role'
is "$(jq -r '(.authorization | capture("=(?<k>[^/]*)/").k) + " " + .token' \
	"$T/sts.log")" "AKIDBASE 
V t-$H" '... by the keys of the first'
: >"$T/sts.log"
is "$(AWS_ACCESS_KEY_ID=AKIDENV AWS_SECRET_ACCESS_KEY=$H keys -p mine get)" \
	"V s-$H t-$H 1" 'a role by the keys of the environment'
is "$(python3 tests/sigv4.py "$T/sts.log" "$H" | cut -d ' ' -f 1-3)" \
	'AKIDENV us-east-1 sts' '... in the region that is said nowhere'
failure AccessDenied 'not you' >"$T/www/refused.xml"
is "$(keys -p role get)" \
	"77 $HOME/.aws/config:2: STS: role 'arn:role': AccessDenied: not you" \
	'a role that is not for us'

# A STS that is no play: radosgw's, where it is installed.
radosgw_role() { # NAME
	local admin=(timeout 60 radosgw-admin -c "$T/ceph/conf" -n client.rgw
		--admin-socket=)
	"${admin[@]}" role create --role-name="$1" --path=/ \
		--assume-role-policy-doc='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam:::user/t"]},"Action":["sts:AssumeRole"]}]}' &&
		"${admin[@]}" role policy put --role-name="$1" --policy-name=p \
			--policy-doc='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":"arn:aws:s3:::*"}]}'
}
radosgw_profile() { # ROLE SECRET
	cat >"$HOME/.aws/config" <<-E
	[profile role]
	role_arn = arn:aws:iam:::role/$1
	source_profile = role
	duration_seconds = 900
	aws_access_key_id = TESTKEY
	aws_secret_access_key = $2
	E
}
unset AWS_ENDPOINT_URL_STS
if radosgw_have; then
	# shellcheck disable=SC2034 # for radosgw.sh
	radosgw_sts=yes
	# shellcheck disable=SC2119 # no TLS
	radosgw_start || exit 1
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
	radosgw_bucket lake || exit 1
	radosgw_role reader >"$T/x" || exit 1
	radosgw_profile reader TESTSECRET
	read -r key secret token _ < <(keys -p role get)
	list=(curl -sS --noproxy '*' --aws-sigv4 aws:amz:us-east-1:s3
		--user "$key:$secret" "$radosgw_url/lake?list-type=2"
		-H 'x-amz-content-sha256: UNSIGNED-PAYLOAD')
	like "$("${list[@]}" -H "x-amz-security-token: $token")" \
		'<Name>lake</Name>' "radosgw's keys open a bucket of its"
	like "$("${list[@]}")" '<Code>AccessDenied' '... with their token alone'
	radosgw_profile nobody TESTSECRET
	like "$(keys -p role get)" '^77 .*config:2: STS: .*NoSuchEntity$' \
		'a role that is not there'
	radosgw_profile reader wrong
	like "$(keys -p role get)" '^77 .*config:2: STS: .*AccessDenied$' \
		'keys that may not have it'
fi

like "$(cat "$T/all.err")" '^7[78] ' 'messages were kept'
is "$(grep -c "$H" "$T/all.err")" 0 '... and no secret is in them'
done_testing
