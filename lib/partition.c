#include "partition.h"

#include "clock.h"
#include "json.h"
#include "partition_time.h"

#include <stdlib.h>

#define PIECES 64 /* of one template */

enum kind { TEXT, SOURCE, SUBJECT, TYPE, ID, TIME, DATA };

struct piece {
	enum kind kind;
	char
	    *text; /* TEXT: itself; TIME: the format; DATA: NAME NUL NAME NUL */
	size_t len;                     /* of text */
	struct dl_partition_time *time; /* TIME */
};

struct dl_partition {
	struct piece pieces[PIECES];
	size_t n;
	bool timed;
	struct dl_buf text; /* a value, decoded */
};

static const struct {
	const char *name;
	enum kind kind;
} places[] = {
    {"source", SOURCE},
    {"subject", SUBJECT},
    {"type", TYPE},
    {"id", ID},
};

/* Letters, digits, and these few. */
static const bool is_plain[256] = {
    ['a' ... 'z'] = true,
    ['A' ... 'Z'] = true,
    ['0' ... '9'] = true,
    ['.'] = true,
    ['_'] = true,
    ['-'] = true,
    ['~'] = true,
};

static bool
plain(char c)
{
	return is_plain[(unsigned char)c];
}

/* Reading a template */

struct parse {
	struct dl_partition *p;
	const char *start, *at;
	struct dl_err *err;
};

static int
wrong(const struct parse *s, const char *what)
{
	return dl_err_usage(s->err, "partition '%s': at byte %zu: %s", s->start,
	    (size_t)(s->at - s->start) + 1, what);
}

static int
add_piece(struct parse *s, enum kind kind, const char *text, size_t len)
{
	struct dl_partition *p = s->p;
	struct piece *piece;

	if (p->n == PIECES)
		return wrong(s, "too many pieces");
	piece = &p->pieces[p->n++];
	piece->kind = kind;
	piece->text = dl_strndup(dl_span(text, len));
	piece->len = len;
	return 0;
}

/* strftime's conversions that are numbers, and what each changes with. */
static int
parse_time(struct parse *s, const char *format, size_t len)
{
	int64_t per = 3600;
	size_t i;

	for (i = 0; i < len; i++) {
		if (format[i] == '%') {
			if (++i == len ||
			    strchr("YmdHMSjFGVuy", format[i]) == NULL)
				return wrong(s,
				    "a time has %Y %m %d %H %M %S %j %F %G %V "
				    "%u %y");
			if (strchr("MS", format[i]) != NULL)
				per = 1;
		} else if (!plain(format[i])) {
			return wrong(s, "a time's format is letters, digits, "
					"'.', '_', '~', '-' and conversions");
		}
	}
	if (len == 0 || len > 64)
		return wrong(s, "a time's format is 1 to 64 bytes");
	if (add_piece(s, TIME, format, len) < 0)
		return -1;
	s->p->pieces[s->p->n - 1].time =
	    dl_partition_time_new(dl_span(format, len), per);
	s->p->timed = true;
	return 0;
}

static int
parse_data(struct parse *s, const char *names, size_t len)
{
	struct piece *piece;
	size_t i;

	if (add_piece(s, DATA, names, len) < 0)
		return -1;
	piece = &s->p->pieces[s->p->n - 1];
	for (i = 0; i < len; i++) {
		if (piece->text[i] != '.')
			continue;
		if (i == 0 || i + 1 == len || piece->text[i + 1] == '.')
			return wrong(s, "an empty name");
		piece->text[i] = '\0';
	}
	piece->len = len + 1;
	return len == 0 ? wrong(s, "an empty name") : 0;
}

/* One {place}; s->at is its brace. */
static int
parse_place(struct parse *s)
{
	const char *name = s->at + 1;
	size_t len = strcspn(name, "{}/"), i;

	if (name[len] != '}')
		return wrong(s, "a place has no closing '}'");
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (dl_span_is(dl_span(name, len), places[i].name))
			break;
	if (i < sizeof(places) / sizeof(places[0])) {
		if (add_piece(s, places[i].kind, "", 0) < 0)
			return -1;
	} else if (len >= 5 && memcmp(name, "time:", 5) == 0) {
		if (parse_time(s, name + 5, len - 5) < 0)
			return -1;
	} else if (len >= 5 && memcmp(name, "data.", 5) == 0) {
		if (parse_data(s, name + 5, len - 5) < 0)
			return -1;
	} else {
		return wrong(s, "expected {source}, {subject}, {type}, {id}, "
				"{time:FORMAT} or {data.NAME}");
	}
	s->at = name + len + 1;
	return 0;
}

