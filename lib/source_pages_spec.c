/* What a specification says of pages. */
#include "source_pages.h"

#define COUNT_MAX 1000000000
#define NO_START (-1)

static int
fail_key(const struct dl_conf *c, const struct dl_conf_node *node,
    const char *key, struct dl_err *err, const char *why)
{
	int line = dl_conf_line_of(node, key);

	return dl_conf_fail(
	    c, line > 0 ? line : dl_conf_line(node), err, "'%s' %s", key, why);
}

/* A name in a query, as it is written there. */
static bool
is_param(const char *name)
{
	if (*name == '\0' || strlen(name) > 100)
		return false;
	for (; *name != '\0'; name++)
		if (*name <= ' ' || *name == 0x7f ||
		    strchr("&=#?{}<>\"", *name) != NULL)
			return false;
	return true;
}

/* Each key where it says something, and nowhere else. */
static int
check_keys(const struct dl_conf *c, const struct dl_conf_node *node,
    bool placed, bool whole, const struct dl_pages_spec *s, struct dl_err *err)
{
	bool expr = s->by == DL_PAGES_NEXT || s->by == DL_PAGES_CURSOR;
	bool counts = s->by == DL_PAGES_PAGE || s->by == DL_PAGES_OFFSET;

	if (expr != (s->next != NULL))
		return fail_key(c, node, "next", err,
		    expr ? "is needed: a jq expression on the whole page"
			 : "is for pages by next and by cursor");
	if (expr && !whole)
		return fail_key(c, node, "by", err,
		    "next and cursor read a page of JSON: 'format' is another");
	if (s->param != NULL && !counts && s->by != DL_PAGES_CURSOR)
		return fail_key(c, node, "param", err,
		    "is for pages by page, offset and cursor");
	if (s->param == NULL && !placed && (counts || expr) &&
	    s->by != DL_PAGES_NEXT)
		return fail_key(c, node, "param", err,
		    "is needed: the name in the URL's query that says which "
		    "page (or {page} in 'url', 'body' or a header)");
	if (s->start != NO_START && !counts)
		return fail_key(
		    c, node, "start", err, "is for pages by page and offset");
	if (s->size_param != NULL && s->size == 0)
		return fail_key(c, node, "size_param", err,
		    "says how 'size' is asked for, which is absent");
	if ((s->param != NULL && !is_param(s->param)) ||
	    (s->size_param != NULL && !is_param(s->size_param)))
		return fail_key(c, node,
		    s->param != NULL && !is_param(s->param) ? "param"
							    : "size_param",
		    err, "is not a name in a query");
	if (s->size > COUNT_MAX)
		return fail_key(c, node, "size", err, "is at most 1000000000");
	if (s->start > COUNT_MAX)
		return fail_key(c, node, "start", err, "is at most 1000000000");
	if (s->max < 1 || s->max > DL_PAGES_MOST)
		return fail_key(c, node, "max", err, "is from 1 to 100000");
	return 0;
}

int
dl_pages_take(const struct dl_conf *c, const struct dl_conf_node *node,
    bool placed, bool whole, struct dl_pages_spec *spec, struct dl_err *err)
{
	static const char *const ways[] = {
	    "next", "link", "page", "offset", "cursor", NULL};
#define FIELD(key, kind, required, member, choices) \
	{ \
		key, kind, required, offsetof(struct dl_pages_spec, member), \
		    choices \
	}
	static const struct dl_conf_field fields[] = {
	    FIELD("by", DL_CONF_CHOICE, true, by_index, ways),
	    FIELD("next", DL_CONF_STR, false, next, NULL),
	    FIELD("param", DL_CONF_STR, false, param, NULL),
	    FIELD("start", DL_CONF_COUNT, false, start, NULL),
	    FIELD("size", DL_CONF_COUNT, false, size, NULL),
	    FIELD("size_param", DL_CONF_STR, false, size_param, NULL),
	    FIELD("max", DL_CONF_COUNT, false, max, NULL),
	    {NULL, DL_CONF_STR, false, 0, NULL},
	};
#undef FIELD
	struct dl_pages *pages;
	int line;

	*spec = (struct dl_pages_spec){
	    .start = NO_START, .max = DL_PAGES_MAX, .path = dl_conf_path(c)};
	if (node == NULL)
		return 0;
	if (dl_conf_take(c, node, "pages", fields, spec, err) < 0)
		return -1;
	spec->by = (enum dl_pages_by)(spec->by_index + 1);
	if (check_keys(c, node, placed, whole, spec, err) < 0)
		return -1;
	if (spec->start == NO_START)
		spec->start = spec->by == DL_PAGES_PAGE;
	line = dl_conf_line_of(node, "next");
	spec->line = line > 0 ? line : dl_conf_line(node);
	if ((pages = dl_pages_new(spec, 0, err)) == NULL)
		return -1;
	dl_pages_free(pages);
	return 0;
}
