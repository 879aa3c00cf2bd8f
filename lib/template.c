#include "template.h"

#include "json.h"

#include <stdio.h>
#include <strings.h>
#include <time.h>

#define FORMAT_MAX 128 /* bytes of a format in braces */
#define SHOWN 40       /* bytes of what is wrong that a message repeats */

static const char *const names[] = {
    [DL_TEMPLATE_CURSOR] = "cursor",
    [DL_TEMPLATE_FROM] = "from",
    [DL_TEMPLATE_TO] = "to",
    [DL_TEMPLATE_PAGE] = "page",
};

/* One {name} or {name:format} of a text. */
struct place {
	const char *at;  /* its brace */
	const char *end; /* past its last brace */
	enum dl_template_name name;
	char format[FORMAT_MAX + 1]; /* "" where there is none */
};

enum dl_template_into
dl_template_of_url(const char *url)
{
	return strncasecmp(url, "exec:", 5) == 0 ? DL_TEMPLATE_COMMAND
	                                         : DL_TEMPLATE_URL;
}

enum dl_template_into
dl_template_of_body(const char *body)
{
	switch (body[strspn(body, " \t\r\n")]) {
	case '{':
	case '[':
		return DL_TEMPLATE_JSON;
	case '<':
		return DL_TEMPLATE_XML;
	default:
		return DL_TEMPLATE_FORM;
	}
}

/* The decimals of a second that a unit of time has; -1: none of them. */
static int
unit_digits(const char *format)
{
	static const char *const units[] = {"s", "ms", "us", "ns"};

	for (int i = 0; i < 4; i++)
		if (strcmp(format, units[i]) == 0)
			return 3 * i;
	return -1;
}

int
dl_template_format_check(const char *format, struct dl_err *err)
{
	static const char known[] = "aAbBCdDeFgGHIjmMprRsSTuUVwWyYzZ%";

	if (unit_digits(format) >= 0 || strcmp(format, "rfc3339") == 0)
		return 0;
	if (strchr(format, '%') == NULL)
		return dl_err_conf(err,
		    "has the format \"%s\", which is none: expected "
		    "rfc3339, s, ms, us, ns, or one of strftime such as "
		    "%%Y-%%m-%%d",
		    format);
	for (const char *p = format; (p = strchr(p, '%')) != NULL; p++) {
		p++;
		if (*p == '\0' || strchr(known, *p) == NULL)
			return dl_err_conf(err,
			    "has the format \"%s\", of which '%%%.1s' is not "
			    "known",
			    format, p);
	}
	return 0;
}

/* As many units since 1970, with the decimals that t has beyond them. */
static void
print_unit(struct dl_buf *b, int digits, const struct dl_time *t)
{
	static const uint32_t parts[] = {1000000000, 1000000, 1000, 1};
	int64_t sec = t->sec;
	uint32_t nsec = (uint32_t)t->nsec;
	char fraction[16];

	if (sec < 0) {
		dl_buf_addc(b, '-');
		sec = -sec - (nsec > 0);
		nsec = nsec > 0 ? 1000000000 - nsec : 0;
	}
	snprintf(fraction, sizeof(fraction), "%09u", nsec);
	if (sec > 0)
		dl_buf_printf(b, "%lld%.*s", (long long)sec, digits, fraction);
	else
		dl_buf_printf(b, "%u", nsec / parts[digits / 3]);
	if (t->digits > digits)
		dl_buf_printf(
		    b, ".%.*s", t->digits - digits, fraction + digits);
}

