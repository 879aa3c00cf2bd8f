/* What the programs that test the twin share; each has its own directory. */
#ifndef TWIN_HELP_H
#define TWIN_HELP_H

#include "twin.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define S(lit) DL_SPAN(lit)

static char root[] = "/tmp/dl-twin-XXXXXX";
static int ndirs;
static uint64_t state = 88172645463325252u;

static uint32_t
below(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 33) % n;
}

static const char *
new_dir(void)
{
	static char dir[64];

	snprintf(dir, sizeof(dir), "%s/%d", root, ndirs++);
	return dir;
}

static struct dl_twin *
open_write(const char *dir)
{
	struct dl_err err = {0};
	struct dl_twin *t = dl_twin_open_write(dir, &err);

	if (t == NULL)
		fail_msg("%s", err.msg);
	return t;
}

static struct dl_event
observation(
    const char *component, const char *time, const char *id, const char *data)
{
	return (struct dl_event){.id = dl_span_str(id),
	    .source = S("s"),
	    .type = S(DL_TYPE_OBSERVATION),
	    .subject = dl_span_str(component),
	    .time = dl_span_str(time),
	    .recordedtime = S("2020-01-01T00:00:00Z"),
	    .data = dl_span_str(data)};
}

static void
put(struct dl_twin *t, const struct dl_event *ev)
{
	struct dl_err err = {0};

	if (dl_twin_put(t, ev, &err) != DL_TWIN_PUT_OK)
		fail_msg("%s", err.msg);
}

static void
commit(struct dl_twin *t)
{
	struct dl_err err = {0};

	if (dl_twin_commit(t, &err) < 0)
		fail_msg("%s", err.msg);
}

static int
append_names(void *arg, const struct dl_twin_record *rec, struct dl_err *err)
{
	(void)err;
	dl_buf_printf(arg, "%.*s.%.*s=%.*s ", DL_SPAN_ARG(rec->component),
	    DL_SPAN_ARG(rec->metric), DL_SPAN_ARG(rec->value));
	return 0;
}

static int
make_root(void **unused)
{
	(void)unused;
	setenv("DL_NOW", "2020-01-01T00:00:00Z", 1);
	return mkdtemp(root) == NULL;
}

static int
remove_root(void **unused)
{
	char command[64];

	(void)unused;
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

#endif