static int
parse_text(struct parse *s)
{
	const char *from = s->at;

	while (plain(*s->at))
		s->at++;
	return add_piece(s, TEXT, from, (size_t)(s->at - from));
}

/* dt and hour mean the event's time to those who read. */
static int
check_time_key(const struct parse *s, struct dl_span key)
{
	const char *want = NULL;
	struct dl_span rest = dl_span(s->at, strcspn(s->at, "/"));

	if (dl_span_is(key, "dt"))
		want = "{time:%Y-%m-%d}";
	else if (dl_span_is(key, "hour"))
		want = "{time:%H}";
	if (want == NULL || dl_span_is(rest, want))
		return 0;
	return wrong(s, "dt is {time:%Y-%m-%d} and hour is {time:%H}");
}

/* Is there a component KEY= before the one that starts at here? */
static bool
key_before(const struct parse *s, const char *here, struct dl_span key)
{
	const char *p;

	for (p = s->start; p < here; p += strcspn(p, "/") + 1)
		if (strncmp(p, key.p, key.len) == 0 && p[key.len] == '=')
			return true;
	return false;
}

static int
parse_component(struct parse *s)
{
	const char *from = s->at;
	struct dl_span key;

	if (*from == '.' || *from == '_' || *from == '/' || *from == '\0')
		return wrong(s, "a component is not empty and begins with "
				"neither '.' nor '_'");
	while (plain(*s->at))
		s->at++;
	key = dl_span(from, (size_t)(s->at - from));
	if (key.len > 64)
		return wrong(s, "a name of over 64 bytes");
	if (*s->at == '{')
		return wrong(s, "a place stands in a value, after KEY=");
	if (*s->at != '=')
		return add_piece(s, TEXT, from, key.len);
	if (key.len == 0)
		return wrong(s, "a key is empty");
	if (key_before(s, from, key))
		return wrong(s, "a key that came before");
	s->at++;
	if (add_piece(s, TEXT, from, key.len + 1) < 0 ||
	    check_time_key(s, key) < 0)
		return -1;
	if (*s->at == '/' || *s->at == '\0')
		return wrong(s, "a value is empty");
	while (*s->at == '{' || plain(*s->at))
		if ((*s->at == '{' ? parse_place(s) : parse_text(s)) < 0)
			return -1;
	return 0;
}

static int
parse_template(struct parse *s)
{
	int depth = 0;

	for (;;) {
		if (++depth > DL_PARTITION_DEPTH)
			return wrong(s, "more than 16 components");
		if (parse_component(s) < 0)
			return -1;
		if (*s->at == '\0')
			return 0;
		if (*s->at != '/')
			return wrong(s, "expected letters, digits, '.', '_', "
					"'~', '-', a place or '/'");
		if (add_piece(s, TEXT, "/", 1) < 0)
			return -1;
		s->at++;
	}
}

struct dl_partition *
dl_partition_new(const char *text, struct dl_err *err)
{
	struct dl_partition *p = dl_calloc(1, sizeof(*p));
	struct parse s = {p, text, text, err};

	if (parse_template(&s) == 0)
		return p;
	dl_partition_free(p);
	return NULL;
}

void
dl_partition_free(struct dl_partition *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < p->n; i++) {
		free(p->pieces[i].text);
		dl_partition_time_free(p->pieces[i].time);
	}
	dl_buf_release(&p->text);
	free(p);
}

/* Filling it in */

static int
add_value(struct dl_buf *path, struct dl_span value, struct dl_err *err)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t start = path->len, i;
	unsigned char c;

	if (value.len == 0)
		dl_buf_adds(path, DL_PARTITION_DEFAULT);
	for (i = 0; i < value.len && path->len - start <= DL_PARTITION_VALUE;
	     i++) {
		c = (unsigned char)value.p[i];
		if (plain((char)c)) {
			dl_buf_addc(path, (char)c);
			continue;
		}
		dl_buf_addc(path, '%');
		dl_buf_addc(path, hex[c >> 4]);
		dl_buf_addc(path, hex[c & 15]);
	}
	if (path->len - start <= DL_PARTITION_VALUE)
		return 0;
	return dl_err_data(err,
	    "a partition's value is longer than %d bytes: '%.*s...'",
	    DL_PARTITION_VALUE, 40, path->p + start);
}

/* The member of container by name: 1, 0 none, -1 it is not JSON. */
static int
member(struct dl_partition *p, struct dl_span container, struct dl_span name,
    struct dl_span *value)
{
	struct dl_json_iter it;
	struct dl_span key, text;
	int r;

	dl_json_enter(&it, container);
	while ((r = dl_json_member(&it, &key, value)) > 0) {
		if (dl_span_eq(key, name))
			return 1;
		if (memchr(key.p, '\\', key.len) == NULL)
			continue;
		dl_buf_clear(&p->text);
		if (dl_json_text(key, &p->text, &text) < 0)
			return -1;
		if (dl_span_eq(text, name))
			return 1;
	}
	return r;
}

