/*
 * What STS answers: XML, of which a few elements count.
 *
 * An answer is at most DL_S3_ANSWER_MAX bytes, declares nothing, and has few
 * elements in each other.  Expat holds copies of secrets: they are wiped as it
 * frees them.
 */
#include "s3_cred_private.h"

#include "seal.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH_MAX 16
#define HEAD 16 /* of what expat allocates: its size */

enum field { ACCESS, SECRET, TOKEN, EXPIRES, CODE, MESSAGE, FIELDS };

static const struct {
	const char *within, *name;
} elements[FIELDS] = {
    [ACCESS] = {"Credentials", "AccessKeyId"},
    [SECRET] = {"Credentials", "SecretAccessKey"},
    [TOKEN] = {"Credentials", "SessionToken"},
    [EXPIRES] = {"Credentials", "Expiration"},
    [CODE] = {"Error", "Code"},
    [MESSAGE] = {"Error", "Message"},
};

struct answer {
	XML_Parser parser;
	bool bad;
	size_t depth;
	char name[DEPTH_MAX][32]; /* of the open elements */
	enum field at;            /* or FIELDS: none of them */
	char *text; /* sealed: the answer's length is enough for all */
	size_t len;
	struct dl_span field[FIELDS];
};

static void *
take_memory(size_t n)
{
	char *p = n > SIZE_MAX - HEAD ? NULL : malloc(n + HEAD);

	if (p == NULL)
		return NULL;
	memcpy(p, &n, sizeof(n));
	return p + HEAD;
}

static size_t
size_of(const void *p)
{
	size_t n;

	memcpy(&n, (const char *)p - HEAD, sizeof(n));
	return n;
}

static void
free_memory(void *p)
{
	if (p == NULL)
		return;
	dl_seal_wipe(p, size_of(p));
	free((char *)p - HEAD);
}

static void *
move_memory(void *p, size_t n)
{
	void *to = take_memory(n);

	if (p == NULL || to == NULL)
		return to;
	memcpy(to, p, size_of(p) < n ? size_of(p) : n);
	free_memory(p);
	return to;
}

static void
stop(struct answer *a)
{
	a->bad = true;
	XML_StopParser(a->parser, XML_FALSE);
}

/* Which field is an element of this name in what is open? */
static enum field
field_of(const struct answer *a, const char *name)
{
	for (int i = 0; a->depth > 0 && i < FIELDS; i++)
		if (strcmp(a->name[a->depth - 1], elements[i].within) == 0 &&
		    strcmp(name, elements[i].name) == 0)
			return (enum field)i;
	return FIELDS;
}

static void
begin(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct answer *a = arg;
	const char *colon = strchr(name, ':');

	(void)attributes;
	if (colon != NULL)
		name = colon + 1;
	a->at = field_of(a, name);
	if (a->depth == DEPTH_MAX ||
	    (a->at != FIELDS && a->field[a->at].p != NULL)) {
		a->at = FIELDS;
		stop(a);
		return;
	}
	snprintf(a->name[a->depth++], sizeof(a->name[0]), "%.31s", name);
	if (a->at != FIELDS)
		a->field[a->at].p = a->text + a->len;
}

static void
end(void *arg, const XML_Char *name)
{
	struct answer *a = arg;

	(void)name;
	if (a->depth > 0)
		a->depth--;
	a->at = FIELDS;
}

static void
take_text(void *arg, const XML_Char *p, int n)
{
	struct answer *a = arg;

	if (a->at == FIELDS)
		return;
	memcpy(a->text + a->len, p, (size_t)n);
	a->len += (size_t)n;
	a->field[a->at].len += (size_t)n;
}

static void
refuse_declarations(void *arg, const XML_Char *name, const XML_Char *system,
    const XML_Char *public, int internal)
{
	(void)name, (void)system, (void)public, (void)internal;
	stop(arg);
}

/* a->text is the caller's to free, in any case. */
static int
parse(struct answer *a, struct dl_span text, struct dl_err *err)
{
	static const XML_Memory_Handling_Suite memory = {
	    take_memory, move_memory, free_memory};
	bool fine = text.len > 0 && text.len <= DL_S3_ANSWER_MAX;

	if ((a->text = dl_seal_alloc(text.len + 1, err)) == NULL)
		return -1;
	a->at = FIELDS;
	if ((a->parser = XML_ParserCreate_MM("UTF-8", &memory, NULL)) == NULL)
		return dl_err_temp(err, "out of memory");
	XML_SetUserData(a->parser, a);
	XML_SetElementHandler(a->parser, begin, end);
	XML_SetCharacterDataHandler(a->parser, take_text);
	XML_SetStartDoctypeDeclHandler(a->parser, refuse_declarations);
	fine = fine &&
	       XML_Parse(a->parser, text.p, (int)text.len, 1) == XML_STATUS_OK;
	XML_ParserFree(a->parser);
	return fine && !a->bad
	           ? 0
	           : dl_err_conf(err, "the answer is not as STS answers: check "
				      "$AWS_ENDPOINT_URL_STS");
}

int
dl_s3_sts_keys(struct dl_s3_found *f, struct dl_span answer, struct dl_err *err)
{
	struct answer a = {.bad = false};
	int r = parse(&a, answer, err);

	if (r == 0 && (a.field[ACCESS].p == NULL || a.field[SECRET].p == NULL))
		r = dl_err_conf(err, "the answer has no credentials in it");
	if (r == 0)
		r = dl_s3_found_set(
		    f, a.field[ACCESS], a.field[SECRET], a.field[TOKEN], err);
	if (r == 0 && a.field[EXPIRES].p != NULL)
		r = dl_s3_found_expires(f, a.field[EXPIRES], err);
	dl_seal_free(a.text);
	return r < 0 ? -1 : 1;
}

static void
copy(struct dl_span from, char *out, size_t size)
{
	size_t n = from.len < size ? from.len : size - 1;

	if (n > 0)
		memcpy(out, from.p, n);
	out[n] = '\0';
}

void
dl_s3_sts_failure(struct dl_span answer, char code[64], char message[256])
{
	struct answer a = {.bad = false};
	struct dl_err why = {0};

	code[0] = message[0] = '\0';
	if (parse(&a, answer, &why) == 0) {
		copy(a.field[CODE], code, 64);
		copy(a.field[MESSAGE], message, 256);
	}
	dl_seal_free(a.text);
}