/* What strftime makes of one conversion; its own %s is of local time. */
static void
print_conversion(struct dl_buf *b, char c, const struct dl_time *t)
{
	const char format[] = {'%', c, '\0'};
	time_t sec = t->sec;
	char out[64];
	struct tm tm;

	if (c == 's') {
		dl_buf_printf(b, "%lld", (long long)t->sec);
		return;
	}
	gmtime_r(&sec, &tm);
	tm.tm_zone = "UTC";
/* The conversions are those that dl_template_format_check() knows. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	dl_buf_add(b, out, strftime(out, sizeof(out), format, &tm));
#pragma GCC diagnostic pop
}

/* NULL or "" for RFC 3339. */
void
dl_template_time(struct dl_buf *b, const char *format, const struct dl_time *t)
{
	char out[DL_TIME_MAX];
	int digits;

	if (format == NULL || *format == '\0' ||
	    strcmp(format, "rfc3339") == 0) {
		dl_buf_add(b, out, dl_time_print(t, out));
		return;
	}
	if ((digits = unit_digits(format)) >= 0) {
		print_unit(b, digits, t);
		return;
	}
	for (const char *p = format; *p != '\0'; p++)
		if (*p == '%' && p[1] != '\0')
			print_conversion(b, *++p, t);
		else
			dl_buf_addc(b, *p);
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

/* The name of n bytes at p; -1: there is none. */
static int
find_name(const char *p, size_t n)
{
	for (int i = 0; i < DL_TEMPLATE_NAMES; i++)
		if (strlen(names[i]) == n && memcmp(names[i], p, n) == 0)
			return i;
	return -1;
}

/* Does a place begin at the brace at p?  A shell's ${NAME} is none. */
static bool
is_place(const char *text, const char *p, enum dl_template_into into,
    struct place *place)
{
	const char *name = p + 1, *end = name, *close;
	int found;

	if (into == DL_TEMPLATE_COMMAND && p > text && p[-1] == '$')
		return false;
	while (is_word(*end))
		end++;
	found = find_name(name, (size_t)(end - name));
	if (found < 0 || (*end != '}' && *end != ':') ||
	    (close = strchr(end, '}')) == NULL || close - end > FORMAT_MAX)
		return false;
	place->at = p;
	place->end = close + 1;
	place->name = (enum dl_template_name)found;
	place->format[0] = '\0';
	if (*end == ':') {
		size_t n = (size_t)(close - end - 1);

		memcpy(place->format, end + 1, n);
		place->format[n] = '\0';
	}
	return true;
}

/* The next place at or after *p, which is moved past it. */
static bool
next_place(const char *text, const char **p, enum dl_template_into into,
    struct place *place)
{
	const char *brace = *p;

	for (; (brace = strchr(brace, '{')) != NULL; brace++)
		if (is_place(text, brace, into, place)) {
			*p = place->end;
			return true;
		}
	return false;
}

static int
check_place(const struct place *p, struct dl_err *err)
{
	const char *name = names[p->name];

	if (p->at + strlen(name) + 2 == p->end)
		return 0;
	if (p->name == DL_TEMPLATE_PAGE)
		return dl_err_conf(
		    err, "has a format for '{page}', which is no time");
	return dl_template_format_check(p->format, err);
}

/* Where what a URL says after its host begins; a file's has no host. */
static const char *
after_host(const char *url)
{
	const char *host = strstr(url, "://");

	if (host == NULL)
		return url;
	return host + 3 + strcspn(host + 3, "/?#");
}

/* A URL's own rules: a word in braces is a name, and stands after the host. */
static int
check_url(const char *url, struct dl_err *err)
{
	const char *p = url, *rest = after_host(url);
	struct place place;
	size_t n;

	for (; (p = strchr(p, '{')) != NULL; p++) {
		if (is_place(url, p, DL_TEMPLATE_URL, &place)) {
			if (p < rest)
				return dl_err_conf(err,
				    "has '{%s}' before its path: what comes "
				    "from a server can't choose the host",
				    names[place.name]);
			p = place.end - 1;
			continue;
		}
		for (n = 1; is_word(p[n]);)
			n++;
		if (n > 1 && (p[n] == '}' || p[n] == ':'))
			return dl_err_conf(err,
			    "has '%.*s}', which is none of {cursor}, {from}, "
			    "{to} and {page} (a brace of its own is %%7B)",
			    n < SHOWN ? (int)n : SHOWN, p);
	}
	return 0;
}

int
dl_template_check(const char *text, enum dl_template_into into,
    unsigned int *set, struct dl_err *err)
{
	const char *p = text;
	struct place place;

	if (into == DL_TEMPLATE_URL && check_url(text, err) < 0)
		return -1;
	while (next_place(text, &p, into, &place)) {
		if (check_place(&place, err) < 0)
			return -1;
		*set |= DL_TEMPLATE_HAS(place.name);
	}
	return 0;
}

void
dl_template_percent(struct dl_buf *b, struct dl_span value)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (is_word((char)c) || c == '-' || c == '.' || c == '~') {
			dl_buf_addc(b, (char)c);
			continue;
		}
		dl_buf_addc(b, '%');
		dl_buf_addc(b, hex[c >> 4]);
		dl_buf_addc(b, hex[c & 15]);
	}
}

static void
add_xml(struct dl_buf *b, struct dl_span value)
{
	static const char special[] = "&<>\"'";

	for (size_t i = 0; i < value.len; i++) {
		char c = value.p[i];

		if (c != '\0' && strchr(special, c) != NULL)
			dl_buf_printf(b, "&#%d;", c);
		else
			dl_buf_addc(b, c);
	}
}

/* Outside of its strings: nothing but a number is one value there. */
static int
add_number(struct dl_buf *b, struct dl_span value, struct dl_err *err)
{
	struct dl_err ignored = {0};

	if (value.len > 0 && (dl_json_kind(value) != DL_JSON_NUMBER ||
				 dl_json_check(value, &ignored) < 0))
		return dl_err_data(err,
		    "it is no number, and not between quotes in the JSON of "
		    "'body'");
	dl_buf_span(b, value);
	return 0;
}

/* The inside of a JSON string; what is not UTF-8 would break the document. */
static int
add_json(struct dl_buf *b, struct dl_span value, struct dl_err *err)
{
	struct dl_buf quoted = {0};

	if (!dl_utf8_valid(value))
		return dl_err_data(err, "it is not valid UTF-8");
	dl_json_quote(&quoted, value);
	dl_buf_add(b, quoted.p + 1, quoted.len - 2);
	dl_buf_release(&quoted);
	return 0;
}

