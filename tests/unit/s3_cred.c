/* s3_cred: where credentials are found, in which order, and when anew. */
#include "s3_cred.h"

#include "buf.h"
#include "clock.h"
#include "io.h"
#include "s3_cred_private.h"
#include "seal.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define NOBODY "http://127.0.0.1:1"
#define SECRET "hunter2/+x"

static char dir[] = "/tmp/dl-unit.XXXXXX";

static const char *const variables[] = {"AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_STS", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_CA_BUNDLE", "http_proxy", "https_proxy", "all_proxy", "DL_NOW"};

static const char *
path(const char *name)
{
	static char out[PATH_MAX];

	snprintf(out, sizeof(out), "%s/%s", dir, name);
	return out;
}

static void
put(const char *name, const char *text)
{
	struct dl_err err = {0};

	assert_int_equal(
	    dl_replace_file(path(name), dl_span_str(text), &err), 0);
	assert_int_equal(chmod(path(name), 0600), 0);
}

static void
credentials(const char *text)
{
	put(".aws/credentials", text);
}

static void
config(const char *text)
{
	put(".aws/config", text);
}

/* As on a machine where nothing is configured. */
static int
clean(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		unsetenv(variables[i]);
	setenv("HOME", dir, 1);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	unlink(path(".aws/credentials"));
	unlink(path(".aws/config"));
	return 0;
}

/* Text, in which the directory is "@"; no secret is in it. */
static const char *
told(enum dl_exit status, const char *msg)
{
	static struct dl_buf out;
	const char *at;

	assert_null(strstr(msg, "hunter2"));
	dl_buf_clear(&out);
	dl_buf_printf(&out, "%d ", (int)status);
	while ((at = strstr(msg, dir)) != NULL) {
		dl_buf_printf(&out, "%.*s@", (int)(at - msg), msg);
		msg = at + strlen(dir);
	}
	dl_buf_adds(&out, msg);
	return dl_buf_str(&out);
}

/* "KEY SECRET TOKEN", or "STATUS MESSAGE". */
static const char *
keys(struct dl_s3_cred *c, uint64_t *generation)
{
	static struct dl_buf out;
	struct dl_err err = {0};
	struct dl_s3_keys k;

	if (dl_s3_cred_get(c, &k, generation, &err) < 0)
		return told(err.status, err.msg);
	dl_buf_clear(&out);
	dl_buf_printf(&out, "%s %s %s", k.access_key, k.secret_key,
	    k.session_token == NULL ? "-" : k.session_token);
	return dl_buf_str(&out);
}

static struct dl_s3_cred *
open_cred(const struct dl_s3_cred_options *o)
{
	struct dl_err err = {0};
	struct dl_s3_cred *c = dl_s3_cred_new(o, &err);

	if (c == NULL)
		fail_msg("%s", err.msg);
	return c;
}

static const char *
got_by(const struct dl_s3_cred_options *o)
{
	struct dl_err err = {0};
	struct dl_s3_cred *c = dl_s3_cred_new(o, &err);
	uint64_t generation;
	const char *text;

	if (c == NULL)
		return told(err.status, err.msg);
	text = keys(c, &generation);
	dl_s3_cred_free(c);
	return text;
}

static const char *
got(const char *profile)
{
	return got_by(&(struct dl_s3_cred_options){.profile = profile});
}

static void
nothing(void **state)
{
	(void)state;
	assert_string_equal(got(NULL),
	    "78 there are no credentials for S3: no $AWS_ACCESS_KEY_ID; no "
	    "$AWS_WEB_IDENTITY_TOKEN_FILE; no keys in profile 'default' of "
	    "'@/.aws/credentials' and '@/.aws/config'; no container's "
	    "($AWS_CONTAINER_CREDENTIALS_FULL_URI); the instance's metadata "
	    "service: not asked ($AWS_EC2_METADATA_DISABLED)");
	unsetenv("AWS_EC2_METADATA_DISABLED");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", NOBODY, 1);
	assert_non_null(
	    strstr(got(NULL), "the instance's metadata service: does not"));
}

/* Who listens, and says nothing. */
static void
silence(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	int s = socket(AF_INET, SOCK_STREAM, 0);
	int64_t began = dl_clock_ms();
	char url[64];

	(void)state;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(s, 4), 0);
	getsockname(s, (struct sockaddr *)&at, &len);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(at.sin_port));
	unsetenv("AWS_EC2_METADATA_DISABLED");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url, 1);
	assert_memory_equal(got(NULL), "78 ", 3);
	assert_in_range(dl_clock_ms() - began, 1000, 10000);
	close(s);
}

