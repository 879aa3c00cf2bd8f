/*
 * Specifications: any bytes load or fail with one line that names the file.
 */
#include "conf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct spec {
	const char *name;
	bool flag;
	int64_t every;
	const struct dl_conf_node *list;
};

static void
walk(const struct dl_conf_node *n)
{
	const struct dl_conf_node *child;
	const char *key;

	for (size_t i = 0; (child = dl_conf_child(n, i, &key)) != NULL; i++) {
		if (key != NULL && dl_conf_line_of(n, key) < 1)
			abort();
		if (i < 100)
			walk(child);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dl_conf_field fields[] = {
	    {"name", DL_CONF_STR, true, offsetof(struct spec, name), NULL},
	    {"flag", DL_CONF_BOOL, false, offsetof(struct spec, flag), NULL},
	    {"every", DL_CONF_DURATION, false, offsetof(struct spec, every),
		NULL},
	    {"list", DL_CONF_LIST, false, offsetof(struct spec, list), NULL},
	    {NULL, DL_CONF_STR, false, 0, NULL},
	};
	struct dl_err err = {0};
	struct spec s = {0};
	struct dl_conf *c;
	char path[64];
	int fd;

	if ((fd = memfd_create("conf", MFD_CLOEXEC)) < 0 ||
	    write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	c = dl_conf_load(path, &err);
	if (c != NULL) {
		walk(dl_conf_root(c));
		dl_conf_take(c, dl_conf_root(c), "a spec", fields, &s, &err);
	}
	if (err.status != 0 && (err.status != DL_EXIT_CONF ||
				   strncmp(err.msg, path, strlen(path)) != 0))
		abort();
	dl_conf_free(c);
	close(fd);
	return 0;
}
