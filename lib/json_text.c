/* Text and JSON text: UTF-8, unescape, quote, take white space out. */
#include "json.h"

#include "json_block.h"
#include "json_byte.h"
#include "json_escape.h"
#include "utf8.h"

int
dl_json_hex(char c)
{
	if (dl_json_is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
dl_json_escape_short(char c)
{
	switch (c) {
	case '"':
	case '\\':
	case '/':
		return c;
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return -1;
	}
}

/* Past the \uXXXX at p, *unit being its value, or NULL. */
static const char *
code_unit(const char *p, const char *end, uint32_t *unit)
{
	int digit;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return NULL;
	*unit = 0;
	for (int i = 2; i < 6; i++) {
		if ((digit = dl_json_hex(p[i])) < 0)
			return NULL;
		*unit = *unit << 4 | (uint32_t)digit;
	}
	return p + 6;
}

const char *
dl_json_escape(const char *p, const char *end, uint32_t *code)
{
	uint32_t low;
	int c;

	if (end - p < 2)
		return NULL;
	if (p[1] != 'u') {
		if ((c = dl_json_escape_short(p[1])) < 0)
			return NULL;
		*code = (uint32_t)c;
		return p + 2;
	}
	if ((p = code_unit(p, end, code)) == NULL)
		return NULL;
	if ((*code & 0xf800) != 0xd800)
		return p;
	/* The upper half of a pair comes first. */
	if (*code >= 0xdc00 || (p = code_unit(p, end, &low)) == NULL ||
	    (low & 0xfc00) != 0xdc00)
		return NULL;
	*code = 0x10000 + ((*code & 0x3ff) << 10) + (low & 0x3ff);
	return p;
}

int
dl_json_text(
    struct dl_span inside, struct dl_buf *scratch, struct dl_span *text)
{
	const char *p = inside.p, *end = dl_span_end(inside), *q;
	size_t start = scratch->len;
	char wide[DL_UTF8_MAX];
	uint32_t code;

	if (inside.len == 0 || memchr(p, '\\', inside.len) == NULL) {
		*text = inside;
		return 0;
	}
	while ((q = memchr(p, '\\', (size_t)(end - p))) != NULL) {
		dl_buf_add(scratch, p, (size_t)(q - p));
		if ((p = dl_json_escape(q, end, &code)) == NULL) {
			scratch->len = start;
			return -1;
		}
		dl_buf_add(scratch, wide, dl_utf8_put(wide, code));
	}
	dl_buf_add(scratch, p, (size_t)(end - p));
	*text = dl_span(scratch->p + start, scratch->len - start);
	return 0;
}

int
dl_json_string(
    struct dl_span value, struct dl_buf *scratch, struct dl_span *text)
{
	if (value.len < 2 || value.p[0] != '"' || value.p[value.len - 1] != '"')
		return -1;
	return dl_json_text(dl_span(value.p + 1, value.len - 2), scratch, text);
}

static void
quote_byte(struct dl_buf *b, char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *known = memchr(from, c, sizeof(from) - 1);

	dl_buf_addc(b, '\\');
	if (known != NULL) {
		dl_buf_addc(b, to[known - from]);
		return;
	}
	dl_buf_adds(b, c & 0x10 ? "u001" : "u000");
	dl_buf_addc(b, hex[c & 0xf]);
}

void
dl_json_quote(struct dl_buf *b, struct dl_span text)
{
	const char *p = text.p, *end = dl_span_end(text), *q;

	dl_buf_room(b, text.len + 2);
	dl_buf_addc(b, '"');
	while (p < end) {
		q = dl_json_special(p, end);
		dl_buf_add(b, p, (size_t)(q - p));
		if (q < end)
			quote_byte(b, *q++);
		p = q;
	}
	dl_buf_addc(b, '"');
}

void
dl_json_compact(struct dl_buf *b, struct dl_span value)
{
	const char *p = value.p, *end = dl_span_end(value), *q;

	dl_buf_room(b, value.len);
	while (p < end) {
		q = dl_json_kernel->space(p, end);
		dl_buf_add(b, p, (size_t)(q - p));
		p = dl_json_past_space(q, end);
	}
}

bool
dl_json_is_compact(struct dl_span value)
{
	const char *end = dl_span_end(value);

	return dl_json_kernel->space(value.p, end) == end;
}

bool
dl_utf8_valid(struct dl_span text)
{
	const char *p = text.p, *end = dl_span_end(text);

	while ((p = dl_json_kernel->high(p, end)) != end) {
		do {
			if ((p = dl_utf8_wide(p, end)) == NULL)
				return false;
		} while (p < end && (*p & 0x80) != 0);
	}
	return true;
}