/* Each place that is configured comes before those of before. */
static void
order(void **state)
{
	struct dl_s3_cred_options o = {.reference = "env:AWS_TEST_PAIR"};

	(void)state;
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", NOBODY, 1);
	assert_memory_equal(got(NULL), "75 the container's credentials: ", 31);
	config("[default]\naws_access_key_id=C\naws_secret_access_key=c\n");
	assert_string_equal(got(NULL), "C c -");
	config("[default]\naws_access_key_id=C\naws_secret_access_key=c\n"
	       "credential_process=echo '{\"Version\":1,\"AccessKeyId\":\"P\","
	       "\"SecretAccessKey\":\"p\",\"SessionToken\":\"t\"}'\n");
	assert_string_equal(got(NULL), "C c -");
	credentials("[default]\naws_access_key_id=F\naws_secret_access_key=f\n"
		    "aws_session_token = T\n");
	assert_string_equal(got(NULL), "F f T");
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", path("none"), 1);
	setenv("AWS_ROLE_ARN", "arn:x", 1);
	assert_string_equal(got(NULL),
	    "78 there is no file '@/none' with a web identity's token");
	setenv("AWS_ACCESS_KEY_ID", "E", 1);
	setenv("AWS_SECRET_ACCESS_KEY", SECRET, 1);
	assert_string_equal(got(NULL), "E " SECRET " -");
	setenv("AWS_SESSION_TOKEN", "tok", 1);
	assert_string_equal(got(NULL), "E " SECRET " tok");
	setenv("AWS_PROFILE", "default", 1);
	assert_string_equal(got(NULL), "E " SECRET " tok");
	assert_string_equal(got("default"), "F f T");
	setenv("AWS_TEST_PAIR", "R:" SECRET, 1);
	assert_string_equal(got_by(&o), "R " SECRET " -");
}

static void
by_reference(void **state)
{
	struct dl_s3_cred_options o = {.reference = "env:AWS_TEST_PAIR"};

	(void)state;
	setenv("AWS_TEST_PAIR", "R:r:t", 1);
	assert_string_equal(got_by(&o), "R r t");
	setenv("AWS_TEST_PAIR",
	    "{\"Version\":1,\"AccessKeyId\":\"J\",\"SecretAccessKey\":\"a\\/"
	    "b\"}",
	    1);
	assert_string_equal(got_by(&o), "J a/b -");
	setenv("AWS_TEST_PAIR", "hunter2", 1);
	assert_string_equal(got_by(&o),
	    "78 the credentials by reference: is not KEY:SECRET, nor "
	    "KEY:SECRET:TOKEN");
	setenv("AWS_TEST_PAIR", "a:hunter2:", 1);
	assert_string_equal(got_by(&o),
	    "78 the credentials by reference: the session's token is empty");
	setenv("AWS_TEST_PAIR", "a\nb:hunter2", 1);
	assert_non_null(strstr(got_by(&o), "the access key has a blank"));
	o.reference = "hunter2";
	assert_non_null(strstr(got_by(&o), "is a secret written out"));
}

