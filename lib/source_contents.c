#include "source_contents.h"

#include "hash.h"
#include "io.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define VERSION "2"
#define OLD_VERSION "1" /* without texts and marks */
#define FILE_MAX \
	((size_t)DL_SEEN_LIMIT * 2 * 16 + \
	    (size_t)DL_SOURCE_TEXTS * (DL_SOURCE_TEXT_MAX + 128) + 8192)

void
dl_source_contents_release(struct dl_source_contents *c)
{
	dl_buf_release(&c->etag);
	dl_buf_release(&c->modified);
	for (size_t i = 0; i < c->ntext; i++)
		dl_buf_release(&c->text[i].value);
	c->ntext = 0;
	dl_seen_release(&c->seen);
	dl_seen_release(&c->marks);
}

bool
dl_source_is_token(struct dl_span s)
{
	if (dl_span_is(s, DL_SOURCE_START))
		return true;
	for (size_t i = 0; i < s.len; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') &&
		    !(s.p[i] >= 'A' && s.p[i] <= 'Z'))
			return false;
	return s.len == DL_ULID_LEN;
}

void
dl_source_set_token(char to[DL_SOURCE_TOKEN], struct dl_span token)
{
	memcpy(to, token.p, token.len);
	to[token.len] = '\0';
}

struct dl_source_text *
dl_source_contents_text(const struct dl_source_contents *c, const char *name)
{
	for (size_t i = 0; i < c->ntext; i++)
		if (strcmp(c->text[i].name, name) == 0)
			return (struct dl_source_text *)&c->text[i];
	return NULL;
}

static bool
name_ok(struct dl_span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!(name.p[i] >= 'a' && name.p[i] <= 'z') &&
		    !(name.p[i] >= '0' && name.p[i] <= '9') && name.p[i] != '-')
			return false;
	return name.len > 0 && name.len < DL_SOURCE_TEXT_NAME;
}

bool
dl_source_contents_set_text(
    struct dl_source_contents *c, struct dl_span name, struct dl_span value)
{
	char key[DL_SOURCE_TEXT_NAME];
	struct dl_source_text *t;

	if (!name_ok(name) || value.len > DL_SOURCE_TEXT_MAX)
		return false;
	memcpy(key, name.p, name.len);
	key[name.len] = '\0';
	if ((t = dl_source_contents_text(c, key)) == NULL) {
		if (c->ntext == DL_SOURCE_TEXTS)
			return false;
		t = &c->text[c->ntext++];
		*t = (struct dl_source_text){0};
		memcpy(t->name, key, name.len + 1);
	}
	dl_buf_clear(&t->value);
	dl_buf_span(&t->value, value);
	return true;
}

static void
encode_pairs(struct dl_buf *b, const struct dl_seen *s, bool all)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct dl_seen_entry *e = &s->entry[i];
		uint64_t pair[2] = {htole64(e->subject), htole64(e->content)};

		if (all || s->changed[i])
			dl_buf_add(b, pair, sizeof(pair));
	}
}

static void
encode(struct dl_buf *b, const struct dl_source_contents *c, bool all)
{
	size_t n = all ? c->seen.n : dl_seen_changed(&c->seen);
	size_t m = all ? c->marks.n : dl_seen_changed(&c->marks);
	uint64_t sum;

	dl_buf_room(b, (n + m) * 16 + 4096);
	dl_buf_printf(b, "dl-source-state " VERSION "\ntoken %s\nbase %s\n",
	    c->token, c->base);
	dl_buf_printf(b, "spec %016" PRIx64 "\netag ", c->spec);
	dl_buf_span(b, dl_buf_as_span(&c->etag));
	dl_buf_adds(b, "\nmodified ");
	dl_buf_span(b, dl_buf_as_span(&c->modified));
	dl_buf_printf(b, "\ntexts %zu\n", c->ntext);
	for (size_t i = 0; i < c->ntext; i++) {
		dl_buf_printf(b, "text %s\nbytes %zu\n", c->text[i].name,
		    c->text[i].value.len);
		dl_buf_span(b, dl_buf_as_span(&c->text[i].value));
		dl_buf_addc(b, '\n');
	}
	dl_buf_printf(b, "entries %zu\nmarks %zu\n", n, m);
	encode_pairs(b, &c->seen, all);
	encode_pairs(b, &c->marks, all);
	sum = htole64(dl_hash64(dl_buf_as_span(b)));
	dl_buf_add(b, &sum, sizeof(sum));
}

