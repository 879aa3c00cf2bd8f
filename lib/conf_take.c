#include "conf.h"

#include "conf_node.h"
#include "num.h"

#include <stdio.h>

#define SHOWN 60    /* bytes of a wrong value that a message repeats */
#define NEAR_KEY 40 /* longest key that a nearest one is looked for */

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * How many letters to insert, delete, change, or swap with their neighbour to
 * make b of a.  Both at most NEAR_KEY bytes.
 */
static size_t
edit_distance(const char *a, const char *b)
{
	size_t rows[3][NEAR_KEY + 1], *before = rows[0], *last = rows[1],
				      *now = rows[2], *spare;
	size_t m = strlen(a), n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		last[j] = j;
	for (size_t i = 1; i <= m; i++) {
		now[0] = i;
		for (size_t j = 1; j <= n; j++) {
			now[j] = least(least(last[j], now[j - 1]) + 1,
			    last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[n];
}

/* Is a near enough to b that one may be meant by the other? */
static bool
is_near(size_t distance, const char *a, const char *b)
{
	size_t shorter = least(strlen(a), strlen(b));

	return distance < shorter &&
	       (distance <= 2 || distance <= strlen(a) / 3);
}

/* The name most like key of those considered; NULL while none is near. */
struct nearest {
	const char *key;
	const char *name;
	size_t distance;
};

static void
consider(struct nearest *best, const char *name)
{
	size_t d;

	if (strlen(best->key) > NEAR_KEY || strlen(name) > NEAR_KEY)
		return;
	d = edit_distance(best->key, name);
	if (is_near(d, best->key, name) &&
	    (best->name == NULL || d < best->distance)) {
		best->name = name;
		best->distance = d;
	}
}

/* " (did you mean 'every'?)", or nothing. */
static void
suggest(const struct nearest *best, char out[NEAR_KEY + 32])
{
	out[0] = '\0';
	if (best->name != NULL)
		snprintf(
		    out, NEAR_KEY + 32, " (did you mean '%s'?)", best->name);
}

static int
fail_unknown(const struct dl_conf *c, const struct dl_conf_node *member,
    const char *what, const struct dl_conf_field *fields, struct dl_err *err)
{
	struct nearest best = {.key = member->key};
	char suggestion[NEAR_KEY + 32];

	for (; fields->key != NULL; fields++)
		consider(&best, fields->key);
	suggest(&best, suggestion);
	return dl_conf_fail(c, member->key_line, err,
	    "'%.*s' is not a key of %s%s", SHOWN, member->key, what,
	    suggestion);
}

/* 'KEY' is VALUE, expected EXPECTED */
static int
fail_type(const struct dl_conf *c, const struct dl_conf_node *n,
    const char *expected, const char *suggestion, struct dl_err *err)
{
	switch (n->shape) {
	case DL_CONF_NULL:
		return dl_conf_fail(c, n->key_line, err,
		    "'%s' is empty, expected %s", n->key, expected);
	case DL_CONF_MAPPING:
		return dl_conf_fail(c, n->key_line, err,
		    "'%s' is a mapping, expected %s", n->key, expected);
	case DL_CONF_SEQUENCE:
		return dl_conf_fail(c, n->key_line, err,
		    "'%s' is a list, expected %s", n->key, expected);
	default:
		return dl_conf_fail(c, n->key_line, err,
		    "'%s' is \"%.*s\", expected %s%s", n->key, SHOWN, n->text,
		    expected, suggestion);
	}
}

/* "json, ndjson or csv" */
static int
fail_choice(const struct dl_conf *c, const struct dl_conf_node *n,
    const char *const *choices, struct dl_err *err)
{
	struct nearest best = {.key = n->text == NULL ? "" : n->text};
	char suggestion[NEAR_KEY + 32];
	struct dl_buf list = {0};
	int r;

	for (size_t i = 0; choices[i] != NULL; i++) {
		if (i > 0)
			dl_buf_adds(
			    &list, choices[i + 1] == NULL ? " or " : ", ");
		dl_buf_adds(&list, choices[i]);
		consider(&best, choices[i]);
	}
	suggest(&best, suggestion);
	r = fail_type(c, n, dl_buf_str(&list), suggestion, err);
	dl_buf_release(&list);
	return r;
}

static int
take_choice(const struct dl_conf *c, const struct dl_conf_node *n,
    const char *const *choices, int *to, struct dl_err *err)
{
	for (int i = 0; n->text != NULL && choices[i] != NULL; i++)
		if (strcmp(n->text, choices[i]) == 0) {
			*to = i;
			return 0;
		}
	return fail_choice(c, n, choices, err);
}

/* YAML's core schema has these six. */
static int
take_bool(const struct dl_conf *c, const struct dl_conf_node *n, bool *to,
    struct dl_err *err)
{
	static const char *const words[] = {
	    "true", "True", "TRUE", "false", "False", "FALSE"};

	for (int i = 0; n->text != NULL && n->plain && i < 6; i++)
		if (strcmp(n->text, words[i]) == 0) {
			*to = i < 3;
			return 0;
		}
	return fail_type(c, n, "true or false", "", err);
}

typedef int num_fn(struct dl_span, int64_t *, struct dl_err *);

static int
take_number(const struct dl_conf *c, const struct dl_conf_node *n,
    num_fn *parse, const char *expected, int64_t *to, struct dl_err *err)
{
	struct dl_err why = {0};

	if (n->text == NULL || parse(dl_span_str(n->text), to, &why) < 0)
		return fail_type(c, n, expected, "", err);
	return 0;
}

static int
take_node(const struct dl_conf *c, const struct dl_conf_node *n,
    enum dl_conf_shape shape, const struct dl_conf_node **to,
    struct dl_err *err)
{
	const char *expected =
	    shape == DL_CONF_MAPPING ? "a mapping" : "a list";

	/* What stands in the place of a mapping may be a secret. */
	if (n->shape == DL_CONF_SCALAR)
		return dl_conf_fail(c, n->key_line, err,
		    "'%s' is a text, expected %s", n->key, expected);
	if (n->shape != shape)
		return fail_type(c, n, expected, "", err);
	*to = n;
	return 0;
}

static int
take_value(const struct dl_conf *c, const struct dl_conf_node *n,
    const struct dl_conf_field *f, void *to, struct dl_err *err)
{
	switch (f->kind) {
	case DL_CONF_STR:
		if (n->text == NULL)
			return fail_type(c, n, "text", "", err);
		*(const char **)to = n->text;
		return 0;
	case DL_CONF_BOOL:
		return take_bool(c, n, to, err);
	case DL_CONF_COUNT:
		return take_number(
		    c, n, dl_num_count, "a count such as 1000", to, err);
	case DL_CONF_SIZE:
		return take_number(
		    c, n, dl_num_size, "a size such as 64M", to, err);
	case DL_CONF_DURATION:
		return take_number(
		    c, n, dl_num_duration, "a duration such as 60s", to, err);
	case DL_CONF_MAP:
		return take_node(c, n, DL_CONF_MAPPING, to, err);
	case DL_CONF_LIST:
		return take_node(c, n, DL_CONF_SEQUENCE, to, err);
	case DL_CONF_NODE:
		if (n->shape == DL_CONF_NULL)
			return fail_type(c, n, "a value or a mapping", "", err);
		*(const struct dl_conf_node **)to = n;
		return 0;
	case DL_CONF_CHOICE:
		return take_choice(c, n, f->choices, to, err);
	}
	return dl_err_bug(err, "no such kind of field: %d", (int)f->kind);
}

static const struct dl_conf_field *
find_field(const struct dl_conf_field *fields, const char *key)
{
	for (; fields->key != NULL; fields++)
		if (strcmp(fields->key, key) == 0)
			return fields;
	return NULL;
}

int
dl_conf_take(const struct dl_conf *c, const struct dl_conf_node *node,
    const char *what, const struct dl_conf_field *fields, void *base,
    struct dl_err *err)
{
	const struct dl_conf_field *f;
	const struct dl_conf_node *n;

	if (node->shape != DL_CONF_MAPPING)
		return dl_conf_fail(c, node->line, err,
		    "expected %s, a mapping of keys to values", what);
	for (size_t i = 0; i < node->nchild; i++) {
		n = node->child[i];
		if ((f = find_field(fields, n->key)) == NULL)
			return fail_unknown(c, n, what, fields, err);
		if (take_value(c, n, f, (char *)base + f->offset, err) < 0)
			return -1;
	}
	for (f = fields; f->key != NULL; f++)
		if (f->required && dl_conf_line_of(node, f->key) == 0)
			return dl_conf_fail(
			    c, node->line, err, "%s needs '%s'", what, f->key);
	return 0;
}
