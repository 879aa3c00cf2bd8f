/* A journal from a disk that lied: any bytes, started from a position. */
#include "journal.h"
#include "buf.h"
#include "io.h"

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
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dl_span position = DL_SPAN("17"), part = DL_SPAN("p");
	struct dl_buf parts = {0};
	struct dl_err err = {0};
	struct dl_journal *j;

	if (path[0] == '\0') {
		if (mkdtemp(dir) == NULL)
			abort();
		(void)snprintf(path, sizeof(path), "%s/journal/k", dir);
		atexit(clean);
		dl_journal_close(dl_journal_open(dir, DL_SPAN("k"), &err));
	}
	if (dl_replace_file(path, dl_span((const char *)data, size), &err) <
		0 ||
	    (j = dl_journal_open(dir, DL_SPAN("k"), &err)) == NULL)
		abort();
	if (dl_journal_start(j, position, take_part, &parts, &err) == 0) {
		dl_journal_position(j, position);
		dl_journal_stored(j);
		if (dl_journal_append(j, &part, 1, &err) < 0)
			abort();
	}
	dl_journal_close(j);
	dl_buf_release(&parts);
	return 0;
}
