/* Values as JSON text. */
#include "expr_value.h"

#include "expr_number.h"
#include "json_byte.h"

#define DELETE 0x7f

static void
add_escape(struct dl_buf *b, char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	static const char hex[] = "0123456789abcdef";
	const char *known = memchr(from, c, sizeof(from) - 1);

	if (known != NULL)
		dl_buf_add(b, (char[]){'\\', to[known - from]}, 2);
	else
		dl_buf_add(b,
		    (char[]){'\\', 'u', '0', '0', (char)('0' + (c >> 4 & 7)),
			hex[c & 0xf]},
		    6);
}

/* As jq writes a string: DEL is escaped too, what is beyond ASCII is not. */
static void
quote(struct dl_buf *b, struct dl_span text)
{
	const char *p = text.p, *end = dl_span_end(text), *stop, *del;

	dl_buf_room(b, text.len + 2);
	dl_buf_addc(b, '"');
	while (p < end) {
		stop = dl_json_special(p, end);
		while ((del = memchr(p, DELETE, (size_t)(stop - p))) != NULL) {
			dl_buf_add(b, p, (size_t)(del - p));
			add_escape(b, *del);
			p = del + 1;
		}
		dl_buf_add(b, p, (size_t)(stop - p));
		if (stop < end)
			add_escape(b, *stop++);
		p = stop;
	}
	dl_buf_addc(b, '"');
}

void
dl_value_put(struct dl_buf *b, const struct dl_value *v)
{
	if (v->form == DL_VALUE_JSON)
		dl_buf_span(b, v->text);
	else if (v->form == DL_VALUE_TEXT)
		quote(b, v->text);
	else
		dl_value_print_double(b, v->number);
}

/* Past the valid string or number at p, or past a byte of something else. */
static const char *
past_token(const char *p, const char *end)
{
	if (*p == '"')
		return dl_json_skip(p, end);
	if (*p == '-' || dl_json_is_digit(*p))
		return dl_json_past_scalar(p, end);
	return p + 1;
}

/* Is a valid token printed as it stands, as far as can be seen at a glance? */
static bool
is_printed(struct dl_span token)
{
	char c = token.p[0];

	if (c == '"')
		return memchr(token.p, '\\', token.len) == NULL &&
		       memchr(token.p, DELETE, token.len) == NULL;
	if (c == '-' || dl_json_is_digit(c))
		return dl_number_is_printed(token);
	return !dl_json_is_space(c);
}

static void
print_token(struct dl_arena *a, struct dl_buf *b, struct dl_span token)
{
	struct dl_span text = {"", 0};

	if (dl_json_is_space(token.p[0]))
		return;
	if (token.p[0] != '"') {
		dl_number_print(a, b, token);
		return;
	}
	dl_buf_clear(&a->scratch);
	dl_json_string(token, &a->scratch, &text);
	quote(b, text);
}

/* Valid text; what is printed as it stands is added a run at a time. */
static void
print_tokens(struct dl_arena *a, struct dl_buf *b, struct dl_span text)
{
	const char *p = text.p, *end = dl_span_end(text), *from = p, *q;

	for (; p < end; p = q) {
		struct dl_span token;

		q = past_token(p, end);
		token = dl_span(p, (size_t)(q - p));
		if (is_printed(token))
			continue;
		dl_buf_add(b, from, (size_t)(p - from));
		print_token(a, b, token);
		from = q;
	}
	dl_buf_add(b, from, (size_t)(p - from));
}

int
dl_value_print(struct dl_arena *a, struct dl_buf *b, const struct dl_value *v,
    struct dl_err *err)
{
	struct dl_err why;

	if (v->form != DL_VALUE_JSON) {
		dl_value_put(b, v);
		return 0;
	}
	/* Scalars but strings were checked when they were made. */
	if (v->kind == DL_JSON_NUMBER) {
		dl_number_print(a, b, v->text);
		return 0;
	}
	dl_err_clear(&why);
	if (v->kind >= DL_JSON_STRING && dl_json_check(v->text, &why) < 0)
		return dl_err_data(err, "the data is not JSON: %s", why.msg);
	print_tokens(a, b, v->text);
	return 0;
}