/* Take the line "NAME VALUE" off *rest. */
static bool
take_line(struct dl_span *rest, const char *name, struct dl_span *value)
{
	size_t len = strlen(name);
	const char *nl = memchr(rest->p, '\n', rest->len);

	if (nl == NULL || (size_t)(nl - rest->p) < len + 1 ||
	    memcmp(rest->p, name, len) != 0 || rest->p[len] != ' ')
		return false;
	*value = dl_span(rest->p + len + 1, (size_t)(nl - rest->p) - len - 1);
	rest->len -= (size_t)(nl + 1 - rest->p);
	rest->p = nl + 1;
	return true;
}

static bool
take_number(struct dl_span text, int base, uint64_t *n)
{
	char copy[24], *end;

	if (text.len == 0 || text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	errno = 0;
	*n = strtoull(copy, &end, base);
	return *end == '\0' && errno == 0;
}

/* Take the line "NAME NUMBER" off *rest. */
static bool
take_count(struct dl_span *rest, const char *name, uint64_t *n)
{
	struct dl_span text;

	return take_line(rest, name, &text) && take_number(text, 10, n);
}

static bool
take_texts(struct dl_span *rest, struct dl_source_contents *c)
{
	struct dl_span name;
	uint64_t n, len;

	if (!take_count(rest, "texts", &n))
		return false;
	for (; n > 0; n--) {
		if (!take_line(rest, "text", &name) ||
		    !take_count(rest, "bytes", &len) || len >= rest->len)
			return false;
		if (!c->head_only && !dl_source_contents_set_text(c, name,
					 dl_span(rest->p, (size_t)len)))
			return false;
		rest->p += len + 1;
		rest->len -= (size_t)len + 1;
	}
	return true;
}

static void
take_pairs(struct dl_span *rest, uint64_t n, struct dl_seen *s)
{
	uint64_t pair[2];

	for (; n > 0; n--) {
		memcpy(pair, rest->p, sizeof(pair));
		dl_seen_put(s, le64toh(pair[0]), le64toh(pair[1]));
		rest->p += sizeof(pair);
		rest->len -= sizeof(pair);
	}
}

static void
replace(struct dl_buf *b, struct dl_span bytes)
{
	dl_buf_clear(b);
	dl_buf_span(b, bytes);
}

/* Put what the file holds over c; false if it is not whole. */
static bool
decode(struct dl_span file, struct dl_source_contents *c)
{
	struct dl_span v, token, base, spec, etag, modified;
	uint64_t sum, n, m = 0;
	bool old;

	if (file.len < sizeof(sum))
		return false;
	file.len -= sizeof(sum);
	memcpy(&sum, file.p + file.len, sizeof(sum));
	if (le64toh(sum) != dl_hash64(file))
		return false;
	if (!take_line(&file, "dl-source-state", &v))
		return false;
	old = dl_span_is(v, OLD_VERSION);
	if ((!old && !dl_span_is(v, VERSION)) ||
	    !take_line(&file, "token", &token) || !dl_source_is_token(token) ||
	    !take_line(&file, "base", &base) || !dl_source_is_token(base) ||
	    !take_line(&file, "spec", &spec) ||
	    !take_number(spec, 16, &c->spec) ||
	    !take_line(&file, "etag", &etag) ||
	    !take_line(&file, "modified", &modified) ||
	    (!old && !take_texts(&file, c)) ||
	    !take_count(&file, "entries", &n) ||
	    (!old && !take_count(&file, "marks", &m)) || file.len % 16 != 0 ||
	    n > file.len / 16 || m != file.len / 16 - n)
		return false;
	dl_source_set_token(c->token, token);
	dl_source_set_token(c->base, base);
	replace(&c->etag, etag);
	replace(&c->modified, modified);
	if (c->head_only)
		return true;
	take_pairs(&file, n, &c->seen);
	take_pairs(&file, m, &c->marks);
	return true;
}

int
dl_source_contents_load(
    const char *path, struct dl_source_contents *c, struct dl_err *err)
{
	struct dl_buf b = {0};
	int r = 1;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (dl_read_file(path, FILE_MAX, &b, err) < 0)
		r = -1;
	else if (!decode(dl_buf_as_span(&b), c))
		r = dl_err_data(err,
		    "'%s' is broken or of another version: move it away, and "
		    "every item counts as new",
		    path);
	dl_buf_release(&b);
	return r;
}

int
dl_source_contents_store(const char *path, const struct dl_source_contents *c,
    bool all, struct dl_err *err)
{
	struct dl_buf b = {0};
	int r;

	encode(&b, c, all);
	r = dl_replace_file(path, dl_buf_as_span(&b), err);
	dl_buf_release(&b);
	return r;
}
