/*
 * XML, streamed by expat: the elements at a path become items.
 *
 * Names are as they are written, prefix and all.  Nothing outside of the
 * document is read, and what refers there is an error.  Entities of its own may
 * unfold to 100 times the document (expat's limit, past 8 MiB), and an item to
 * max_item.  Memory is that of one item and at most 512 open elements, and
 * what expat holds is bounded (items_heap.h).
 */
#include "items_heap.h"
#include "items_kind.h"
#include "items_refs.h"
#include "items_tree.h"
#include "json.h"
#include "line.h"

#include <expat.h>
#include <stdlib.h>

#define DEPTH_MAX 512
#define STEPS_MAX 64
#define PIECE (64 << 10)
#define HEAP_MAX (16 << 20) /* bytes, besides those for an item */
#define HEAP_ITEMS 8        /* a tag is held several times */

struct xml {
	const struct dl_items_options *o;
	dl_items_fn *fn;
	void *arg;
	char *path; /* "rss\0channel\0item", or NULL: the root */
	const char *step[STEPS_MAX];
	size_t nsteps;

	struct dl_items_heap heap; /* of the parser */
	XML_Parser parser;
	bool stopped;
	size_t depth; /* of open elements */
	size_t
	    matched; /* how many of them are steps of the path, from the top */
	size_t reached; /* the most that were */
	bool inside;    /* of an item */
	bool elsewhere; /* declarations are, which are not read */
	struct dl_items_refs refs;
	struct dl_items_tree tree;
	struct dl_buf item, head;
	uint64_t nitems, line;
	XML_Index begins;
	uint64_t fed;
	bool cut_off;
	struct dl_err *err; /* of the call at hand */
};

/* What was found ends the document. */
static void
stop(struct xml *x)
{
	x->stopped = true;
	XML_StopParser(x->parser, XML_FALSE);
}

static void
begin_item(struct xml *x)
{
	int offset, size, len = XML_GetCurrentByteCount(x->parser);
	const char *bytes = XML_GetInputContext(x->parser, &offset, &size);

	x->inside = true;
	x->nitems++;
	x->line = XML_GetCurrentLineNumber(x->parser);
	x->begins = XML_GetCurrentByteIndex(x->parser);
	dl_items_tree_clear(&x->tree);
	/* Its tag is what a dead letter shows of it. */
	dl_buf_clear(&x->head);
	if (bytes != NULL && len > 0 && len <= size - offset)
		dl_buf_add(&x->head, bytes + offset,
		    len < DL_LINE_KEEP ? (size_t)len : DL_LINE_KEEP);
}

static int
unknown_entity(const struct xml *x, const char *name)
{
	return dl_err_data(x->err,
	    "line %lu: the entity '%.*s' is not declared in the document",
	    (unsigned long)XML_GetCurrentLineNumber(x->parser),
	    DL_ITEMS_REFS_NAME, name);
}

/*
 * Where declarations are elsewhere, expat leaves an entity that it does not
 * know out of an attribute, and says nothing.  len: of what it is at, or 0: up
 * to where its bytes end.
 */
static void
check_refs(struct xml *x, size_t len, bool quoted)
{
	int offset, size;
	const char *bytes = XML_GetInputContext(x->parser, &offset, &size);
	struct dl_span text = {0};

	if (bytes != NULL && offset >= 0 && offset < size)
		text = dl_span(bytes + offset, (size_t)(size - offset));
	if (len > 0 && len < text.len)
		text.len = len;
	if (!dl_items_refs_known(&x->refs, text, quoted)) {
		unknown_entity(x, x->refs.unknown);
		stop(x);
	}
}

static void
take_default(void *arg, const XML_Char *element, const XML_Char *name,
    const XML_Char *type, const XML_Char *value, int required)
{
	struct xml *x = arg;

	(void)element, (void)name, (void)type, (void)required;
	if (x->elsewhere && value != NULL)
		check_refs(x, 0, true);
}

static void
take_entity(void *arg, const XML_Char *name, int is_parameter,
    const XML_Char *value, int len, const XML_Char *base,
    const XML_Char *system, const XML_Char *public, const XML_Char *notation)
{
	struct xml *x = arg;

	(void)base, (void)system, (void)public, (void)notation;
	if (!is_parameter && value != NULL && len >= 0)
		dl_items_refs_declare(
		    &x->refs, dl_span_str(name), dl_span(value, (size_t)len));
}

static int
find_elsewhere(void *arg)
{
	struct xml *x = arg;

	x->elsewhere = true;
	return XML_STATUS_OK;
}

