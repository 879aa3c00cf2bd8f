#include "s3_xml.h"

#include "buf.h"

#include <expat.h>
#include <limits.h>
#include <stdlib.h>

struct xml {
	XML_Parser parser;
	dl_s3_xml_fn *fn;
	void *arg;
	struct dl_err *err;
	char path[DL_S3_XML_PATH];
	size_t len;   /* of path */
	size_t depth; /* of open elements */
	bool leaf;    /* the last tag was a start */
	bool stopped;
	struct dl_buf text;
};

static void
stop(struct xml *x)
{
	x->stopped = true;
	XML_StopParser(x->parser, XML_FALSE);
}

static void
refuse(struct xml *x, const char *why)
{
	if (x->stopped)
		return;
	dl_err_data(x->err, "is no XML of S3's: line %lu: %s",
	    (unsigned long)XML_GetCurrentLineNumber(x->parser), why);
	stop(x);
}

static void
open_element(void *arg, const XML_Char *name, const XML_Char **attrs)
{
	struct xml *x = arg;
	const char *colon = strrchr(name, ':');
	size_t n;

	(void)attrs;
	if (x->stopped)
		return;
	if (colon != NULL)
		name = colon + 1;
	n = strlen(name);
	if (x->depth == DL_S3_XML_DEPTH || n > sizeof(x->path) - x->len - 2) {
		refuse(
		    x, "elements too deep in each other, or with long names");
		return;
	}
	if (x->depth++ > 0)
		x->path[x->len++] = '/';
	memcpy(x->path + x->len, name, n + 1);
	x->len += n;
	x->leaf = true;
	dl_buf_clear(&x->text);
}

static struct dl_span
trimmed(struct dl_buf *b)
{
	const char *p = dl_buf_str(b);
	size_t n = b->len;

	while (n > 0 && strchr(" \t\r\n", p[n - 1]) != NULL)
		n--;
	b->p[n] = '\0';
	while (n > 0 && strchr(" \t\r\n", *p) != NULL) {
		p++;
		n--;
	}
	return dl_span(p, n);
}

/* The last name of the path is done with. */
static void
pop(struct xml *x)
{
	while (x->len > 0 && x->path[x->len - 1] != '/')
		x->len--;
	if (x->len > 0)
		x->len--;
	x->path[x->len] = '\0';
	x->depth--;
}

static void
shut_element(void *arg, const XML_Char *name)
{
	struct xml *x = arg;
	struct dl_span text = {NULL, 0};

	(void)name;
	if (x->stopped) /* an empty element's end still comes */
		return;
	if (x->leaf)
		text = trimmed(&x->text);
	if (x->fn(x->arg, x->path, text, x->err) < 0) {
		stop(x);
		return;
	}
	x->leaf = false;
	pop(x);
}

static void
take_text(void *arg, const XML_Char *p, int n)
{
	struct xml *x = arg;

	if (x->stopped || !x->leaf)
		return;
	if ((size_t)n > DL_S3_XML_TEXT - x->text.len) {
		refuse(x, "a text that is too long");
		return;
	}
	dl_buf_add(&x->text, p, (size_t)n);
}

static void
find_doctype(void *arg, const XML_Char *name, const XML_Char *system,
    const XML_Char *public, int internal)
{
	(void)name, (void)system, (void)public, (void)internal;
	refuse(arg, "a declaration of its own");
}

int
dl_s3_xml_parse(
    struct dl_span bytes, dl_s3_xml_fn *fn, void *arg, struct dl_err *err)
{
	static const XML_Memory_Handling_Suite memory = {
	    dl_alloc, dl_realloc, free};
	struct xml x = {.fn = fn, .arg = arg, .err = err};
	int r = 0;

	if (bytes.len > INT_MAX)
		return dl_err_data(err, "is no XML of S3's: it is too long");
	/* Made with dl_alloc(), it can't fail. */
	x.parser = XML_ParserCreate_MM(NULL, &memory, NULL);
	XML_SetUserData(x.parser, &x);
	XML_SetElementHandler(x.parser, open_element, shut_element);
	XML_SetCharacterDataHandler(x.parser, take_text);
	XML_SetStartDoctypeDeclHandler(x.parser, find_doctype);
	if (XML_Parse(x.parser, bytes.p, (int)bytes.len, 1) != XML_STATUS_OK) {
		if (!x.stopped)
			refuse(&x, XML_ErrorString(XML_GetErrorCode(x.parser)));
		r = -1;
	}
	XML_ParserFree(x.parser);
	dl_buf_release(&x.text);
	return r;
}
