/* dl-lake-write - store events in a lake, partitioned and compressed. */
#include "flow.h"
#include "lake.h"
#include "lake_place.h"
#include "num.h"
#include "partition.h"
#include "tool.h"

#include <stdio.h>
#include <unistd.h>

static struct dl_lake_store *store;
static struct dl_lake_writer *writer;

static void
close_lake(void)
{
	dl_lake_close(writer);
	if (store != NULL)
		store->ops->close(store);
}

/* End, with what this run staged thrown away. */
static void fail(const struct dl_err *err) __attribute__((noreturn));

static void
fail(const struct dl_err *err)
{
	close_lake();
	dl_tool_fail(err);
}

static int
parse_layout(const char *text, enum dl_lake_layout *layout, struct dl_err *err)
{
	if (strcmp(text, "event") != 0 && strcmp(text, "flat") != 0)
		return dl_err_usage(
		    err, "'%s' is not a layout (event, flat)", text);
	*layout = *text == 'e' ? DL_LAKE_EVENT : DL_LAKE_FLAT;
	return 0;
}

static int
put(struct dl_flow *f, struct dl_err *err)
{
	struct dl_err why;
	const char *code;

	dl_err_clear(&why); /* not all of it, for each event */
	switch (dl_lake_put(writer, &f->ev, &code, &why)) {
	case 1:
		f->counts.out++;
		return 0;
	case 0:
		f->counts.dropped++;
		return 0;
	}
	if (code != NULL)
		return dl_flow_dead(f, code, &why, err);
	*err = why;
	return -1;
}

static int
ack(struct dl_flow *f, struct dl_err *err)
{
	struct dl_span key, position;

	if (!dl_lake_safe(writer, &key, &position))
		return 0;
	return dl_flow_ack(f, key, position, err);
}

/* Take one thing from the input, or publish what is due: 1, 0 at the end. */
static int
step(struct dl_flow *f, struct dl_err *err)
{
	int wait = dl_lake_wait_ms(writer), r = 1;

	if (wait == 0)
		return dl_lake_step(writer, err) < 0 || ack(f, err) < 0 ? -1
		                                                        : 1;
	switch (dl_flow_next(f, wait, err)) {
	case DL_FLOW_FAIL:
		return -1;
	case DL_FLOW_END:
		if (dl_lake_end(writer, err) < 0)
			return -1;
		r = 0;
		break;
	case DL_FLOW_EVENT:
		/* Only a part that is full, alone, can make all durable here. */
		if (put(f, err) < 0)
			return -1;
		break;
	case DL_FLOW_CHECKPOINT:
		if (dl_lake_checkpoint(writer, f->ev.source, f->ev.id, err) < 0)
			return -1;
		break;
	case DL_FLOW_IDLE:
		if (dl_lake_step(writer, err) < 0)
			return -1;
		break;
	}
	return ack(f, err) < 0 ? -1 : r;
}

static void
say_summary(uint64_t dead)
{
	struct dl_lake_counts n;
	char size[32];

	dl_lake_counts(writer, &n);
	dl_num_print_size((int64_t)n.bytes, size);
	printf("%llu events, %llu parts, %s, to %s",
	    (unsigned long long)n.records, (unsigned long long)n.parts, size,
	    store->name);
	if (n.skipped > 0)
		printf(" (%llu were stored already)",
		    (unsigned long long)n.skipped);
	if (dead > 0)
		printf(" (%llu dead letters)", (unsigned long long)dead);
	printf("\n");
	fflush(stdout);
}

int
main(int argc, char *argv[])
{
	struct dl_err err = {0};
	struct dl_flow f = {.counts = {0}};
	const char *codec = "zstd", *layout = "event", *dead = NULL;
	struct dl_lake_options o = {
	    .partition = DL_PARTITION_TEMPLATE,
	    .max_bytes = DL_LAKE_MAX_BYTES,
	    .max_age_ms = DL_LAKE_MAX_AGE_MS,
	    .max_open = DL_LAKE_MAX_OPEN,
	};
	struct dl_lake_place place = {.home = NULL};
	int first, r;

	const struct dl_opt opts[] = {
	    DL_OPT_STR('P', "partition", &o.partition, "TEMPLATE",
		"where an event goes: dt={time:%Y-%m-%d}"),
	    DL_OPT_STR('z', "codec", &codec, "CODEC",
		"zstd (default), gzip or none; zstd:LEVEL"),
	    DL_OPT_STR(0, "layout", &layout, "LAYOUT",
		"event (default), or flat: data's members on top"),
	    DL_OPT_SIZE(0, "max-bytes", &o.max_bytes, "SIZE",
		"publish a part of so many bytes (64M)"),
	    DL_OPT_DURATION(0, "max-age", &o.max_age_ms, "DURATION",
		"publish what is so old (5m)"),
	    DL_OPT_COUNT(0, "max-open", &o.max_open, "N",
		"keep at most so many partitions open (256)"),
	    DL_OPT_COUNT('j', "jobs", &o.jobs, "N",
		"pack in N threads (one a processor, at most 4)"),
	    DL_OPT_STR('d', "dead", &dead, "FILE",
		"append what cannot be stored to FILE"),
	    DL_LAKE_OPTIONS(place),
	    DL_LAKE_WRITE_OPTIONS(place),
	    DL_OPT_COMMON,
	};
	first = dl_tool_start(
	    "dl-lake-write", opts, "LAKE", 1, 1, DL_TOOL_DRAIN, argc, argv);

	if (dl_codec_parse(codec, &o.codec, &err) < 0 ||
	    parse_layout(layout, &o.layout, &err) < 0 ||
	    dl_lake_check(&o, &err) < 0)
		dl_tool_fail(&err);
	place.home = dl_tool_home_option;
	store = dl_lake_place_open(&place, argv[first], DL_LAKE_WRITING, &err);
	dl_tool_metric(dl_span_str(argv[first]), &f.counts);
	if (store == NULL ||
	    (writer = dl_lake_open_write(store, &o, &err)) == NULL ||
	    dl_flow_open(&f, dead, "dl-lake-write", DL_SPAN(""), &err) < 0)
		fail(&err);
	while ((r = step(&f, &err)) > 0)
		;
	if (r < 0)
		fail(&err);
	if (isatty(STDOUT_FILENO) && !dl_tool_quiet)
		say_summary(f.counts.dead);
	close_lake();
	if (dl_flow_close(&f, &err) < 0)
		dl_tool_fail(&err);
	return dl_tool_finish();
}
