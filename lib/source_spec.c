#include "source_spec.h"

#include "buf.h"
#include "clock.h"
#include "hash.h"
#include "home.h"
#include "line.h"

#include <stdio.h>
#include <stdlib.h>

#define HEADERS_MAX 64
#define EVERY_MIN_MS 1000
#define DOCUMENT_MAX ((int64_t)1 << 32)

static const char *const formats[] = {"json", "ndjson", "csv", NULL};
static const char *const csv_types[] = {"auto", "strings", NULL};

static const struct dl_conf_field fields[] = {
#define FIELD(key, kind, required, member, choices) \
	{ \
		key, kind, required, offsetof(struct dl_source_spec, member), \
		    choices \
	}
    FIELD("name", DL_CONF_STR, true, name, NULL),
    FIELD("url", DL_CONF_STR, false, url, NULL),
    FIELD("format", DL_CONF_CHOICE, false, format, formats),
    FIELD("items", DL_CONF_STR, false, items, NULL),
    FIELD("subject", DL_CONF_STR, false, subject, NULL),
    FIELD("time", DL_CONF_STR, false, time, NULL),
    FIELD("time_format", DL_CONF_STR, false, time_format, NULL),
    FIELD("headers", DL_CONF_MAP, false, header_map, NULL),
    FIELD("only_changed", DL_CONF_BOOL, false, only_changed, NULL),
    FIELD("every", DL_CONF_DURATION, false, every_ms, NULL),
    FIELD("timeout", DL_CONF_DURATION, false, timeout_ms, NULL),
    FIELD("retries", DL_CONF_COUNT, false, retries, NULL),
    FIELD("max_item", DL_CONF_SIZE, false, max_item, NULL),
    FIELD("max_document", DL_CONF_SIZE, false, max_document, NULL),
    FIELD("delimiter", DL_CONF_STR, false, delimiter, NULL),
    FIELD("csv_types", DL_CONF_CHOICE, false, csv_types, csv_types),
#undef FIELD
    {NULL, DL_CONF_STR, false, 0, NULL},
};

void
dl_source_spec_init(struct dl_source_spec *s)
{
	*s = (struct dl_source_spec){
	    .delimiter = ",",
	    .format = DL_ITEMS_NDJSON,
	    .every_ms = 60 * 1000,
	    .timeout_ms = 5 * 60 * 1000,
	    .retries = 5,
	    .max_item = DL_LINE_DEFAULT,
	    .max_document = 64 << 20,
	};
	s->items_where = dl_strdup("--items");
	s->subject_where = dl_strdup("--subject");
	s->time_where = dl_strdup("--time");
}

void
dl_source_spec_release(struct dl_source_spec *s)
{
	for (const char **h = s->headers; h != NULL && *h != NULL; h++)
		free((char *)*h);
	free(s->headers);
	free(s->items_where);
	free(s->subject_where);
	free(s->time_where);
	dl_conf_free(s->conf);
	*s = (struct dl_source_spec){0};
}

/* An error in the value of key, or in that it is absent. */
static int
fail_key(const struct dl_source_spec *s, const char *key, struct dl_err *err,
    const char *why)
{
	const struct dl_conf_node *root = dl_conf_root(s->conf);
	int line = dl_conf_line_of(root, key);

	return dl_conf_fail(s->conf, line > 0 ? line : dl_conf_line(root), err,
	    "'%s' %s", key, why);
}

static int
check_range(const struct dl_source_spec *s, const char *key, int64_t value,
    int64_t least, int64_t most, const char *range, struct dl_err *err)
{
	if (value >= least && value <= most)
		return 0;
	return fail_key(s, key, err, range);
}

static int
check_numbers(const struct dl_source_spec *s, struct dl_err *err)
{
	if (check_range(s, "every", s->every_ms, EVERY_MIN_MS, INT64_MAX / 4,
		"is at least 1s", err) < 0 ||
	    check_range(s, "timeout", s->timeout_ms, 1, INT32_MAX,
		"is from 1ms to 24d", err) < 0 ||
	    check_range(s, "retries", s->retries, 0, 1000, "is at most 1000",
		err) < 0 ||
	    check_range(s, "max_item", s->max_item, 64, DL_LINE_MAX,
		"is from 64 bytes to 16M", err) < 0)
		return -1;
	return check_range(s, "max_document", s->max_document, 64, DOCUMENT_MAX,
	    "is from 64 bytes to 4G", err);
}

static int
check_texts(const struct dl_source_spec *s, struct dl_err *err)
{
	struct dl_err why = {0};

	if (!dl_name_ok(dl_span_str(s->name)))
		return fail_key(s, "name", err,
		    "is 1 to 64 letters, digits, '.', '_' and '-', the first "
		    "a letter or a digit");
	if (strlen(s->delimiter) != 1 || strchr("\"\r\n", *s->delimiter))
		return fail_key(s, "delimiter", err,
		    "is one byte, and no quote or newline (a tab is \"\\t\")");
	if (s->time_format != NULL && s->time == NULL)
		return fail_key(s, "time_format", err,
		    "says how to read 'time', which is absent");
	if (dl_time_format_check(s->time_format, &why) < 0)
		return fail_key(s, "time_format", err, why.msg);
	if (s->items != NULL && s->format != DL_ITEMS_JSON)
		return fail_key(s, "items", err, "is for the format json");
	if (s->only_changed && s->subject == NULL)
		return fail_key(s, "only_changed", err,
		    "needs 'subject', by which items are told apart");
	return 0;
}