static int
add_header(struct dl_buf *b, struct dl_span value, struct dl_err *err)
{
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.p[i] < ' ' || value.p[i] == 0x7f)
			return dl_err_data(
			    err, "it has a control character, in a header");
	dl_buf_span(b, value);
	return 0;
}

static int
add_command(struct dl_buf *b, struct dl_span value, struct dl_err *err)
{
	static const char marks[] = ".:+,@%=/-";

	for (size_t i = 0; i < value.len; i++) {
		char c = value.p[i];

		if (!is_word(c) && (c == '\0' || strchr(marks, c) == NULL))
			return dl_err_data(err,
			    "it has more than letters, digits and .:+_,@%%=/- "
			    "and can't be put into a command");
	}
	if (value.len > 0 && *value.p == '-' &&
	    (value.len == 1 || value.p[1] < '0' || value.p[1] > '9'))
		return dl_err_data(err, "it would be an option in a command");
	dl_buf_span(b, value);
	return 0;
}

static int
add_value(struct dl_buf *b, struct dl_span value, enum dl_template_into into,
    struct dl_err *err)
{
	switch (into) {
	case DL_TEMPLATE_URL:
		/* Segments of a path that no escape keeps in their place. */
		if (dl_span_is(value, ".") || dl_span_is(value, ".."))
			return dl_err_data(err, "it is '.' or '..', in a URL");
		dl_template_percent(b, value);
		return 0;
	case DL_TEMPLATE_COMMAND:
		return add_command(b, value, err);
	case DL_TEMPLATE_HEADER:
		return add_header(b, value, err);
	case DL_TEMPLATE_JSON:
		return add_json(b, value, err);
	case DL_TEMPLATE_NUMBER:
		return add_number(b, value, err);
	case DL_TEMPLATE_XML:
		add_xml(b, value);
		return 0;
	default:
		dl_template_percent(b, value);
		return 0;
	}
}

bool
dl_template_fits(struct dl_span value, enum dl_template_into into)
{
	struct dl_buf b = {0};
	struct dl_err ignored = {0};
	int r = add_value(&b, value, into, &ignored);

	dl_buf_release(&b);
	return r == 0;
}

/* A format's own text in a URL is the URL's: {from:%Y/%m} has its slash. */
static void
add_url_time(struct dl_buf *b, const char *format, const struct dl_time *t)
{
	struct dl_buf text = {0};

	for (const char *p = format; *p != '\0'; p++) {
		if (*p != '%' || p[1] == '\0') {
			dl_buf_addc(b, *p);
			continue;
		}
		dl_buf_clear(&text);
		print_conversion(&text, *++p, t);
		dl_template_percent(b, dl_buf_as_span(&text));
	}
	dl_buf_release(&text);
}

static int
fill_place(struct dl_buf *b, const struct place *place,
    enum dl_template_into into, const struct dl_template_value *v,
    struct dl_err *err)
{
	struct dl_buf text = {0};
	struct dl_span value = v->text;
	int r;

	if (place->format[0] != '\0' && !v->is_time)
		return dl_err_data(err,
		    "'{%s:%s}' has a format, and there is no time for it",
		    names[place->name], place->format);
	if (into == DL_TEMPLATE_URL && strchr(place->format, '%') != NULL) {
		add_url_time(b, place->format, &v->time);
		return 0;
	}
	if (v->is_time && (value.p == NULL || place->format[0] != '\0' ||
			      !dl_template_fits(value, into))) {
		dl_template_time(&text, place->format, &v->time);
		value = dl_buf_as_span(&text);
	}
	r = add_value(b, value, into, err);
	if (r < 0)
		dl_err_prefix(err, "the value of '{%s}'", names[place->name]);
	dl_buf_release(&text);
	return r;
}

/* Is what follows end in a string of JSON, if what follows p is (in)? */
static bool
in_string(const char *p, const char *end, bool in)
{
	for (; p < end; p++)
		if (*p == '"')
			in = !in;
		else if (in && *p == '\\' && p + 1 < end)
			p++;
	return in;
}

unsigned int
dl_template_bare(const char *body)
{
	const char *p = body, *from = body;
	struct place place;
	unsigned int set = 0;
	bool in = false;

	while (next_place(body, &p, DL_TEMPLATE_JSON, &place)) {
		in = in_string(from, place.at, in);
		from = place.end;
		if (!in)
			set |= DL_TEMPLATE_HAS(place.name);
	}
	return set;
}

int
dl_template_fill(struct dl_buf *b, const char *text, enum dl_template_into into,
    const struct dl_template_values *values, struct dl_err *err)
{
	const char *p = text, *from = text;
	enum dl_template_into here;
	struct place place;
	bool in = false;

	while (next_place(text, &p, into, &place)) {
		dl_buf_add(b, from, (size_t)(place.at - from));
		in = in_string(from, place.at, in);
		here =
		    into == DL_TEMPLATE_JSON && !in ? DL_TEMPLATE_NUMBER : into;
		from = place.end;
		if (fill_place(b, &place, here, &values->of[place.name], err) <
		    0)
			return -1;
	}
	dl_buf_adds(b, from);
	return 0;
}