static void
open_element(void *arg, const XML_Char *name, const XML_Char **attrs)
{
	struct xml *x = arg;

	if (x->depth == DEPTH_MAX) {
		dl_err_data(
		    x->err, "more than %d elements in each other", DEPTH_MAX);
		stop(x);
		return;
	}
	if (x->elsewhere && *attrs != NULL)
		check_refs(
		    x, (size_t)XML_GetCurrentByteCount(x->parser), false);
	if (x->stopped)
		return;
	if (!x->inside && x->depth == x->matched && x->matched < x->nsteps &&
	    (strcmp(x->step[x->matched], "*") == 0 ||
		strcmp(x->step[x->matched], name) == 0)) {
		x->matched++;
		if (x->matched > x->reached)
			x->reached = x->matched;
		if (x->matched == x->nsteps)
			begin_item(x);
	}
	x->depth++;
	if (x->inside)
		dl_items_tree_open(&x->tree, name, (const char *const *)attrs);
}

static int
bad_item(struct xml *x, size_t total)
{
	struct dl_span head = dl_buf_as_span(&x->head);
	const char *code = x->tree.too_deep ? "xml" : "too-long";
	struct dl_err bad = {0};

	if (x->tree.too_deep)
		dl_err_data(&bad, "more than %d elements in each other",
		    DL_ITEMS_TREE_DEPTH);
	else
		dl_err_data(
		    &bad, "longer than the limit of %zu bytes", x->o->max_item);
	dl_err_prefix(&bad, "element %llu (line %llu)",
	    (unsigned long long)x->nitems, (unsigned long long)x->line);
	/* A total beyond it says that head is not all. */
	return x->fn(x->arg, head, total > head.len ? total : head.len, code,
	    &bad, x->err);
}

static int
end_item(struct xml *x)
{
	XML_Index end = XML_GetCurrentByteIndex(x->parser) +
	                XML_GetCurrentByteCount(x->parser);

	x->inside = false;
	dl_buf_clear(&x->item);
	dl_items_tree_write(&x->tree, &x->item);
	if (x->item.len > 0 && x->item.len <= x->o->max_item)
		return x->fn(x->arg, dl_buf_as_span(&x->item), x->item.len,
		    NULL, NULL, x->err);
	return bad_item(x, end > x->begins ? (size_t)(end - x->begins) : 0);
}

static void
shut_element(void *arg, const XML_Char *name)
{
	struct xml *x = arg;

	(void)name;
	if (x->stopped) /* an empty element's end still comes */
		return;
	x->depth--;
	if (x->inside && dl_items_tree_shut(&x->tree) && end_item(x) < 0)
		stop(x);
	if (x->matched > x->depth)
		x->matched = x->depth;
}

static void
take_text(void *arg, const XML_Char *p, int n)
{
	struct xml *x = arg;

	if (x->inside)
		dl_items_tree_text(&x->tree, p, (size_t)n);
}

static void
skip_entity(void *arg, const XML_Char *name, int is_parameter)
{
	struct xml *x = arg;

	if (is_parameter)
		return;
	unknown_entity(x, name);
	stop(x);
}

static int
refer_outside(XML_Parser parser, const XML_Char *context, const XML_Char *base,
    const XML_Char *system, const XML_Char *public)
{
	struct xml *x = XML_GetUserData(parser);

	(void)context, (void)base, (void)public;
	dl_err_data(x->err,
	    "line %lu: an entity is in another document, '%.60s', which is "
	    "not read",
	    (unsigned long)XML_GetCurrentLineNumber(parser),
	    system == NULL ? "" : system);
	return XML_STATUS_ERROR;
}

static void
free_parser(struct xml *x)
{
	if (x->parser == NULL)
		return;
	dl_items_heap_use(&x->heap);
	XML_ParserFree(x->parser);
	x->parser = NULL;
}

/* It cannot fail: memory is taken as dl_alloc() does, and there is room. */
static void
new_parser(struct xml *x)
{
	x->heap.full = false;
	dl_items_heap_use(&x->heap);
	x->parser = XML_ParserCreate_MM(NULL, &dl_items_heap_suite, NULL);
}

static void
close_xml(void *reader)
{
	struct xml *x = reader;

	free_parser(x);
	dl_items_tree_release(&x->tree);
	dl_items_refs_release(&x->refs);
	dl_buf_release(&x->item);
	dl_buf_release(&x->head);
	free(x->path);
	free(x);
}

/* Cut the path into its steps, where "*" is any name. */
static int
cut_path(struct xml *x, struct dl_err *err)
{
	const char *path = x->o->path == NULL ? "/*" : x->o->path;

	x->path = dl_strdup(path);
	for (char *p = x->path; *p != '\0' && x->nsteps < STEPS_MAX;) {
		if (*p != '/' || p[1] == '/' || p[1] == '\0')
			break;
		*p++ = '\0';
		x->step[x->nsteps++] = p;
		p += strcspn(p, "/");
		if (*p == '\0')
			return 0;
	}
	return dl_err_conf(err,
	    "%s: '%s' is no path of elements like /rss/channel/item, of at "
	    "most %d",
	    x->o->where, path, STEPS_MAX);
}

