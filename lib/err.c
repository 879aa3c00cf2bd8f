#include "err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * Keep one failure on one line: nothing foreign drives a terminal.  To some, the
 * controls U+0080 to U+009F mean what they do after an ESC.
 */
static void
tidy(char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
		else if (*s == '\xc2' && (unsigned char)s[1] >= 0x80 &&
			 (unsigned char)s[1] < 0xa0)
			*s = s[1] = '?';
	}
}

static int fail(struct dl_err *, enum dl_exit, const char *, va_list)
    DL_PRINTF(3, 0);

static int
fail(struct dl_err *err, enum dl_exit status, const char *fmt, va_list ap)
{
	if (err->status != DL_EXIT_OK)
		return -1;
	err->status = status;
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	tidy(err->msg);
	return -1;
}

#define DEFINE_FAIL(name, status) \
	int name(struct dl_err *err, const char *fmt, ...) \
	{ \
		va_list ap; \
\
		va_start(ap, fmt); \
		fail(err, status, fmt, ap); \
		va_end(ap); \
		return -1; \
	}

DEFINE_FAIL(dl_err_data, DL_EXIT_DATA)
DEFINE_FAIL(dl_err_temp, DL_EXIT_TEMP)
DEFINE_FAIL(dl_err_conf, DL_EXIT_CONF)
DEFINE_FAIL(dl_err_denied, DL_EXIT_DENIED)
DEFINE_FAIL(dl_err_usage, DL_EXIT_USAGE)
DEFINE_FAIL(dl_err_bug, DL_EXIT_BUG)

int
dl_err_errno(struct dl_err *err, const char *fmt, ...)
{
	int e = errno;
	enum dl_exit status = DL_EXIT_TEMP;
	char what[DL_ERR_MAX / 2];
	va_list ap;

	if (err->status != DL_EXIT_OK)
		return -1;
	if (e == EACCES || e == EPERM || e == EROFS)
		status = DL_EXIT_DENIED;
	if (e == EISDIR || e == ENOTDIR || e == ENAMETOOLONG || e == ELOOP)
		status = DL_EXIT_CONF;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	err->status = status;
	snprintf(err->msg, sizeof(err->msg), "%s: %s", what, strerror(e));
	tidy(err->msg);
	return -1;
}

void
dl_err_clear(struct dl_err *err)
{
	err->status = DL_EXIT_OK;
	err->msg[0] = '\0';
}

void
dl_err_prefix(struct dl_err *err, const char *fmt, ...)
{
	char where[DL_ERR_MAX / 2], msg[DL_ERR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(where, sizeof(where), fmt, ap);
	va_end(ap);
	memcpy(msg, err->msg, sizeof(msg));
	snprintf(err->msg, sizeof(err->msg), "%s: %.*s", where,
	    DL_ERR_MAX / 2 - 3, msg);
	tidy(err->msg);
}
