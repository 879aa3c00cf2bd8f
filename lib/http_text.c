#include "http_text.h"

#include "json.h"

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
dl_http_decode(struct dl_span raw, struct dl_buf *b)
{
	const char *p = raw.p, *end = dl_span_end(raw);
	size_t before = b->len;
	int high, low;

	dl_buf_room(b, raw.len);
	for (; p < end; p++) {
		char c = *p;

		if (c == '%') {
			if (end - p < 3 || (high = hex(p[1])) < 0 ||
			    (low = hex(p[2])) < 0)
				break;
			c = (char)(high << 4 | low);
			p += 2;
		}
		if (c == '\0')
			break;
		dl_buf_addc(b, c);
	}
	if (p == end &&
	    (b->len == before ||
		dl_utf8_valid(dl_span(b->p + before, b->len - before))))
		return true;
	b->len = before;
	return false;
}

/* The next of the parts of *rest that byte divides. */
static bool
next_part(struct dl_span *rest, char byte, struct dl_span *part)
{
	const char *p;

	if (rest->p == NULL)
		return false;
	p = rest->len == 0 ? NULL : memchr(rest->p, byte, rest->len);
	if (p == NULL) {
		*part = *rest;
		*rest = (struct dl_span){0};
		return true;
	}
	*part = dl_span(rest->p, (size_t)(p - rest->p));
	*rest = dl_span(p + 1, (size_t)(dl_span_end(*rest) - p - 1));
	return true;
}

static bool
is_name(struct dl_span raw, const char *name)
{
	struct dl_buf b = {0};
	bool same;

	if (raw.len == 0 || memchr(raw.p, '%', raw.len) == NULL)
		return dl_span_is(raw, name);
	same = dl_http_decode(raw, &b) && dl_span_is(dl_buf_as_span(&b), name);
	dl_buf_release(&b);
	return same;
}

int
dl_http_query_param(struct dl_span query, const char *name, struct dl_buf *b,
    struct dl_err *err)
{
	struct dl_span part, value = {0};
	int found = 0;

	while (next_part(&query, '&', &part)) {
		struct dl_span rest = part, key;

		next_part(&rest, '=', &key);
		if (!is_name(key, name))
			continue;
		if (found++ > 0)
			return dl_err_data(err, "%s is there twice", name);
		value = rest;
	}
	if (found == 1 && value.p != NULL && !dl_http_decode(value, b))
		return dl_err_data(
		    err, "%s is not percent-encoded UTF-8 without NUL", name);
	return found;
}

/* Past the scheme and the authority of an absolute target. */
static struct dl_span
without_authority(struct dl_span target)
{
	const char *p, *end = dl_span_end(target);
	size_t scheme;

	if (target.len >= 7 && strncasecmp(target.p, "http://", 7) == 0)
		scheme = 7;
	else if (target.len >= 8 && strncasecmp(target.p, "https://", 8) == 0)
		scheme = 8;
	else
		return target;
	for (p = target.p + scheme; p < end && *p != '/' && *p != '?'; p++)
		;
	return dl_span(p, (size_t)(end - p));
}

bool
dl_http_split(
    struct dl_span target, struct dl_span *path, struct dl_span *query)
{
	struct dl_span rest;
	size_t i;

	for (i = 0; i < target.len; i++) {
		unsigned char c = (unsigned char)target.p[i];

		if (c <= 0x20 || c == 0x7f || c == '#')
			return false;
	}
	rest = without_authority(target);
	next_part(&rest, '?', path);
	*query = rest;
	if (rest.p != target.p && path->len == 0 && target.len > 0 &&
	    target.p[0] != '?')
		*path = DL_SPAN("/"); /* http://host, http://host?query */
	return dl_span_is(*path, "*") || (path->len > 0 && path->p[0] == '/');
}

static struct dl_span
trim(struct dl_span s)
{
	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}

static bool
same_word(struct dl_span a, const char *word)
{
	return a.len == strlen(word) && strncasecmp(a.p, word, a.len) == 0;
}

/* Is there a q among the parameters, of nothing but zeros? */
static bool
weighs_nothing(struct dl_span params)
{
	struct dl_span part;
	size_t i;

	while (next_part(&params, ';', &part)) {
		struct dl_span value = part, key;

		next_part(&value, '=', &key);
		if (!same_word(trim(key), "q") || value.p == NULL)
			continue;
		value = trim(value);
		for (i = 0; i < value.len; i++)
			if (value.p[i] != '0' && value.p[i] != '.')
				return false;
		return true;
	}
	return false;
}

bool
dl_http_takes_gzip(struct dl_span accept)
{
	struct dl_span part, name;
	bool any = false;

	while (next_part(&accept, ',', &part)) {
		struct dl_span params = part;

		next_part(&params, ';', &name);
		name = trim(name);
		if (same_word(name, "gzip") || same_word(name, "x-gzip"))
			return !weighs_nothing(params);
		if (same_word(name, "*"))
			any = !weighs_nothing(params);
	}
	return any;
}

static struct dl_span
strong(struct dl_span tag)
{
	if (tag.len >= 2 && tag.p[0] == 'W' && tag.p[1] == '/')
		return dl_span(tag.p + 2, tag.len - 2);
	return tag;
}

bool
dl_http_tag_listed(struct dl_span header, struct dl_span tag)
{
	const char *p, *end = dl_span_end(header), *close;

	if (dl_span_is(trim(header), "*"))
		return true;
	tag = strong(tag);
	/* A tag may have commas, but no quotes. */
	for (p = header.p; p < end; p = close + 1) {
		struct dl_span one;

		if ((p = memchr(p, '"', (size_t)(end - p))) == NULL ||
		    (close = memchr(p + 1, '"', (size_t)(end - p - 1))) == NULL)
			return false;
		one = dl_span(p, (size_t)(close + 1 - p));
		if (dl_span_eq(one, tag))
			return true;
	}
	return false;
}

bool
dl_http_good_id(struct dl_span id)
{
	size_t i;

	for (i = 0; i < id.len; i++) {
		char c = id.p[i];

		if (!((c >= '0' && c <= '9') ||
			((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '.' ||
			c == '_' || c == '-'))
			return false;
	}
	return id.len >= 1 && id.len <= 32;
}

bool
dl_http_length(struct dl_span value, int64_t *length)
{
	int64_t n = 0;
	size_t i;

	value = trim(value);
	for (i = 0; i < value.len; i++) {
		if (value.p[i] < '0' || value.p[i] > '9' ||
		    n > (INT64_MAX >> 1) / 10 - 1)
			return false;
		n = n * 10 + (value.p[i] - '0');
	}
	*length = n;
	return value.len > 0;
}