static void *
open_xml(const struct dl_items_options *o, dl_items_fn *fn, void *arg,
    struct dl_err *err)
{
	struct xml *x = dl_calloc(1, sizeof(*x));

	x->o = o;
	x->fn = fn;
	x->arg = arg;
	x->tree.max_bytes = o->max_item;
	if (cut_path(x, err) < 0) {
		close_xml(x);
		return NULL;
	}
	x->heap.max = HEAP_MAX + HEAP_ITEMS * o->max_item;
	new_parser(x);
	return x;
}

static void
start_xml(void *reader)
{
	struct xml *x = reader;

	/* What filled it is not free again after a start anew. */
	if (x->heap.full) {
		free_parser(x);
		new_parser(x);
	}
	dl_items_heap_use(&x->heap);
	x->stopped = false;
	x->depth = x->matched = x->reached = 0;
	x->inside = x->cut_off = x->elsewhere = false;
	x->nitems = 0;
	x->fed = 0;
	dl_items_tree_clear(&x->tree);
	dl_items_refs_clear(&x->refs);
	/* What was recoded is UTF-8, whatever the document says. */
	XML_ParserReset(x->parser, x->o->encoding == NULL ? NULL : "UTF-8");
	XML_SetUserData(x->parser, x);
	XML_SetElementHandler(x->parser, open_element, shut_element);
	XML_SetCharacterDataHandler(x->parser, take_text);
	XML_SetNotStandaloneHandler(x->parser, find_elsewhere);
	XML_SetEntityDeclHandler(x->parser, take_entity);
	XML_SetAttlistDeclHandler(x->parser, take_default);
	XML_SetSkippedEntityHandler(x->parser, skip_entity);
	XML_SetExternalEntityRefHandler(x->parser, refer_outside);
}

static int
fail(struct xml *x)
{
	enum XML_Error code = XML_GetErrorCode(x->parser);
	const char *more = "";

	if (x->err->status != DL_EXIT_OK)
		return -1;
	x->cut_off = code == XML_ERROR_NO_ELEMENTS ||
	             code == XML_ERROR_UNCLOSED_TOKEN ||
	             code == XML_ERROR_PARTIAL_CHAR ||
	             code == XML_ERROR_UNCLOSED_CDATA_SECTION;
	if (x->heap.full)
		return dl_err_data(x->err,
		    "line %lu: names and declarations that take more than %zu "
		    "bytes of memory",
		    (unsigned long)XML_GetCurrentLineNumber(x->parser),
		    x->heap.max);
	if (code == XML_ERROR_UNKNOWN_ENCODING)
		more = ": set 'encoding'";
	return dl_err_data(x->err, "the document is not XML: line %lu: %s%s",
	    (unsigned long)XML_GetCurrentLineNumber(x->parser),
	    XML_ErrorString(code), more);
}

static int
feed_xml(void *reader, const char *p, size_t n, struct dl_err *err)
{
	struct xml *x = reader;
	XML_Index at;

	x->err = err;
	dl_items_heap_use(&x->heap);
	for (size_t len; n > 0; p += len, n -= len) {
		len = n < PIECE ? n : PIECE;
		x->fed += len;
		if (XML_Parse(x->parser, p, (int)len, 0) != XML_STATUS_OK)
			return fail(x);
		/* A tag that doesn't end is looked at again with each piece. */
		at = XML_GetCurrentByteIndex(x->parser);
		if (at >= 0 && x->fed - (uint64_t)at > x->o->max_item + PIECE)
			return dl_err_data(err,
			    "line %lu: markup longer than the limit of %zu "
			    "bytes",
			    (unsigned long)XML_GetCurrentLineNumber(x->parser),
			    x->o->max_item);
	}
	return 0;
}

static int
end_xml(void *reader, struct dl_err *err)
{
	struct xml *x = reader;
	struct dl_buf b = {0};

	x->err = err;
	dl_items_heap_use(&x->heap);
	if (XML_Parse(x->parser, "", 0, 1) != XML_STATUS_OK)
		return fail(x);
	if (x->reached > 0 && x->reached + 1 >= x->nsteps)
		return 0;
	for (size_t i = 0; i < x->reached; i++)
		dl_buf_printf(&b, "/%s", x->step[i]);
	dl_err_data(err, "'%s' leads only to '%s' of it", x->o->path,
	    b.len == 0 ? "/" : dl_buf_str(&b));
	dl_buf_release(&b);
	return -1;
}

static bool
cut_off(const void *reader)
{
	return ((const struct xml *)reader)->cut_off;
}

const struct dl_items_kind dl_items_kind_xml = {
    .open = open_xml,
    .start = start_xml,
    .feed = feed_xml,
    .end = end_xml,
    .cut_off = cut_off,
    .close = close_xml,
};
