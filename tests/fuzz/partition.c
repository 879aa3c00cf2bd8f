/*
 * Templates and the records that fill them: the first line is a template, the
 * rest an event's data.  No component may be hidden, empty, or lead elsewhere.
 */
#include "partition.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct dl_span path)
{
	size_t i, from = 0;

	for (i = 0; i <= path.len; i++) {
		if (i < path.len && path.p[i] != '/')
			continue;
		if (i == from || i - from > DL_PARTITION_COMPONENT ||
		    path.p[from] == '.' || path.p[from] == '_' ||
		    memchr(path.p + from, '\0', i - from) != NULL)
			abort();
		from = i + 1;
	}
}

static void
fill(struct dl_partition *p, struct dl_span text)
{
	struct dl_event ev = {.id = text, .source = text, .type = text};
	struct dl_buf path = {0}, decoded = {0};
	struct dl_err err = {0};

	if (text.len > 0)
		ev.data = ev.subject = text;
	if (text.len > 20 && text.p[19] == 'Z')
		ev.time = dl_span(text.p, 20);
	if (dl_partition_of(p, &ev, NULL, &path, &err) == 0) {
		check(dl_buf_as_span(&path));
		dl_partition_decode(&decoded, dl_buf_as_span(&path));
	}
	dl_buf_release(&path);
	dl_buf_release(&decoded);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *nl;
	struct dl_partition *p;
	struct dl_err err = {0};
	char *template;

	if (size == 0 || (nl = memchr(text, '\n', size)) == NULL)
		return 0;
	template = dl_strndup(dl_span(text, (size_t)(nl - text)));
	if ((p = dl_partition_new(template, &err)) != NULL) {
		fill(p, dl_span(nl + 1, size - (size_t)(nl + 1 - text)));
		dl_partition_free(p);
	}
	free(template);
	return 0;
}
