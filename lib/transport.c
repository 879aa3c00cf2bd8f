#include "transport.h"

#include "span.h"

#include <strings.h>

static bool
begins(const char *url, const char *prefix)
{
	return strncasecmp(url, prefix, strlen(prefix)) == 0;
}

/* Is it of many files: a directory's, or a pattern of glob(7)? */
static bool
names_several(const char *url)
{
	return url[strlen(url) - 1] == '/' || strpbrk(url, "*?[") != NULL;
}

const struct dl_transport_kind *
dl_transport_find(const char *url, struct dl_err *err)
{
	static const char *const fetched[] = {"http://", "https://", "ftp://",
	    "ftps://", "ftpes://", "sftp://", "file://"};

	if (begins(url, "exec:"))
		return &dl_transport_exec;
	if (begins(url, "mqtt://") || begins(url, "mqtts://"))
		return &dl_transport_mqtt;
	if (begins(url, "file://") && names_several(url))
		return &dl_transport_files;
	for (size_t i = 0; i < sizeof(fetched) / sizeof(*fetched); i++)
		if (begins(url, fetched[i]))
			return &dl_transport_fetch;
	if (strstr(url, "://") == NULL)
		dl_err_conf(err,
		    "there is no scheme: a file is written as file:///PATH, or "
		    "file://${PWD}/PATH, a command as exec:COMMAND");
	else if (begins(url, "file:"))
		dl_err_conf(err,
		    "not a file's URL: it is written as file:///PATH, or "
		    "file://${PWD}/PATH");
	else
		dl_err_conf(err,
		    "the scheme is none of http, https, ftp, ftps, ftpes, "
		    "sftp, file, exec, mqtt and mqtts");
	return NULL;
}
