#include "source_secret.h"

#include <string.h>
#include <strings.h>

/* Names that are secrets' whole names, and parts that make a name one. */
static const char *const whole[] = {"authorization", "proxy-authorization",
    "cookie", "auth", "sig", "signature", "pwd", NULL};
static const char *const parts[] = {"token", "secret", "password", "passwd",
    "api-key", "api_key", "apikey", "auth-key", "auth_key", "access-key",
    "access_key", "credential", NULL};

static bool
is_name(const char *p, size_t n)
{
	for (size_t i = 0; whole[i] != NULL; i++)
		if (strlen(whole[i]) == n && strncasecmp(p, whole[i], n) == 0)
			return true;
	for (size_t i = 0; parts[i] != NULL; i++)
		for (size_t at = 0; at + strlen(parts[i]) <= n; at++)
			if (strncasecmp(p + at, parts[i], strlen(parts[i])) ==
			    0)
				return true;
	return false;
}

bool
dl_source_secret_header(const char *name)
{
	return is_name(name, strlen(name));
}

bool
dl_source_secret_place(const char *value, size_t n)
{
	static const char *const places[] = {
	    "{cursor", "{from", "{to", "{page", NULL};
	size_t k;

	for (size_t i = 0; places[i] != NULL; i++) {
		k = strlen(places[i]);
		if (n > k && strncmp(value, places[i], k) == 0 &&
		    (value[k] == '}' || value[k] == ':') &&
		    strcspn(value, "}") + 1 == n)
			return true;
	}
	return false;
}

/* Does p begin with "USER:PASSWORD@", with something for a password? */
static bool
begins_with_login(const char *p)
{
	size_t n = strcspn(p, "/?# \t'\""), colon = strcspn(p, ":");

	while (n > 0 && p[n - 1] != '@')
		n--;
	return n > 0 && colon + 2 < n;
}

static bool
has_password(const char *p)
{
	while ((p = strstr(p, "://")) != NULL) {
		p += 3;
		if (begins_with_login(p))
			return true;
	}
	return false;
}

/* Is there a parameter "NAME=VALUE" that proves who asks? */
static bool
has_parameter(const char *p)
{
	for (p = strchr(p, '?'); p != NULL; p = strpbrk(p + 1, "&?")) {
		size_t n = strcspn(p + 1, "=&");
		const char *value = p + 2 + n;

		if (p[1 + n] == '=' && *value != '\0' && *value != '&' &&
		    is_name(p + 1, n) &&
		    !dl_source_secret_place(value, strcspn(value, "&#")))
			return true;
	}
	return false;
}

const char *
dl_source_secret_url(const char *url)
{
	if (has_password(url))
		return "a password";
	return has_parameter(url) ? "a key or token" : NULL;
}

bool
dl_source_secret_proxy(const char *proxy)
{
	return dl_source_secret_url(proxy) != NULL || begins_with_login(proxy);
}
