#include "source_spec_private.h"

#include "buf.h"
#include "clock.h"
#include "hash.h"
#include "home.h"
#include "line.h"
#include "recode.h"
#include "source_secret.h"

#include <stdio.h>
#include <stdlib.h>

#define EVERY_MIN_MS 1000
#define DOCUMENT_MAX ((int64_t)1 << 32)

static const char *const formats[] = {
    "json", "ndjson", "csv", "tsv", "text", "xml", "sse", "raw", "auto", NULL};
static const char *const csv_types[] = {"auto", "strings", NULL};
static const char *const packings[] = {
    "auto", "none", "gzip", "zstd", "deflate", NULL};

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
    FIELD("method", DL_CONF_STR, false, method, NULL),
    FIELD("body", DL_CONF_STR, false, body, NULL),
    FIELD("stream", DL_CONF_BOOL, false, stream, NULL),
    FIELD("auth", DL_CONF_MAP, false, auth_map, NULL),
    FIELD("limits", DL_CONF_MAP, false, limits_map, NULL),
    FIELD("cursor", DL_CONF_NODE, false, cursor_node, NULL),
    FIELD("window", DL_CONF_NODE, false, window_node, NULL),
    FIELD("pages", DL_CONF_MAP, false, pages_map, NULL),
    FIELD("mqtt", DL_CONF_MAP, false, mqtt_map, NULL),
    FIELD("tls", DL_CONF_MAP, false, tls_map, NULL),
    FIELD("proxy", DL_CONF_STR, false, proxy, NULL),
    FIELD("known_hosts", DL_CONF_STR, false, known_hosts, NULL),
    FIELD("ssh_key", DL_CONF_STR, false, ssh_key, NULL),
    FIELD("only_changed", DL_CONF_BOOL, false, only_changed, NULL),
    FIELD("every", DL_CONF_DURATION, false, every_ms, NULL),
    FIELD("timeout", DL_CONF_DURATION, false, timeout_ms, NULL),
    FIELD("retries", DL_CONF_COUNT, false, retries, NULL),
    FIELD("max_item", DL_CONF_SIZE, false, max_item, NULL),
    FIELD("max_document", DL_CONF_SIZE, false, max_document, NULL),
    FIELD("delimiter", DL_CONF_STR, false, delimiter, NULL),
    FIELD("csv_types", DL_CONF_CHOICE, false, csv_types, csv_types),
    FIELD("names", DL_CONF_LIST, false, name_list, NULL),
    FIELD("types", DL_CONF_MAP, false, type_map, NULL),
    FIELD("pattern", DL_CONF_STR, false, pattern, NULL),
    FIELD("encoding", DL_CONF_STR, false, encoding, NULL),
    FIELD("unpack", DL_CONF_CHOICE, false, unpack, packings),
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
	s->pattern_where = dl_strdup("--pattern");
}

void
dl_source_spec_release(struct dl_source_spec *s)
{
	for (const char **h = s->headers; h != NULL && *h != NULL; h++)
		free((char *)*h);
	free(s->headers);
	for (size_t i = 0; i < s->nref_headers; i++)
		free((char *)s->ref_headers[i]);
	free(s->ref_headers);
	free((void *)s->columns.names);
	free((void *)s->columns.types);
	free(s->items_where);
	free(s->subject_where);
	free(s->time_where);
	free(s->pattern_where);
	dl_conf_free(s->conf);
	*s = (struct dl_source_spec){0};
}

int
dl_source_spec_fail(const struct dl_source_spec *s, const char *key,
    struct dl_err *err, const char *why)
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
	return dl_source_spec_fail(s, key, err, range);
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

static bool
has_columns(const struct dl_source_spec *s)
{
	return s->format == DL_ITEMS_CSV || s->format == DL_ITEMS_TSV ||
	       s->format == DL_ITEMS_AUTO;
}

/* Its items are known to be whole before the document is. */
static bool
is_endless(const struct dl_source_spec *s)
{
	return s->format == DL_ITEMS_NDJSON || s->format == DL_ITEMS_SSE ||
	       s->format == DL_ITEMS_TEXT || s->format == DL_ITEMS_AUTO;
}

static bool
takes_items(const struct dl_source_spec *s)
{
	return s->format == DL_ITEMS_JSON || s->format == DL_ITEMS_XML ||
	       s->format == DL_ITEMS_AUTO;
}

static int
no_bytes(void *arg, const char *p, size_t n, struct dl_err *err)
{
	(void)arg, (void)p, (void)n;
	return dl_err_bug(err, "no text was expected");
}

static int
check_proxy(const struct dl_source_spec *s, struct dl_err *err)
{
	struct dl_err why = {0};

	if (s->proxy == NULL)
		return 0;
	if (dl_source_secret_proxy(s->proxy))
		return dl_source_spec_fail(s, "proxy", err,
		    "has a password in it: set https_proxy in the environment "
		    "instead");
	if (dl_fetch_proxy_check(s->proxy, &why) < 0)
		return dl_source_spec_fail(s, "proxy", err, why.msg);
	return 0;
}

/* No secret is written out where it comes from. */
static int
check_url(const struct dl_source_spec *s, struct dl_err *err)
{
	const char *what = s->url == NULL ? NULL : dl_source_secret_url(s->url);
	char why[128];

	if (what == NULL)
		return check_proxy(s, err);
	snprintf(why, sizeof(why),
	    "has %s in it, written out: say it in 'auth' (for instance as "
	    "secret:NAME)",
	    what);
	return dl_source_spec_fail(s, "url", err, why);
}

