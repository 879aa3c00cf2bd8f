#include "files_url.h"

#include <strings.h>

static int
hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *d = c == '\0' ? NULL : strchr(digits, c | 0x20);

	return d == NULL ? -1 : (int)(d - digits);
}

/* The path of the URL, behind a host that is ours; NULL: it has none. */
static const char *
path_of(const char *url)
{
	const char *host = url + strlen("file://"), *path = strchr(host, '/');
	size_t n = path == NULL ? 1 : (size_t)(path - host);

	if (n == 0 || (n == 9 && strncasecmp(host, "localhost", n) == 0))
		return path;
	return NULL;
}

char *
dl_files_url_pattern(const char *url, struct dl_err *err)
{
	const char *p = path_of(url);
	struct dl_buf b = {0};
	char *pattern = NULL;
	int byte;

	if (p == NULL) {
		dl_err_conf(err, "it is not a file's: that is written as "
				 "file:///PATH, or file://${PWD}/PATH");
		return NULL;
	}
	for (byte = -1; *p != '\0' && byte != 0; p++) {
		byte = -1;
		if (*p == '%' && hex(p[1]) >= 0 && hex(p[2]) >= 0) {
			byte = hex(p[1]) << 4 | hex(p[2]);
			dl_buf_addc(&b, '\\');
			p += 2;
		}
		dl_buf_addc(&b, byte < 0 ? *p : (char)byte);
	}
	if (byte == 0)
		dl_err_conf(err, "there is a NUL in its path");
	else
		pattern = dl_strdup(dl_buf_str(&b));
	dl_buf_release(&b);
	return pattern;
}

void
dl_files_url_print(struct dl_buf *b, const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~/!$&'()+,;=:@";

	dl_buf_adds(b, "file://");
	for (; *path != '\0'; path++)
		if (strchr(plain, *path) != NULL)
			dl_buf_addc(b, *path);
		else
			dl_buf_printf(b, "%%%02X", (unsigned char)*path);
}
