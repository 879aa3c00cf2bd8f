/* Does a rule's `when` hold for a token's claims? */
#include "policy_private.h"

#include "buf.h"
#include "json.h"

/* The member of that name, or p NULL. */
static struct dl_span
find(struct dl_span object, struct dl_span name)
{
	struct dl_span key, value, text, found = {0};
	struct dl_buf scratch = {0};
	struct dl_json_iter it;

	dl_json_enter(&it, object);
	while (found.p == NULL && dl_json_member(&it, &key, &value) > 0) {
		dl_buf_clear(&scratch);
		if (dl_json_text(key, &scratch, &text) == 0 &&
		    dl_span_eq(text, name))
			found = value;
	}
	dl_buf_release(&scratch);
	return found;
}

/*
 * A name with dots is looked for as it stands, since some providers' names are
 * URLs, and only then as a path into objects.
 */
static struct dl_span
lookup(struct dl_span object, struct dl_span path)
{
	struct dl_span found, head;
	const char *dot;

	for (;;) {
		if (dl_json_kind(object) != DL_JSON_OBJECT)
			return (struct dl_span){0};
		found = find(object, path);
		dot = path.len == 0 ? NULL : memchr(path.p, '.', path.len);
		if (found.p != NULL || dot == NULL)
			return found;
		head = dl_span(path.p, (size_t)(dot - path.p));
		path = dl_span(dot + 1, path.len - head.len - 1);
		object = find(object, head);
		if (object.p == NULL)
			return object;
	}
}

static bool
has_value(const struct dl_policy *p, struct dl_policy_range values,
    struct dl_span text)
{
	for (uint32_t i = 0; i < values.n; i++)
		if (dl_span_eq(p->text[values.from + i], text))
			return true;
	return false;
}

static bool
has_word(const struct dl_policy *p, struct dl_policy_range values,
    struct dl_span text)
{
	const char *at = text.p, *end = dl_span_end(text), *space;

	while (at < end) {
		space = memchr(at, ' ', (size_t)(end - at));
		if (space == NULL)
			space = end;
		if (has_value(p, values, dl_span(at, (size_t)(space - at))))
			return true;
		at = space == end ? end : space + 1;
	}
	return false;
}

/* A string by its text, true, false and numbers as they are written. */
static bool
matches(const struct dl_policy *p, const struct dl_policy_claim *claim,
    struct dl_span value)
{
	bool words =
	    dl_span_is(claim->name, "scope") || dl_span_is(claim->name, "scp");
	struct dl_buf scratch = {0};
	struct dl_span text;
	bool found = false;

	switch (dl_json_kind(value)) {
	case DL_JSON_STRING:
		if (dl_json_string(value, &scratch, &text) == 0)
			found = words ? has_word(p, claim->values, text)
			              : has_value(p, claim->values, text);
		dl_buf_release(&scratch);
		return found;
	case DL_JSON_TRUE:
	case DL_JSON_FALSE:
	case DL_JSON_NUMBER:
		return has_value(p, claim->values, value);
	default:
		return false;
	}
}

static bool
holds(const struct dl_policy *p, const struct dl_policy_claim *claim,
    struct dl_span claims)
{
	struct dl_span value = lookup(claims, claim->name), element;
	struct dl_json_iter it;
	bool found = false;

	if (value.p == NULL)
		return false;
	if (dl_json_kind(value) != DL_JSON_ARRAY)
		return matches(p, claim, value);
	dl_json_enter(&it, value);
	while (!found && dl_json_element(&it, &element) > 0)
		found = matches(p, claim, element);
	return found;
}

bool
dl_policy_applies(const struct dl_policy *p, const struct dl_policy_rule *rule,
    struct dl_span claims)
{
	for (uint32_t i = 0; i < rule->claims.n; i++)
		if (!holds(p, &p->claim[rule->claims.from + i], claims))
			return false;
	return rule->claims.n > 0;
}