static int
bad_data(const struct piece *piece, const char *what, struct dl_err *err)
{
	char names[128];
	size_t i, n = piece->len - 1;

	if (n > sizeof(names))
		n = sizeof(names);
	for (i = 0; i < n; i++)
		names[i] = piece->text[i] == '\0' ? '.' : piece->text[i];
	return dl_err_data(
	    err, "partition {data.%.*s}: %s", (int)n, names, what);
}

static int
add_data(struct dl_partition *p, const struct piece *piece, struct dl_span v,
    struct dl_buf *path, struct dl_err *err)
{
	const char *name = piece->text;
	struct dl_span text, empty = DL_SPAN("");
	int r;

	for (; name < piece->text + piece->len; name += strlen(name) + 1) {
		if (v.p == NULL || dl_json_kind(v) != DL_JSON_OBJECT)
			return add_value(path, empty, err);
		if ((r = member(p, v, dl_span_str(name), &v)) < 0)
			return bad_data(piece, "not valid JSON", err);
		if (r == 0)
			return add_value(path, empty, err);
	}
	switch (dl_json_kind(v)) {
	case DL_JSON_NULL:
		return add_value(path, empty, err);
	case DL_JSON_STRING:
		dl_buf_clear(&p->text);
		if (dl_json_string(v, &p->text, &text) < 0)
			return bad_data(piece, "not a valid string", err);
		return add_value(path, text, err);
	case DL_JSON_TRUE:
	case DL_JSON_FALSE:
	case DL_JSON_NUMBER:
		return add_value(path, v, err);
	case DL_JSON_ARRAY:
	case DL_JSON_OBJECT:
		return bad_data(piece,
		    "expected a string, a number, true, false or null", err);
	case DL_JSON_INVALID:
		break;
	}
	return bad_data(piece, "not valid JSON", err);
}

static int
add_filled(struct dl_partition *p, const struct piece *piece,
    const struct dl_event *ev, const struct dl_time *t, struct dl_buf *path,
    struct dl_err *err)
{
	struct dl_span text;

	switch (piece->kind) {
	case TEXT:
		dl_buf_add(path, piece->text, piece->len);
		return 0;
	case SOURCE:
		return add_value(path, ev->source, err);
	case SUBJECT:
		return add_value(path, ev->subject, err);
	case TYPE:
		return add_value(path, ev->type, err);
	case ID:
		return add_value(path, ev->id, err);
	case TIME:
		if (t == NULL)
			return add_value(path, ev->time, err);
		text = dl_partition_time_text(piece->time, t->sec);
		if (text.len > DL_PARTITION_VALUE)
			return add_value(path, text, err);
		/* All of it stands for itself. */
		dl_buf_span(path, text);
		return 0;
	case DATA:
		break;
	}
	return add_data(p, piece, ev->data, path, err);
}

static int
check_components(const struct dl_buf *path, size_t start, struct dl_err *err)
{
	size_t i, from = start;

	for (i = start; i <= path->len; i++) {
		if (i < path->len && path->p[i] != '/')
			continue;
		if (i - from > DL_PARTITION_COMPONENT)
			return dl_err_data(err,
			    "a partition's name is longer than %d bytes: "
			    "'%.*s...'",
			    DL_PARTITION_COMPONENT, 40, path->p + from);
		from = i + 1;
	}
	return 0;
}

int
dl_partition_of(struct dl_partition *p, const struct dl_event *ev,
    const struct dl_time *t, struct dl_buf *path, struct dl_err *err)
{
	struct dl_time parsed;
	size_t start = path->len, i;

	if (p->timed && t == NULL && ev->time.p != NULL) {
		if (dl_time_parse(ev->time, &parsed, err) < 0)
			return -1;
		t = &parsed;
	}
	for (i = 0; i < p->n; i++)
		if (add_filled(p, &p->pieces[i], ev, t, path, err) < 0)
			return -1;
	return path->len - start <= DL_PARTITION_COMPONENT
	           ? 0
	           : check_components(path, start, err);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void
dl_partition_decode(struct dl_buf *b, struct dl_span value)
{
	size_t i;
	int hi, lo;

	for (i = 0; i < value.len; i++) {
		if (value.p[i] != '%' || value.len - i < 3 ||
		    (hi = hex_digit(value.p[i + 1])) < 0 ||
		    (lo = hex_digit(value.p[i + 2])) < 0) {
			dl_buf_addc(b, value.p[i]);
			continue;
		}
		dl_buf_addc(b, (char)(hi << 4 | lo));
		i += 2;
	}
}
