#include "home.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_MAX_LEN 64

static bool
alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

bool
dl_name_ok(struct dl_span name)
{
	if (name.len == 0 || name.len > NAME_MAX_LEN || !alnum(name.p[0]))
		return false;
	for (size_t i = 1; i < name.len; i++)
		if (!alnum(name.p[i]) && strchr("._-", name.p[i]) == NULL)
			return false;
	return memchr(name.p, '\0', name.len) == NULL;
}

static int
join(char out[PATH_MAX], const char *a, const char *b, const char *c,
    struct dl_err *err)
{
	int n = snprintf(out, PATH_MAX, "%s%s%s%s%s", a, b == NULL ? "" : "/",
	    b == NULL ? "" : b, c == NULL ? "" : "/", c == NULL ? "" : c);

	if (n >= PATH_MAX)
		return dl_err_usage(err, "the path '%s…' is too long", a);
	return 0;
}

static const char *
env(const char *name)
{
	const char *v = getenv(name);

	return v == NULL || *v == '\0' ? NULL : v;
}

int
dl_home(char out[PATH_MAX], const char *option, struct dl_err *err)
{
	const char *v;

	if (option != NULL && *option == '\0')
		return dl_err_usage(err, "--home is empty");
	if (option != NULL)
		return join(out, option, NULL, NULL, err);
	if ((v = env("DL_HOME")) != NULL)
		return join(out, v, NULL, NULL, err);
	if ((v = env("XDG_DATA_HOME")) != NULL)
		return join(out, v, "dl", NULL, err);
	if ((v = env("HOME")) != NULL)
		return join(out, v, ".local/share", "dl", err);
	return dl_err_usage(err, "there is no home: set DL_HOME or give -H");
}

int
dl_home_resolve(char out[PATH_MAX], const char *option, const char *what,
    const char *address, struct dl_err *err)
{
	char home[PATH_MAX];

	if (strstr(address, "://") != NULL)
		return dl_err_usage(err,
		    "there is no storage for '%s': give a name or a path",
		    address);
	if (strchr(address, '/') != NULL || strcmp(address, ".") == 0 ||
	    strcmp(address, "..") == 0)
		return join(out, address, NULL, NULL, err);
	if (!dl_name_ok(dl_span_str(address)))
		return dl_err_usage(err,
		    "'%s' is not a name: a letter or digit, then up to 63 of "
		    "[A-Za-z0-9._-] (a path has a '/')",
		    address);
	if (dl_home(home, option, err) < 0)
		return -1;
	return join(out, home, what, address, err);
}