/* A header's name is a token of RFC 9110, its value without controls. */
static int
add_header(struct dl_source_spec *s, size_t i, const char *name,
    const struct dl_conf_node *node, struct dl_err *err)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";
	const char *value = dl_conf_text(node);
	struct dl_buf b = {0};

	for (const char *p = name; *p != '\0' || p == name; p++)
		if (*p == '\0' ||
		    (!(*p >= '0' && *p <= '9') && !(*p >= 'A' && *p <= 'Z') &&
			!(*p >= 'a' && *p <= 'z') && strchr(marks, *p) == NULL))
			return dl_conf_fail(s->conf, dl_conf_line(node), err,
			    "'%s' is not the name of a header", name);
	if (value == NULL)
		return dl_conf_fail(s->conf, dl_conf_line(node), err,
		    "the header '%s' needs a text", name);
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return dl_conf_fail(s->conf, dl_conf_line(node), err,
			    "the header '%s' has a control character", name);
	/* libcurl takes "Name;" for a header without a value. */
	dl_buf_printf(&b, *value == '\0' ? "%s;" : "%s: %s", name, value);
	s->headers[i] = dl_strdup(dl_buf_str(&b));
	dl_buf_release(&b);
	return 0;
}

static int
take_headers(struct dl_source_spec *s, struct dl_err *err)
{
	const struct dl_conf_node *node;
	const char *name;

	if (s->header_map == NULL)
		return 0;
	s->headers = dl_calloc(HEADERS_MAX + 1, sizeof(*s->headers));
	for (size_t i = 0;
	     (node = dl_conf_child(s->header_map, i, &name)) != NULL; i++) {
		if (i == HEADERS_MAX)
			return dl_conf_fail(s->conf, dl_conf_line(node), err,
			    "more than %d headers", HEADERS_MAX);
		if (add_header(s, i, name, node, err) < 0)
			return -1;
	}
	return 0;
}

/* Where an expression stands, for its messages. */
static void
set_where(const struct dl_source_spec *s, char **where, const char *key)
{
	struct dl_buf b = {0};

	dl_buf_printf(&b, "%s:%d: '%s'", s->path,
	    dl_conf_line_of(dl_conf_root(s->conf), key), key);
	free(*where);
	*where = dl_strdup(dl_buf_str(&b));
	dl_buf_release(&b);
}

int
dl_source_spec_load(struct dl_source_spec *s, const char *path, bool with_url,
    struct dl_err *err)
{
	dl_source_spec_init(s);
	s->format = DL_ITEMS_JSON;
	s->path = path;
	if ((s->conf = dl_conf_load(path, err)) == NULL)
		return -1;
	if (dl_conf_take(
		s->conf, dl_conf_root(s->conf), "a source", fields, s, err) < 0)
		return -1;
	if (with_url && s->url == NULL)
		return fail_key(
		    s, "url", err, "is needed: an http, https or file URL");
	set_where(s, &s->items_where, "items");
	set_where(s, &s->subject_where, "subject");
	set_where(s, &s->time_where, "time");
	if (check_texts(s, err) < 0 || check_numbers(s, err) < 0)
		return -1;
	return take_headers(s, err);
}

int
dl_source_spec_format(
    struct dl_source_spec *s, const char *format, struct dl_err *err)
{
	for (int i = 0; formats[i] != NULL; i++)
		if (strcmp(formats[i], format) == 0) {
			s->format = i;
			return 0;
		}
	return dl_err_usage(
	    err, "'%s' is no format: json, ndjson or csv", format);
}

int
dl_source_spec_check(const struct dl_source_spec *s, struct dl_err *err)
{
	struct dl_err why = {0};

	if (s->name == NULL)
		return dl_err_usage(
		    err, "standard input needs a name: dl-source -n NAME -");
	if (!dl_name_ok(dl_span_str(s->name)))
		return dl_err_usage(err,
		    "'%s' is not a name: 1 to 64 letters, digits, '.', '_' "
		    "and '-', the first a letter or a digit",
		    s->name);
	if (s->items != NULL && s->format != DL_ITEMS_JSON)
		return dl_err_usage(err, "--items is for the format json");
	if (s->time_format != NULL && s->time == NULL)
		return dl_err_usage(err, "--time-format needs --time");
	if (dl_time_format_check(s->time_format, &why) < 0)
		return dl_err_usage(err, "--time-format: %s", why.msg);
	return 0;
}

uint64_t
dl_source_spec_hash(const struct dl_source_spec *s)
{
	const char *texts[] = {s->url, s->items, s->subject, s->time,
	    s->time_format, s->delimiter};
	struct dl_buf b = {0};
	uint64_t hash;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (texts[i] != NULL)
			dl_buf_adds(&b, texts[i]);
		dl_buf_addc(&b, '\0');
	}
	dl_buf_printf(&b, "%d %d %d", s->format, s->csv_types, s->only_changed);
	hash = dl_hash64(dl_buf_as_span(&b));
	dl_buf_release(&b);
	return hash;
}