static int
check_encoding(const struct dl_source_spec *s, struct dl_err *why)
{
	struct dl_recode *r = dl_recode_new(s->encoding, no_bytes, NULL, why);

	if (r == NULL)
		dl_err_prefix(why, "is not known");
	dl_recode_free(r);
	return r == NULL ? -1 : 0;
}

static int
check_texts(const struct dl_source_spec *s, struct dl_err *err)
{
	struct dl_err why = {0};

	if (!dl_name_ok(dl_span_str(s->name)))
		return dl_source_spec_fail(s, "name", err,
		    "is 1 to 64 letters, digits, '.', '_' and '-', the first "
		    "a letter or a digit");
	if (strlen(s->delimiter) != 1 || strchr("\"\r\n", *s->delimiter))
		return dl_source_spec_fail(s, "delimiter", err,
		    "is one byte, and no quote or newline (a tab is \"\\t\")");
	if (s->time_format != NULL && s->time == NULL)
		return dl_source_spec_fail(s, "time_format", err,
		    "says how to read 'time', which is absent");
	if (dl_time_format_check(s->time_format, &why) < 0)
		return dl_source_spec_fail(s, "time_format", err, why.msg);
	if (s->items != NULL && !takes_items(s))
		return dl_source_spec_fail(
		    s, "items", err, "is for json and xml");
	if (s->stream && !is_endless(s))
		return dl_source_spec_fail(
		    s, "stream", err, "is for ndjson, sse, text and auto");
	if (s->pattern != NULL && s->format != DL_ITEMS_TEXT)
		return dl_source_spec_fail(
		    s, "pattern", err, "is for the format text");
	if (s->name_list != NULL && !has_columns(s))
		return dl_source_spec_fail(
		    s, "names", err, "is for csv and tsv");
	if (s->type_map != NULL && !has_columns(s) && s->pattern == NULL)
		return dl_source_spec_fail(s, "types", err,
		    "is for csv, tsv and text with a 'pattern'");
	if (s->format == DL_ITEMS_RAW &&
	    (s->subject != NULL || s->time != NULL || s->encoding != NULL))
		return dl_source_spec_fail(s, "format", err,
		    "is raw, of which neither 'subject' nor 'time' nor "
		    "'encoding' can be had");
	if (s->encoding != NULL && check_encoding(s, &why) < 0)
		return dl_source_spec_fail(s, "encoding", err, why.msg);
	if (s->only_changed && s->subject == NULL)
		return dl_source_spec_fail(s, "only_changed", err,
		    "needs 'subject', by which items are told apart");
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
		return dl_source_spec_fail(
		    s, "url", err, "is needed: where to get it from");
	set_where(s, &s->items_where, "items");
	set_where(s, &s->subject_where, "subject");
	set_where(s, &s->time_where, "time");
	set_where(s, &s->pattern_where, "pattern");
	if (check_url(s, err) < 0 || check_texts(s, err) < 0 ||
	    check_numbers(s, err) < 0)
		return -1;
	if (dl_source_spec_columns(s, err) < 0 ||
	    dl_source_spec_headers(s, err) < 0)
		return -1;
	if (dl_source_spec_sections(s, err) < 0)
		return -1;
	return dl_source_spec_places(s, err);
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
	return dl_err_usage(err,
	    "'%s' is no format: json, ndjson, csv, tsv, text, xml, sse, raw or "
	    "auto",
	    format);
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
	if (s->items != NULL && !takes_items(s))
		return dl_err_usage(err, "--items is for json and xml");
	if (s->time_format != NULL && s->time == NULL)
		return dl_err_usage(err, "--time-format needs --time");
	if (s->format == DL_ITEMS_RAW &&
	    (s->subject != NULL || s->time != NULL))
		return dl_err_usage(
		    err, "of raw neither --subject nor --time can be had");
	if (dl_time_format_check(s->time_format, &why) < 0)
		return dl_err_usage(err, "--time-format: %s", why.msg);
	return 0;
}

static void
add_lines(struct dl_buf *b, const char *const *lines)
{
	for (; lines != NULL && *lines != NULL; lines++)
		dl_buf_printf(b, "%s%c", *lines, '\0');
	dl_buf_addc(b, '\0');
}

uint64_t
dl_source_spec_hash(const struct dl_source_spec *s)
{
	/* Another request has another answer, and so has somebody else. */
	const char *texts[] = {s->url, s->items, s->subject, s->time,
	    s->time_format, s->delimiter, s->encoding, s->pattern, s->method,
	    s->body, s->auth.user, s->auth.bearer, s->auth.value,
	    s->auth.client_id, s->auth.access_key};
	struct dl_buf b = {0};
	uint64_t hash;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (texts[i] != NULL)
			dl_buf_adds(&b, texts[i]);
		dl_buf_addc(&b, '\0');
	}
	add_lines(&b, s->headers);
	add_lines(&b, s->ref_headers);
	for (size_t i = 0; i < s->columns.ntypes; i++)
		dl_buf_printf(&b, "%s%c%d", s->columns.types[i].name, '\0',
		    (int)s->columns.types[i].type);
	/* No name is empty: the names begin here. */
	dl_buf_addc(&b, '\0');
	for (size_t i = 0; s->columns.names && s->columns.names[i]; i++)
		dl_buf_printf(&b, "%s%c", s->columns.names[i], '\0');
	dl_buf_printf(&b, "%d %d %d %d", s->format, s->csv_types,
	    s->only_changed, s->unpack);
	hash = dl_hash64(dl_buf_as_span(&b));
	dl_buf_release(&b);
	return hash;
}
