#include "link.h"

#include <strings.h>

/* What is left of the header. */
struct input {
	const char *p, *end;
};

/* A parameter's value: between its quotes, where it had some. */
struct value {
	struct dl_span text;
	bool quoted;
};

static void
skip_space(struct input *in)
{
	while (in->p < in->end && (*in->p == ' ' || *in->p == '\t'))
		in->p++;
}

static bool
take(struct input *in, char c)
{
	if (in->p == in->end || *in->p != c)
		return false;
	in->p++;
	return true;
}

/* All up to one of the bytes of stops, or the end. */
static struct dl_span
take_until(struct input *in, const char *stops)
{
	const char *start = in->p;

	while (in->p < in->end &&
	       (*in->p == '\0' || strchr(stops, *in->p) == NULL))
		in->p++;
	return dl_span(start, (size_t)(in->p - start));
}

/* After the opening quote; one that is never closed ends with the header. */
static struct dl_span
take_quoted(struct input *in)
{
	const char *start = in->p;
	struct dl_span text;

	while (in->p < in->end && *in->p != '"')
		in->p += *in->p == '\\' && in->end - in->p > 1 ? 2 : 1;
	text = dl_span(start, (size_t)(in->p - start));
	take(in, '"');
	return text;
}

/* ;name=value, ;name="value" or ;name: false if there is none. */
static bool
take_param(struct input *in, struct dl_span *name, struct value *v)
{
	*v = (struct value){.text = DL_SPAN("")};
	skip_space(in);
	if (!take(in, ';'))
		return false;
	skip_space(in);
	*name = take_until(in, " \t=;,");
	skip_space(in);
	if (!take(in, '='))
		return true;
	skip_space(in);
	v->quoted = take(in, '"');
	v->text = v->quoted ? take_quoted(in) : take_until(in, " \t;,");
	return true;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Is rel one of the words of v? */
static bool
has_word(struct value v, const char *rel)
{
	const char *end = dl_span_end(v.text);
	const char *want = rel; /* NULL: this word is another one */

	for (const char *p = v.text.p; p < end; p++) {
		if (v.quoted && *p == '\\' && p + 1 < end)
			p++;
		if (*p != ' ' && *p != '\t') {
			if (want != NULL && *want != '\0' &&
			    lower(*p) == lower(*want))
				want++;
			else
				want = NULL;
			continue;
		}
		if (want != NULL && *want == '\0')
			return true;
		want = rel;
	}
	return want != NULL && *want == '\0';
}

static bool
is_name(struct dl_span name, const char *s)
{
	return name.len == strlen(s) && strncasecmp(name.p, s, name.len) == 0;
}

/* One link's parameters: is it the one that is looked for? */
static bool
params_say(struct input *in, const char *rel)
{
	bool seen = false, found = false, anchored = false;
	struct dl_span name;
	struct value v;

	while (take_param(in, &name, &v)) {
		if (is_name(name, "anchor"))
			anchored = true;
		if (!is_name(name, "rel") || seen)
			continue;
		seen = true;
		found = has_word(v, rel);
	}
	return found && !anchored;
}

bool
dl_link_find(struct dl_span header, const char *rel, struct dl_span *target)
{
	struct input in = {header.p, dl_span_end(header)};
	struct dl_span url;

	for (;;) {
		do
			skip_space(&in);
		while (take(&in, ','));
		if (!take(&in, '<'))
			return false;
		url = take_until(&in, ">");
		if (!take(&in, '>'))
			return false;
		if (params_say(&in, rel)) {
			*target = url;
			return true;
		}
		/* What a link should not have before its comma. */
		skip_space(&in);
		if (in.p < in.end && *in.p != ',')
			return false;
	}
}
