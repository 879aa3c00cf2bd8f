#include "lake_place.h"

#include "buf.h"
#include "home.h"

#define WRITER_GIVES_UP_MS (60 * 60 * 1000)

/* A part of a tag as it stands in a query. */
static void
escape(struct dl_buf *b, struct dl_span text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if ((text.p[i] >= 'a' && text.p[i] <= 'z') ||
		    (text.p[i] >= 'A' && text.p[i] <= 'Z') ||
		    (text.p[i] >= '0' && text.p[i] <= '9') ||
		    memchr("-._~", text.p[i], 4) != NULL)
			dl_buf_addc(b, text.p[i]);
		else
			dl_buf_printf(b, "%%%02X", (uint8_t)text.p[i]);
}

int
dl_lake_place_tag(void *to, char *const *argv, struct dl_err *err)
{
	struct dl_lake_place *place = to;
	const char *eq = strchr(argv[0], '=');
	struct dl_buf tags = {0};

	if (eq == NULL || eq == argv[0])
		return dl_err_usage(
		    err, "expected KEY=VALUE, not '%s'", argv[0]);
	dl_buf_adds(&tags, place->tags);
	if (tags.len > 0)
		dl_buf_addc(&tags, '&');
	escape(&tags, dl_span(argv[0], (size_t)(eq - argv[0])));
	dl_buf_addc(&tags, '=');
	escape(&tags, dl_span_str(eq + 1));
	if (tags.len >= sizeof(place->tags))
		dl_err_usage(err, "the tags are too long");
	else
		memcpy(place->tags, dl_buf_str(&tags), tags.len + 1);
	dl_buf_release(&tags);
	return err->status == DL_EXIT_OK ? 0 : -1;
}

static int
find_style(struct dl_lake_place *place, struct dl_err *err)
{
	if (place->style == NULL)
		return 0;
	if (strcmp(place->style, "path") == 0)
		place->s3.style = DL_S3_STYLE_PATH;
	else if (strcmp(place->style, "virtual") == 0)
		place->s3.style = DL_S3_STYLE_VIRTUAL;
	else
		return dl_err_usage(
		    err, "--style is path or virtual, not '%s'", place->style);
	return 0;
}

static struct dl_lake_store *
open_s3(struct dl_lake_place *place, const char *address,
    enum dl_lake_mode mode, struct dl_err *err)
{
	struct dl_lake_s3_options o = {
	    .s3 = &place->s3, .spool_max = place->spool_max};

	if (find_style(place, err) < 0)
		return NULL;
	place->s3.give_up_ms = place->give_up_ms;
	if (place->give_up_ms == 0 && mode == DL_LAKE_WRITING)
		place->s3.give_up_ms = WRITER_GIVES_UP_MS;
	if (place->tags[0] != '\0')
		place->s3.tags = place->tags;
	place->s3.home = place->home;
	if (mode != DL_LAKE_READING) {
		if (dl_home(place->path, place->home, err) < 0)
			return NULL;
		o.home = place->path;
	}
	return dl_lake_s3(address, &o, mode, err);
}

struct dl_lake_store *
dl_lake_place_open(struct dl_lake_place *place, const char *address,
    enum dl_lake_mode mode, struct dl_err *err)
{
	char dir[PATH_MAX];

	if (dl_s3_is(address))
		return open_s3(place, address, mode, err);
	if (dl_home_resolve(dir, place->home, "lake", address, err) < 0)
		return NULL;
	return dl_lake_disk(dir, mode, err);
}
