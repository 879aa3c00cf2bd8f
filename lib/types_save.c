/*
 * What is known of types as JSON, and back:
 *
 *	{"s":32,"m":{"mag":{"s":5,"f":1,"b":1,"x":0,"w":1,"d":2},"at":…}}
 *
 * s: kinds of values; f, b, x: there are fractions, integers of more than 64
 * bits, numbers that no double is; w, d: digits before and after the point; e:
 * of elements; m: of members.
 */
#include "types_private.h"

#include "json.h"
#include "num.h"

/* No deeper than DL_TYPES_DEPTH. */
static void
save(struct dl_buf *b, const struct dl_type *type)
{
	size_t i;

	dl_buf_printf(b, "{\"s\":%u", type->seen);
	if (type->seen & SEEN_NUMBER)
		dl_buf_printf(b,
		    ",\"f\":%d,\"b\":%d,\"x\":%d,\"w\":%d,\"d\":%d",
		    type->fraction, type->big, type->inexact, type->whole,
		    type->decimals);
	if (type->element != NULL) {
		dl_buf_adds(b, ",\"e\":");
		save(b, type->element);
	}
	for (i = 0; i < type->nmembers; i++) {
		dl_buf_adds(b, i == 0 ? ",\"m\":{" : ",");
		dl_json_quote(
		    b, dl_span(type->members[i].name, type->members[i].len));
		dl_buf_addc(b, ':');
		save(b, type->members[i].type);
	}
	dl_buf_adds(b, i > 0 ? "}}" : "}");
}

void
dl_types_save(struct dl_buf *b, const struct dl_types *t)
{
	save(b, &t->root);
}

static int load(
    struct dl_types *t, struct dl_type *type, struct dl_span text, int depth);

static int
load_members(
    struct dl_types *t, struct dl_type *type, struct dl_span text, int depth)
{
	struct dl_json_iter it;
	struct dl_span key, name, value;
	struct dl_type *below;
	int r;

	dl_json_enter(&it, text);
	while ((r = dl_json_member(&it, &key, &value)) > 0) {
		dl_buf_clear(&t->scratch);
		if (dl_json_text(key, &t->scratch, &name) < 0)
			return -1;
		if ((below = dl_types_member(t, type, name)) == NULL)
			return 0;
		if (load(t, below, value, depth + 1) < 0)
			return -1;
	}
	return r;
}

/* A number of one of the names that have one; 0 for another. */
static int
load_number(struct dl_type *type, struct dl_span key, struct dl_span value)
{
	struct dl_err ignored = {0};
	int64_t n;

	if (dl_num_count(value, &n, &ignored) < 0 || n > 255)
		return -1;
	if (dl_span_is(key, "s"))
		type->seen |= (unsigned)n;
	else if (dl_span_is(key, "f"))
		type->fraction |= n != 0;
	else if (dl_span_is(key, "b"))
		type->big |= n != 0;
	else if (dl_span_is(key, "x"))
		type->inexact |= n != 0;
	else if (dl_span_is(key, "w") && type->whole < n)
		type->whole = (unsigned char)n;
	else if (dl_span_is(key, "d") && type->decimals < n)
		type->decimals = (unsigned char)n;
	return 0;
}

static int
load(struct dl_types *t, struct dl_type *type, struct dl_span text, int depth)
{
	struct dl_json_iter it;
	struct dl_span key, value;
	struct dl_type *below;
	int r;

	if (depth > DL_TYPES_DEPTH)
		return -1;
	dl_json_enter(&it, text);
	while ((r = dl_json_member(&it, &key, &value)) > 0) {
		if (!dl_span_is(key, "e") && !dl_span_is(key, "m")) {
			if (load_number(type, key, value) < 0)
				return -1;
		} else if (type->seen & SEEN_OTHER) {
			continue;
		} else if (dl_span_is(key, "m")) {
			if (load_members(t, type, value, depth) < 0)
				return -1;
		} else if ((below = dl_types_element(t, type)) != NULL &&
			   load(t, below, value, depth + 1) < 0) {
			return -1;
		}
	}
	if (type->seen & SEEN_OTHER)
		dl_types_other(t, type);
	return r;
}

int
dl_types_load(struct dl_types *t, struct dl_span text)
{
	struct dl_span value;

	return dl_json_value(text, &value) < 0 ? -1
	                                       : load(t, &t->root, value, 0);
}