static void
half_of_them(void **state)
{
	(void)state;
	setenv("AWS_ACCESS_KEY_ID", "E", 1);
	assert_string_equal(got(NULL),
	    "78 $AWS_ACCESS_KEY_ID is set, but $AWS_SECRET_ACCESS_KEY is not");
	unsetenv("AWS_ACCESS_KEY_ID");
	setenv("AWS_SECRET_ACCESS_KEY", SECRET, 1);
	assert_string_equal(got(NULL),
	    "78 $AWS_SECRET_ACCESS_KEY is set, but $AWS_ACCESS_KEY_ID is not");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/x", 1);
	assert_string_equal(got(NULL),
	    "78 $AWS_WEB_IDENTITY_TOKEN_FILE is set, but $AWS_ROLE_ARN is "
	    "not");
	unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
	/* One file's key with another's secret would be nobody's. */
	credentials("[default]\n\naws_access_key_id = A\n");
	config("[default]\naws_secret_access_key = " SECRET "\n");
	assert_string_equal(got(NULL),
	    "78 @/.aws/credentials:3: profile 'default' has no "
	    "'aws_secret_access_key' beside its 'aws_access_key_id'");
}

static void
files(void **state)
{
	static const struct {
		const char *config, *profile, *want;
	} cases[] = {
	    {"# c\n; c\n\n[ default ] # d\r\n  AWS_Access_Key_ID = A # key\r\n"
	     "  aws_secret_access_key=s#;\t; c\r\n  region = x",
		NULL, "A s#; -"},
	    {"\xef\xbb\xbf[profile a]\naws_access_key_id=A\n"
	     "aws_secret_access_key=a\n[profile a]\naws_access_key_id=B\n",
		"a", "B a -"},
	    {"[profile default]\naws_access_key_id=B\n"
	     "aws_secret_access_key=b\n"
	     "[default]\naws_access_key_id=A\naws_secret_access_key=a\n",
		NULL, "B b -"},
	    {"[profile \"a b\"]\naws_access_key_id=A\n"
	     "aws_secret_access_key=a=b\n",
		"a b", "A a=b -"},
	    {"[default]\ns3 =\n  aws_access_key_id = N\n"
	     "aws_access_key_id=A\naws_secret_access_key=a\n",
		NULL, "A a -"},
	    {"[a]\naws_access_key_id=A\n", "a",
		"78 @/.aws/config:1: expected [profile a]: in this file [a] is "
		"no profile"},
	    {"[default]\n", "b",
		"78 there is no profile 'b' in '@/.aws/credentials' or "
		"'@/.aws/config'"},
	    {"[default]\nhunter2\n", NULL,
		"78 @/.aws/config:2: expected [SECTION], or NAME = VALUE"},
	    {"[default]\n=hunter2\n", NULL,
		"78 @/.aws/config:2: expected [SECTION], or NAME = VALUE"},
	    {"\nhunter2 = x\n", NULL,
		"78 @/.aws/config:2: expected [SECTION] before the first "
		"setting"},
	    {"[default\n", NULL,
		"78 @/.aws/config:1: expected [SECTION] alone"},
	    {"[default] hunter2\n", NULL,
		"78 @/.aws/config:1: expected [SECTION] alone"},
	    {"[]\n", NULL, "78 @/.aws/config:1: expected [SECTION] alone"},
	    {"[default]\nregion = x\n  output = hunter2\n", NULL,
		"78 @/.aws/config:3: is indented, and so would be of 'region' "
		"in line 2, which has a value: take the blanks away"},
	    {"[default]\ns3 =\n  hunter2\n", NULL,
		"78 @/.aws/config:3: expected NAME = VALUE"},
	    {"[default]\naws_access_key_id=A\naws_secret_access_key=hunter2 x",
		NULL,
		"78 @/.aws/config:2: the secret key has a blank, or another "
		"character that none can have"},
	    {"[default]\ncredential_process = printf hunter2\n", NULL,
		"78 @/.aws/config:2: 'credential_process': is not an object of "
		"JSON"},
	    {"[default]\ncredential_process = exit 3\n", NULL,
		"75 @/.aws/config:2: 'credential_process': ended with status "
		"3"},
	    {"[default]\ncredential_process = echo '{}'\n", NULL,
		"78 @/.aws/config:2: 'credential_process': 'Version' is not "
		"1"},
	    {"[default]\ncredential_process = echo "
	     "'{\"Version\":1,\"AccessKeyId\":\"A\"}'\n",
		NULL,
		"78 @/.aws/config:2: 'credential_process': there is no "
		"'AccessKeyId' with a 'SecretAccessKey'"},
	    {"[default]\ncredential_process = echo "
	     "'{\"Version\":1,\"AccessKeyId\":7}'\n",
		NULL,
		"78 @/.aws/config:2: 'credential_process': 'AccessKeyId' is "
		"not a text"},
	    {"[default]\nsso_session = x\n", NULL,
		"78 @/.aws/config:2: a login by SSO is not supported; in a "
		"profile of its own 'credential_process = aws configure "
		"export-credentials --profile default' gives its keys"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		config(cases[i].config);
		assert_string_equal(got(cases[i].profile), cases[i].want);
	}
}

static void
files_that_are_none(void **state)
{
	struct dl_buf b = {0};

	(void)state;
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
	setenv("AWS_CONFIG_FILE", dir, 1);
	assert_string_equal(got(NULL), "78 '@' is not a regular file");
	setenv("AWS_CONFIG_FILE", "~/big", 1);
	while (b.len <= DL_S3_PROFILE_MAX)
		dl_buf_adds(&b, "# 3456789012345\n");
	put("big", dl_buf_str(&b));
	assert_string_equal(
	    got(NULL), "78 '@/big' is longer than 262144 bytes");
	b.len = 16;
	dl_buf_addc(&b, '\0');
	{
		struct dl_err err = {0};

		dl_replace_file(path("big"), dl_buf_as_span(&b), &err);
	}
	assert_string_equal(got(NULL), "78 '@/big' has a NUL in it");
	setenv("AWS_CONFIG_FILE", "/dev/zero", 1);
	assert_string_equal(got(NULL), "75 '/dev/zero' grows while it is read");
	dl_buf_release(&b);
}

static void
roles(void **state)
{
	static const struct {
		const char *config, *want;
	} cases[] = {
	    {"[default]\n\nrole_arn = arn:x\n",
		"78 @/.aws/config:3: 'role_arn' needs 'source_profile', "
		"'credential_source' or 'web_identity_token_file' beside it"},
	    {"[default]\nrole_arn = arn:x\nsource_profile = b\n",
		"78 @/.aws/config:3: 'source_profile': there is no profile "
		"'b'"},
	    {"[default]\nrole_arn = arn:x\nsource_profile = b\n[profile b]\n",
		"78 @/.aws/config:3: there are no keys in 'b'"},
	    {"[default]\nrole_arn = arn:x\nsource_profile = default\n",
		"78 @/.aws/config:3: there are no keys in 'default'"},
	    {"[default]\nrole_arn = arn:x\nmfa_serial = m\n",
		"78 @/.aws/config:3: 'mfa_serial': a role that asks for a code "
		"is not supported; 'credential_process' may give its keys"},
	    {"[default]\nrole_arn = arn:x\ncredential_source = Moon\n",
		"78 @/.aws/config:3: 'credential_source' is Environment, "
		"EcsContainer or Ec2InstanceMetadata"},
	    {"[default]\nrole_arn = arn:x\ncredential_source = Environment\n",
		"78 @/.aws/config:3: there are no keys in 'Environment'"},
	    {"[default]\nrole_arn = arn:x\nweb_identity_token_file = /none\n",
		"78 @/.aws/config:2: there is no file '/none' with a web "
		"identity's token"},
	    {"[default]\nrole_arn = a\nsource_profile = b\n"
	     "[profile b]\nrole_arn = b\nsource_profile = default\n",
		"78 @/.aws/config:3: 'source_profile': more than 5 profiles, "
		"one by the other"},
	    {"[default]\nrole_arn = arn:x\nsource_profile = b\n"
	     "duration_seconds = 10\n[profile b]\naws_access_key_id = A\n"
	     "aws_secret_access_key = hunter2\n",
		"78 @/.aws/config:2: 'duration_seconds' is a number from 900 "
		"to 43200"},
	    {"[default]\nrole_arn = arn:x\nsource_profile = b\n"
	     "region = evil.com/\n[profile b]\naws_access_key_id = A\n"
	     "aws_secret_access_key = hunter2\n",
		"78 @/.aws/config:2: STS: 'evil.com/' is not a region of "
		"AWS's: $AWS_ENDPOINT_URL_STS says where STS is elsewhere"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		config(cases[i].config);
		assert_string_equal(got(NULL), cases[i].want);
	}
}

/* Not over the network without TLS. */
static void
containers(void **state)
{
	static const char *const far[] = {"http://example.com/",
	    "http://127.0.0.1.example.com/", "http://169.254.170.20/",
	    "http://169.254.170.2.example.com/", "http://169.254.169.254/",
	    "http://127.0.0.1@example.com/", "ftp://127.0.0.1/", "x"};

	(void)state;
	for (size_t i = 0; i < sizeof(far) / sizeof(*far); i++) {
		setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", far[i], 1);
		assert_string_equal(got(NULL),
		    "78 $AWS_CONTAINER_CREDENTIALS_FULL_URI: expected a URL of "
		    "https, or of http at this machine, 169.254.170.2 or "
		    "169.254.170.23");
	}
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", NOBODY, 1);
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hunter2\nHost: x", 1);
	assert_string_equal(got(NULL),
	    "78 $AWS_CONTAINER_AUTHORIZATION_TOKEN: has a line break or "
	    "another control character in it");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/none", 1);
	assert_string_equal(got(NULL),
	    "78 $AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: there is no file "
	    "'/none'");
}

static const char *
setting(const char *name)
{
	static char out[128];
	struct dl_s3_cred *c =
	    open_cred(&(struct dl_s3_cred_options){.profile = NULL});
	const char *value = dl_s3_cred_setting(c, name);

	snprintf(out, sizeof(out), "%s", value == NULL ? "-" : value);
	dl_s3_cred_free(c);
	return out;
}

static void
settings(void **state)
{
	(void)state;
	assert_string_equal(setting("region"), "-");
	assert_string_equal(setting("endpoint_url"), "-");
	config("[default]\nregion = r\nendpoint_url = http://all\n"
	       "ca_bundle = /ca\nservices = s\n"
	       "s3 =\n  addressing_style = path\n  endpoint_url = http://no\n");
	assert_string_equal(setting("region"), "r");
	assert_string_equal(setting("endpoint_url"), "http://all");
	assert_string_equal(setting("ca_bundle"), "/ca");
	assert_string_equal(setting("addressing_style"), "path");
	assert_string_equal(setting("other"), "-");
	config("[services s]\ns3 =\n  endpoint_url = http://s3\n"
	       "sts =\n  endpoint_url = http://sts\n"
	       "[default]\nendpoint_url = http://all\nservices = s\n");
	assert_string_equal(setting("endpoint_url"), "http://s3");
	setenv("AWS_ENDPOINT_URL", "http://env", 1);
	assert_string_equal(setting("endpoint_url"), "http://env");
	setenv("AWS_ENDPOINT_URL_S3", "http://env3", 1);
	assert_string_equal(setting("endpoint_url"), "http://env3");
	setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
	assert_string_equal(setting("endpoint_url"), "-");
	setenv("AWS_DEFAULT_REGION", "d", 1);
	assert_string_equal(setting("region"), "d");
	setenv("AWS_REGION", "e", 1);
	assert_string_equal(setting("region"), "e");
	setenv("AWS_CA_BUNDLE", "/env", 1);
	assert_string_equal(setting("ca_bundle"), "/env");
}

/* What credential_process prints; it leaves a line in "runs". */
static void
print(const char *key, int64_t seconds)
{
	char text[512], when[DL_TIME_MAX];
	struct dl_time t;

	dl_now(&t);
	t.sec += seconds;
	t.digits = 0;
	dl_time_print(&t, when);
	snprintf(text, sizeof(text),
	    "{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"s\","
	    "\"SessionToken\":\"t\",\"Expiration\":\"%s\"}",
	    key, when);
	put("document", text);
}

static struct dl_s3_cred *
by_process(void)
{
	char text[3 * PATH_MAX];

	snprintf(text, sizeof(text),
	    "[default]\ncredential_process = echo >>%s/runs && cat "
	    "%s/document\n",
	    dir, dir);
	config(text);
	put("runs", "");
	return open_cred(&(struct dl_s3_cred_options){.profile = NULL});
}

static long
runs(void)
{
	struct stat st;

	assert_int_equal(stat(path("runs"), &st), 0);
	return (long)st.st_size;
}

/* Until keys are text, or ms have gone by. */
static const char *
until(struct dl_s3_cred *c, uint64_t *g, const char *text, int64_t ms)
{
	int64_t end = dl_clock_ms() + ms;
	const char *k;

	while (strncmp(k = keys(c, g), text, strlen(text)) != 0 &&
	       dl_clock_ms() < end)
		usleep(20000);
	return k;
}

static void
before_they_expire(void **state)
{
	struct dl_s3_cred *c = by_process();
	uint64_t g = 0, g2 = 0;
	int64_t began = dl_clock_ms();

	(void)state;
	print("A", 303);
	assert_string_equal(keys(c, &g), "A s t");
	print("B", 3600);
	assert_string_equal(keys(c, &g2),
	    dl_clock_ms() - began < 2000 ? "A s t" : keys(c, &g2));
	assert_string_equal(until(c, &g2, "B", 30000), "B s t");
	assert_int_not_equal(g, g2);
	assert_int_equal(runs(), 2);
	/* Those hold for long. */
	print("C", 3600);
	assert_string_equal(keys(c, &g), "B s t");
	assert_int_equal(runs(), 2);
	dl_s3_cred_free(c);
}

static void
where_they_cannot_be_found_anew(void **state)
{
	struct dl_s3_cred *c = by_process();
	uint64_t g;

	(void)state;
	print("A", 3);
	assert_string_equal(keys(c, &g), "A s t");
	unlink(path("document"));
	assert_string_equal(until(c, &g, "75 ", 30000),
	    "75 @/.aws/config:2: 'credential_process': ended with status 1");
	print("B", 3600);
	assert_string_equal(keys(c, &g), "B s t");
	dl_s3_cred_free(c);

	c = by_process();
	print("A", 302);
	assert_string_equal(keys(c, &g), "A s t");
	unlink(path("document"));
	for (int i = 0; i < 1500 && runs() < 2; i++, usleep(20000))
		assert_string_equal(keys(c, &g), "A s t");
	assert_int_equal(runs(), 2);
	/* The old ones hold, and not each get asks again. */
	assert_string_equal(keys(c, &g), "A s t");
	assert_int_equal(runs(), 2);
	dl_s3_cred_free(c);
}

static void
expired_from_the_start(void **state)
{
	struct dl_s3_cred *c = by_process();
	uint64_t g, g2;

	(void)state;
	print("A", -60);
	assert_string_equal(keys(c, &g), "A s t");
	assert_string_equal(keys(c, &g2), "A s t");
	assert_int_equal(g, g2);
	assert_int_equal(runs(), 1);
	put("document",
	    "{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hunter2"
	    "\",\"Expiration\":\"soon\"}");
	assert_string_equal(got(NULL),
	    "78 @/.aws/config:2: 'credential_process': 'Expiration' is not a "
	    "time");
	dl_s3_cred_free(c);
}

static void
refused(void **state)
{
	struct dl_s3_cred *c;
	uint64_t g, g2;

	(void)state;
	credentials("[default]\naws_access_key_id=A\naws_secret_access_key=a");
	c = open_cred(&(struct dl_s3_cred_options){.profile = NULL});
	assert_string_equal(keys(c, &g), "A a -");
	assert_false(dl_s3_cred_renew(c, g));
	credentials("[default]\naws_access_key_id=B\naws_secret_access_key=b");
	assert_string_equal(keys(c, &g), "A a -");
	assert_true(dl_s3_cred_renew(c, g));
	/* Another thread's request had the old ones, too. */
	assert_true(dl_s3_cred_renew(c, g));
	assert_string_equal(keys(c, &g2), "B b -");
	assert_int_not_equal(g, g2);
	credentials("[default]\nwhat");
	assert_false(dl_s3_cred_renew(c, g2));
	assert_string_equal(keys(c, &g2), "B b -");
	dl_s3_cred_free(c);

	setenv("AWS_ACCESS_KEY_ID", "E", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "e", 1);
	credentials("");
	c = open_cred(&(struct dl_s3_cred_options){.profile = NULL});
	assert_string_equal(keys(c, &g), "E e -");
	assert_false(dl_s3_cred_renew(c, g));
	dl_s3_cred_free(c);

	put("pair", "R:r");
	c = open_cred(
	    &(struct dl_s3_cred_options){.reference = "cmd:cat pair"});
	assert_string_equal(keys(c, &g), "R r -");
	assert_false(dl_s3_cred_renew(c, g));
	put("pair", "S:s");
	assert_true(dl_s3_cred_renew(c, g));
	assert_string_equal(keys(c, &g), "S s -");
	/* It may be there again in a moment, but those were refused. */
	unlink(path("pair"));
	assert_true(dl_s3_cred_renew(c, g));
	assert_memory_equal(keys(c, &g), "75 ", 3);
	put("pair", "T:t");
	assert_string_equal(keys(c, &g), "T t -");
	dl_s3_cred_free(c);
}

#define KEYS "<AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"

static void
answers(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"<R><Credentials><x/>" KEYS "</Credentials></R>", "A s -"},
	    {"<a:R xmlns:a='u'><a:Credentials><a:AccessKeyId>A&amp;&#66;"
	     "</a:AccessKeyId><SecretAccessKey><![CDATA[s<]]>"
	     "</SecretAccessKey><SessionToken>t</SessionToken>"
	     "</a:Credentials></a:R>",
		"A&B s< t"},
	    {"<R>" KEYS "</R>", "the answer has no credentials in it"},
	    {"<R><Credentials>" KEYS KEYS "</Credentials></R>", "not as STS"},
	    {"<!DOCTYPE R [<!ENTITY a 'x'>]><R/>", "not as STS"},
	    {"<R><Credentials>" KEYS, "not as STS"},
	    {"", "not as STS"},
	    {"<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>",
		"not as STS"},
	    {"<R><Credentials>" KEYS
	     "<Expiration>hunter2</Expiration></Credentials></R>",
		"'Expiration' is not a time"},
	    {"<R><Credentials><AccessKeyId/>" KEYS "</Credentials></R>",
		"not as STS"},
	};
	struct dl_s3_found f = {.access_key = NULL};
	char code[64], message[256], text[256];
	struct dl_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		err = (struct dl_err){0};
		if (dl_s3_sts_keys(&f, dl_span_str(cases[i].text), &err) > 0)
			snprintf(text, sizeof(text), "%s %s %s", f.access_key,
			    f.secret_key,
			    f.session_token == NULL ? "-" : f.session_token);
		else
			snprintf(text, sizeof(text), "%s",
			    told(err.status, err.msg));
		assert_non_null(strstr(text, cases[i].want));
		dl_s3_found_release(&f);
	}
	dl_s3_sts_failure(DL_SPAN("<E><Error><Type>Sender</Type><Code>No</Code>"
				  "<Message>never</Message></Error></E>"),
	    code, message);
	assert_string_equal(code, "No");
	assert_string_equal(message, "never");
	dl_s3_sts_failure(DL_SPAN("<html>"), code, message);
	assert_string_equal(code, "");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, clean)
	const struct CMUnitTest tests[] = {
	    TEST(nothing),
	    TEST(silence),
	    TEST(order),
	    TEST(by_reference),
	    TEST(half_of_them),
	    TEST(files),
	    TEST(files_that_are_none),
	    TEST(roles),
	    TEST(containers),
	    TEST(settings),
	    TEST(before_they_expire),
	    TEST(where_they_cannot_be_found_anew),
	    TEST(expired_from_the_start),
	    TEST(refused),
	    TEST(answers),
	};
	char command[PATH_MAX + 20];
	struct dl_err err = {0};
	int status;

	if (dl_seal_start(&err) < 0 || mkdtemp(dir) == NULL ||
	    mkdir(path(".aws"), 0700) < 0 || chdir(dir) < 0)
		return 1;
	status = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) == 0 ? status : 1;
}
