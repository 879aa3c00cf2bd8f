/* The headers of requests. */
#include "source_spec_private.h"

#include "buf.h"
#include "secret_ref.h"
#include "source_secret.h"

#define HEADERS_MAX 64

/* A value goes as it is, a reference to where secrets are found. */
static int
store_header(struct dl_source_spec *s, size_t i, const char *name,
    const char *value, int line, struct dl_err *err)
{
	struct dl_buf b = {0};
	bool ref = dl_secret_ref_is(value);
	struct dl_err why = {0};

	if (ref || (dl_source_secret_header(name) &&
		       !dl_source_secret_place(value, strlen(value)))) {
		if (dl_secret_ref_check(value, &why) < 0)
			return dl_conf_fail(s->conf, line, err,
			    "the header '%s' %s", name, why.msg);
		if (s->nref_headers == DL_AUTH_REF_HEADERS)
			return dl_conf_fail(s->conf, line, err,
			    "at most %d headers are references",
			    DL_AUTH_REF_HEADERS);
		s->ref_headers =
		    s->ref_headers != NULL
			? s->ref_headers
			: dl_calloc(HEADERS_MAX + 1, sizeof(*s->ref_headers));
	}
	/* libcurl takes "Name;" for a header without a value. */
	dl_buf_printf(&b, *value == '\0' ? "%s;" : "%s: %s", name, value);
	if (ref)
		s->ref_headers[s->nref_headers++] = dl_strdup(dl_buf_str(&b));
	else
		s->headers[i - s->nref_headers] = dl_strdup(dl_buf_str(&b));
	dl_buf_release(&b);
	return 0;
}

/* A header's name is a token of RFC 9110, its value without controls. */
static int
add_header(struct dl_source_spec *s, size_t i, const char *name,
    const struct dl_conf_node *node, struct dl_err *err)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";
	const char *value = dl_conf_text(node);

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
	return store_header(s, i, name, value, dl_conf_line(node), err);
}

int
dl_source_spec_headers(struct dl_source_spec *s, struct dl_err *err)
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
