#include "source_guess.h"

#include "json.h"

#include <strings.h>

struct known {
	const char *text;
	enum dl_items_format format;
};

/* Case-insensitive, as types and most names' ends are. */
static bool
find(const struct known *known, const char *p, size_t n,
    enum dl_items_format *format)
{
	for (; known->text != NULL; known++)
		if (strlen(known->text) == n &&
		    strncasecmp(known->text, p, n) == 0) {
			*format = known->format;
			return true;
		}
	return false;
}

static bool
by_type(const char *type, enum dl_items_format *format)
{
	static const struct known types[] = {
	    {"application/json", DL_ITEMS_JSON},
	    {"text/json", DL_ITEMS_JSON},
	    {"application/x-ndjson", DL_ITEMS_NDJSON},
	    {"application/ndjson", DL_ITEMS_NDJSON},
	    {"application/jsonl", DL_ITEMS_NDJSON},
	    {"application/x-jsonlines", DL_ITEMS_NDJSON},
	    {"text/csv", DL_ITEMS_CSV},
	    {"text/tab-separated-values", DL_ITEMS_TSV},
	    {"application/xml", DL_ITEMS_XML},
	    {"text/xml", DL_ITEMS_XML},
	    {"text/event-stream", DL_ITEMS_SSE},
	    {NULL, DL_ITEMS_JSON},
	};
	static const struct known ends[] = {
	    {"json", DL_ITEMS_JSON},
	    {"xml", DL_ITEMS_XML},
	    {NULL, DL_ITEMS_JSON},
	};
	size_t n = strcspn(type, "; \t");
	const char *plus = memchr(type, '+', n);

	if (find(types, type, n, format))
		return true;
	return plus != NULL &&
	       find(ends, plus + 1, n - (size_t)(plus + 1 - type), format);
}

static bool
by_name(const char *name, enum dl_items_format *format)
{
	static const struct known packed[] = {
	    {"gz", DL_ITEMS_RAW},
	    {"zst", DL_ITEMS_RAW},
	    {"z", DL_ITEMS_RAW},
	    {NULL, DL_ITEMS_RAW},
	};
	static const struct known ends[] = {
	    {"json", DL_ITEMS_JSON},
	    {"geojson", DL_ITEMS_JSON},
	    {"ndjson", DL_ITEMS_NDJSON},
	    {"jsonl", DL_ITEMS_NDJSON},
	    {"csv", DL_ITEMS_CSV},
	    {"tsv", DL_ITEMS_TSV},
	    {"tab", DL_ITEMS_TSV},
	    {"xml", DL_ITEMS_XML},
	    {"rss", DL_ITEMS_XML},
	    {"atom", DL_ITEMS_XML},
	    {"gpx", DL_ITEMS_XML},
	    {"kml", DL_ITEMS_XML},
	    {"txt", DL_ITEMS_TEXT},
	    {"log", DL_ITEMS_TEXT},
	    {NULL, DL_ITEMS_JSON},
	};
	enum dl_items_format ignored;
	const char *slash = strrchr(name, '/'), *dot, *end;

	name = slash == NULL ? name : slash + 1;
	end = name + strlen(name);
	if ((dot = memrchr(name, '.', (size_t)(end - name))) != NULL &&
	    find(packed, dot + 1, (size_t)(end - dot) - 1, &ignored))
		end = dot;
	dot = memrchr(name, '.', (size_t)(end - name));
	return dot != NULL &&
	       find(ends, dot + 1, (size_t)(end - dot) - 1, format);
}

/* An object: alone, or the first of one a line. */
static int
by_line(struct dl_span rest, bool ended, enum dl_items_format *format)
{
	const char *nl = memchr(rest.p, '\n', rest.len);
	struct dl_err ignored = {0};

	*format = DL_ITEMS_JSON;
	if (nl == NULL)
		return ended;
	rest.len = (size_t)(nl - rest.p);
	if (dl_json_check(rest, &ignored) == 0)
		*format = DL_ITEMS_NDJSON;
	return 1;
}

int
dl_source_guess(const char *type, const char *name, const char *items,
    struct dl_span head, bool ended, enum dl_items_format *format)
{
	size_t all = head.len;

	if (by_type(type, format) || by_name(name, format))
		return 1;
	if (head.len >= 3 && memcmp(head.p, "\xef\xbb\xbf", 3) == 0)
		head = dl_span(head.p + 3, head.len - 3);
	while (head.len > 0 && memchr(" \t\r\n", *head.p, 4) != NULL)
		head = dl_span(head.p + 1, head.len - 1);
	if (head.len == 0)
		return ended || all >= DL_SOURCE_GUESS_MAX ? -1 : 0;
	switch (*head.p) {
	case '{':
		if (items == NULL)
			return by_line(
			    head, ended || all >= DL_SOURCE_GUESS_MAX, format);
		*format = DL_ITEMS_JSON;
		return 1;
	case '[':
		*format = DL_ITEMS_JSON;
		return 1;
	case '<':
		*format = DL_ITEMS_XML;
		/* A page is for people. */
		return strncasecmp(type, "text/html", 9) == 0 ? -1 : 1;
	case '\xef': /* a byte order mark, of which more is to come */
		return ended || head.len >= 3 ? -1 : 0;
	default:
		return -1;
	}
}
