#include "transport.h"

#include "span.h"

#include <strings.h>

static bool
begins(const char *url, const char *prefix)
{
	return strncasecmp(url, prefix, strlen(prefix)) == 0;
}

const struct dl_transport_kind *
dl_transport_find(const char *url, struct dl_err *err)
{
	static const char *const fetched[] = {
	    "http://", "https://", "ftp://", "ftps://", "sftp://", "file://"};

	for (size_t i = 0; i < sizeof(fetched) / sizeof(*fetched); i++)
		if (begins(url, fetched[i]))
			return &dl_transport_fetch;
	if (strstr(url, "://") == NULL)
		dl_err_conf(err,
		    "there is no scheme: a file is written as file:///PATH, or "
		    "file://${PWD}/PATH");
	else if (begins(url, "file:"))
		dl_err_conf(err,
		    "not a file's URL: it is written as file:///PATH, or "
		    "file://${PWD}/PATH");
	else
		dl_err_conf(err,
		    "the scheme is none of http, https, ftp, ftps, "
		    "sftp and file");
	return NULL;
}
