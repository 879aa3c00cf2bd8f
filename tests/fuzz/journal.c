/* A journal from a disk that lied: any bytes, started from a position. */
#include "journal_private.h"
#include "io.h"
#include "log.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/dl-fuzz-journal-XXXXXX";
static char path[128];

static void
clean(void)
{
	char name[128];

	(void)unlink(path);
	(void)snprintf(name, sizeof(name), "%s/lock/k", dir);
	(void)unlink(name);
	(void)snprintf(name, sizeof(name), "%s/lock", dir);
	(void)rmdir(name);
	(void)snprintf(name, sizeof(name), "%s/journal", dir);
	(void)rmdir(name);
	(void)rmdir(dir);
}

static int
take_part(void *arg, struct dl_span part, struct dl_err *err)
{
	(void)err;
	dl_buf_span(arg, part);
	return part.len % 3 != 0;
}

/* As the stream's does: the one's beginning and the other's end. */
static bool
join(struct dl_span a, struct dl_span b, bool far, struct dl_buf *out)
{
	if (!far && (a.len == 0 || b.len == 0 || a.p[a.len - 1] != b.p[0]))
		return false;
	dl_buf_add(out, a.p, a.len / 2);
	dl_buf_add(out, b.p + b.len / 2, b.len - b.len / 2);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dl_journal_kind kind = {
	    "journal", "the lake", join};
	struct dl_span position = DL_SPAN("17"), part = DL_SPAN("p");
	struct dl_buf parts = {0};
	struct dl_err err = {0};
	struct dl_journal *j;
	int i;

	if (path[0] == '\0') {
		if (mkdtemp(dir) == NULL)
			abort();
		(void)snprintf(path, sizeof(path), "%s/journal/k", dir);
		atexit(clean);
		dl_log_init("fuzz", DL_LOG_ERROR);
		dl_journal_close(
		    dl_journal_open(&kind, dir, DL_SPAN("k"), &err));
	}
	if (dl_replace_file(path, dl_span((const char *)data, size), &err) <
		0 ||
	    (j = dl_journal_open(&kind, dir, DL_SPAN("k"), &err)) == NULL)
		abort();
	if (dl_journal_start(j, position, take_part, &parts, &err) == 0) {
		dl_journal_hold(j, size % 2 == 0);
		dl_journal_position(j, position);
		dl_journal_stored(j);
		for (i = 0; i < 4; i++)
			if (dl_journal_append(j, &part, 1, true, &err) < 0)
				abort();
		j->fold_bytes = 0;
		if (dl_journal_append(j, &part, 1, false, &err) < 0 ||
		    dl_journal_end(j, &err) < 0)
			abort();
	}
	dl_journal_close(j);
	dl_buf_release(&parts);
	return 0;
}
