/*
 * What changes from request to request: `cursor`, `window`, `pages`, and the
 * names in the URL, the body and headers that stand for them.
 */
#include "source_spec_private.h"

#include "transport.h"

#include <strings.h>

#define CURSOR DL_TEMPLATE_HAS(DL_TEMPLATE_CURSOR)
#define FROM DL_TEMPLATE_HAS(DL_TEMPLATE_FROM)
#define TO DL_TEMPLATE_HAS(DL_TEMPLATE_TO)
#define PAGE DL_TEMPLATE_HAS(DL_TEMPLATE_PAGE)

static bool
begins(const struct dl_source_spec *s, const char *prefix)
{
	return s->url != NULL &&
	       strncasecmp(s->url, prefix, strlen(prefix)) == 0;
}

static bool
is_web(const struct dl_source_spec *s)
{
	return begins(s, "http://") || begins(s, "https://");
}

/* Does a URL of this kind name one document, which may be another each time? */
static bool
may_change(const struct dl_source_spec *s)
{
	struct dl_err ignored = {0};
	const struct dl_transport_kind *kind =
	    dl_transport_find(s->url, &ignored);

	return kind == &dl_transport_fetch || kind == &dl_transport_exec;
}

/* The names in a text of the request; into has what the cursor is put into. */
static int
look(struct dl_source_spec *s, const char *key, const char *text,
    enum dl_template_into kind, unsigned int *into, struct dl_err *err)
{
	struct dl_err why = {0};
	unsigned int names = 0;

	if (text == NULL)
		return 0;
	if (dl_template_check(text, kind, &names, &why) < 0)
		return dl_source_spec_fail(s, key, err, why.msg);
	s->names |= names;
	if ((names & CURSOR) != 0)
		*into |= 1u << kind;
	if (kind == DL_TEMPLATE_JSON && (dl_template_bare(text) & CURSOR) != 0)
		*into |= 1u << DL_TEMPLATE_NUMBER;
	return 0;
}

static int
find_names(struct dl_source_spec *s, unsigned int *into, struct dl_err *err)
{
	const char *url = s->url == NULL ? "" : s->url;
	const char *body = s->body == NULL ? "" : s->body;

	if (look(s, "url", s->url, dl_template_of_url(url), into, err) < 0 ||
	    look(s, "body", s->body, dl_template_of_body(body), into, err) < 0)
		return -1;
	for (const char **h = s->headers; h != NULL && *h != NULL; h++)
		if (look(s, "headers", *h, DL_TEMPLATE_HEADER, into, err) < 0)
			return -1;
	return 0;
}

/* A name without what it stands for, or the other way round. */
static int
check_names(const struct dl_source_spec *s, struct dl_err *err)
{
	bool numbered = s->pages.by == DL_PAGES_PAGE ||
	                s->pages.by == DL_PAGES_OFFSET ||
	                s->pages.by == DL_PAGES_CURSOR;

	if ((s->names & CURSOR) != 0 && s->cursor.value == NULL)
		return dl_source_spec_fail(s, "url", err,
		    "(or 'body', or a header) has {cursor}, and there is no "
		    "'cursor'");
	if ((s->names & (FROM | TO)) != 0 && s->window.size_ms == 0)
		return dl_source_spec_fail(s, "url", err,
		    "(or 'body', or a header) has {from} or {to}, and there "
		    "is no 'window'");
	if ((s->names & PAGE) != 0 && !numbered)
		return dl_source_spec_fail(s, "url", err,
		    "(or 'body', or a header) has {page}, and there are no "
		    "'pages' by page, offset or cursor");
	if (s->cursor.value != NULL && (s->names & CURSOR) == 0)
		return dl_source_spec_fail(s, "cursor", err,
		    "is asked for nowhere: write {cursor} into 'url', 'body' "
		    "or a header");
	if (s->window.size_ms > 0 && (s->names & (FROM | TO)) == 0)
		return dl_source_spec_fail(s, "window", err,
		    "is asked for nowhere: write {from} and {to} into 'url', "
		    "'body' or a header");
	return 0;
}

/* What cannot be together, or not there. */
static int
check_kind(const struct dl_source_spec *s, struct dl_err *err)
{
	if (s->names != 0 && s->url != NULL && !may_change(s))
		return dl_source_spec_fail(s, "url", err,
		    "is of several files, or of MQTT: there {cursor}, {from}, "
		    "{to} and {page} stand for nothing");
	if (s->auth.kind != DL_AUTH_NONE && s->url != NULL && !is_web(s) &&
	    (begins(s, "file:") || begins(s, "exec:")))
		return dl_source_spec_fail(s, "auth", err,
		    "is for servers: files and commands ask for none");
	if (s->auth.kind > DL_AUTH_BASIC && s->url != NULL && !is_web(s))
		return dl_source_spec_fail(s, "auth", err,
		    "is 'basic' where the server is none of http and https");
	if (s->cursor.value != NULL && !is_web(s) && !begins(s, "exec:"))
		return dl_source_spec_fail(
		    s, "cursor", err, "is for http, https and exec");
	if (s->cursor.value != NULL && s->window.size_ms > 0)
		return dl_source_spec_fail(s, "cursor", err,
		    "and 'window' both say where to go on: one of them");
	if (s->cursor.value != NULL && s->format == DL_ITEMS_RAW)
		return dl_source_spec_fail(s, "cursor", err,
		    "can't be had of raw, which has no items");
	if (s->pages.by != DL_PAGES_NONE && !is_web(s))
		return dl_source_spec_fail(
		    s, "pages", err, "is for http and https");
	if (s->stream && (s->names != 0 || s->pages.by != DL_PAGES_NONE))
		return dl_source_spec_fail(s, "stream", err,
		    "has no end: 'cursor', 'window' and 'pages' are for what "
		    "is asked again and again");
	return 0;
}

int
dl_source_spec_places(struct dl_source_spec *s, struct dl_err *err)
{
	bool json = s->format == DL_ITEMS_JSON || s->format == DL_ITEMS_AUTO;
	unsigned int into = 0;

	if (find_names(s, &into, err) < 0 ||
	    dl_cursor_take(s->conf, s->cursor_node, &s->cursor, err) < 0 ||
	    dl_window_take(s->conf, s->window_node, &s->window, err) < 0 ||
	    dl_pages_take(s->conf, s->pages_map, (s->names & PAGE) != 0, json,
		&s->pages, err) < 0)
		return -1;
	s->cursor.into = into;
	return check_names(s, err) < 0 ? -1 : check_kind(s, err);
}
