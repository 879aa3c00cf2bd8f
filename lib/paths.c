#include "paths.h"

#include "json.h"
#include "json_step.h"
#include "json_word.h"

#include <stdint.h>
#include <stdlib.h>

/* A value that is wanted, or that leads to one. */
struct node {
	struct node *parent;
	struct want *names;
	size_t nnames;
	uint64_t lengths; /* a bit for the length of each name, modulo 64 */
	struct want *indexes;
	size_t nindexes;
	bool from_end; /* an index is negative: the length must be known */
	uint64_t run;  /* in which value was found; 0: never */
	struct dl_span value;
};

/* One step out of a node. */
struct want {
	uint64_t head; /* the name's first 8 bytes, the rest 0 */
	struct dl_span name;
	int64_t index;
	struct node *node;
};

struct path {
	struct node *leaf;
	struct dl_step *steps;
	size_t nsteps;
};

struct dl_paths {
	struct node roots[2];
	bool used[2];
	struct path *paths;
	size_t npaths;
	uint64_t run; /* counts the records */
	struct dl_span data;
	struct dl_buf scratch; /* a name whose escapes were decoded */
};

static const char *walk(
    struct dl_paths *t, struct node *n, const char *p, const char *end);

struct dl_paths *
dl_paths_new(void)
{
	return dl_calloc(1, sizeof(struct dl_paths));
}

static void
node_release(struct node *n)
{
	size_t i;

	for (i = 0; i < n->nnames; i++) {
		node_release(n->names[i].node);
		free(n->names[i].node);
		free((char *)n->names[i].name.p);
	}
	for (i = 0; i < n->nindexes; i++) {
		node_release(n->indexes[i].node);
		free(n->indexes[i].node);
	}
	free(n->names);
	free(n->indexes);
}

void
dl_paths_free(struct dl_paths *t)
{
	size_t i, k;

	if (t == NULL)
		return;
	node_release(&t->roots[DL_ROOT_DATA]);
	node_release(&t->roots[DL_ROOT_EVENT]);
	for (i = 0; i < t->npaths; i++) {
		for (k = 0; k < t->paths[i].nsteps; k++)
			free((char *)t->paths[i].steps[k].name.p);
		free(t->paths[i].steps);
	}
	free(t->paths);
	dl_buf_release(&t->scratch);
	free(t);
}

/* The first 8 bytes of a name; what is past it is 0. */
static inline uint64_t
name_head(const char *p, size_t len, const char *end)
{
	char few[8] = {0};

	if (end - p < 8) {
		memcpy(few, p, len < 8 ? len : 8);
		return dl_word_load(few);
	}
	return len >= 8 ? dl_word_load(p)
	                : dl_word_load(p) & (((uint64_t)1 << 8 * len) - 1);
}

static struct node *
node_add(struct node *parent, struct want **list, size_t *n, struct want w)
{
	w.node = dl_calloc(1, sizeof(*w.node));
	w.node->parent = parent;
	*list = dl_realloc(*list, (*n + 1) * sizeof(**list));
	(*list)[(*n)++] = w;
	return w.node;
}

static struct node *
node_step(struct node *n, const struct dl_step *step)
{
	struct want w = {0};
	size_t i;

	if (step->name.p != NULL) {
		for (i = 0; i < n->nnames; i++)
			if (dl_span_eq(n->names[i].name, step->name))
				return n->names[i].node;
		w.name = dl_span(dl_strndup(step->name), step->name.len);
		w.head = name_head(w.name.p, w.name.len, w.name.p + w.name.len);
		n->lengths |= (uint64_t)1 << (w.name.len & 63);
		return node_add(n, &n->names, &n->nnames, w);
	}
	for (i = 0; i < n->nindexes; i++)
		if (n->indexes[i].index == step->index)
			return n->indexes[i].node;
	w.index = step->index;
	n->from_end |= step->index < 0;
	return node_add(n, &n->indexes, &n->nindexes, w);
}

int
dl_paths_add(struct dl_paths *t, enum dl_root root, const struct dl_step *steps,
    size_t n)
{
	struct path *path;
	size_t i;

	t->paths = dl_realloc(t->paths, (t->npaths + 1) * sizeof(*path));
	path = &t->paths[t->npaths];
	path->leaf = &t->roots[root];
	t->used[root] = true;
	path->nsteps = n;
	path->steps = dl_calloc(n + 1, sizeof(*steps));
	for (i = 0; i < n; i++) {
		path->leaf = node_step(path->leaf, &steps[i]);
		path->steps[i] = steps[i];
		if (steps[i].name.p != NULL)
			path->steps[i].name.p = dl_strndup(steps[i].name);
	}
	return (int)t->npaths++;
}

bool
dl_paths_use(const struct dl_paths *t, enum dl_root root)
{
	return t->used[root];
}

static inline const char *
space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* The quote that ends the name at p; *escaped is set where one is in it. */
static inline const char *
name_end(const char *p, const char *end, bool *escaped)
{
	size_t i;

	while (p < end) {
		if (end - p >= DL_STEP) {
			i = dl_step_quote(p);
			p += i;
			if (i == DL_STEP)
				continue;
		}
		if (*p == '"')
			return p;
		if (*p == '\\') {
			*escaped = true;
			if (end - p < 2)
				return NULL;
			p++;
		}
		p++;
	}
	return NULL;
}

/*
 * Past the value at p, which nobody wants.  In the event's line the data has
 * been measured already.
 */
static inline const char *
pass(const struct dl_paths *t, const char *p, const char *end)
{
	if (p == t->data.p && t->data.len <= (size_t)(end - p))
		return p + t->data.len;
	return dl_json_skip(p, end);
}

static struct node *
find_name(const struct node *n, const char *p, size_t len, const char *end)
{
	uint64_t head = name_head(p, len, end);
	const struct want *w = n->names;
	size_t i;

	for (i = 0; i < n->nnames; i++, w++)
		if (w->head == head && w->name.len == len &&
		    (len <= 8 || memcmp(p + 8, w->name.p + 8, len - 8) == 0))
			return w->node;
	return NULL;
}

static struct node *
find_escaped(struct dl_paths *t, const struct node *n, struct dl_span inside)
{
	struct dl_span name;

	dl_buf_clear(&t->scratch);
	if (dl_json_text(inside, &t->scratch, &name) < 0)
		return NULL;
	return find_name(n, name.p, name.len, name.p + name.len);
}

/* The members of the object at p, past its bracket. */
static const char *
walk_object(struct dl_paths *t, struct node *n, const char *p, const char *end)
{
	p = space(p + 1, end);
	if (p < end && *p == '}')
		return p + 1;
	for (;;) {
		struct node *wanted = NULL;
		const char *name = p + 1;
		bool escaped = false;
		size_t len;

		if (p >= end || *p != '"' ||
		    (p = name_end(name, end, &escaped)) == NULL)
			return NULL;
		len = (size_t)(p - name);
		if (escaped)
			wanted = find_escaped(t, n, dl_span(name, len));
		else if ((n->lengths >> (len & 63) & 1) != 0)
			wanted = find_name(n, name, len, end);
		p = space(p + 1, end);
		if (p >= end || *p != ':')
			return NULL;
		if ((p = space(p + 1, end)) >= end)
			return NULL;
		p = wanted != NULL ? walk(t, wanted, p, end) : pass(t, p, end);
		if (p == NULL || (p = space(p, end)) >= end)
			return NULL;
		if (*p == '}')
			return p + 1;
		if (*p != ',')
			return NULL;
		p = space(p + 1, end);
	}
}

/* How many elements the array at p has, or -1. */
static int64_t
count_elements(const char *p, const char *end)
{
	struct dl_json_iter it;
	struct dl_span element;
	int64_t n = 0;
	int r;

	dl_json_enter(&it, dl_span(p, (size_t)(end - p)));
	while ((r = dl_json_element(&it, &element)) > 0)
		n++;
	return r < 0 ? -1 : n;
}

static const char *
walk_element(struct dl_paths *t, struct node *n, int64_t i, int64_t length,
    const char *p, const char *end)
{
	const char *past = NULL;
	bool walked = false;
	size_t k;

	/* [0] and [-1] can both mean the element of an array of one. */
	for (k = 0; k < n->nindexes; k++) {
		int64_t at = n->indexes[k].index;

		if ((at < 0 ? at + length : at) != i)
			continue;
		if ((past = walk(t, n->indexes[k].node, p, end)) == NULL)
			return NULL;
		walked = true;
	}
	return walked ? past : dl_json_skip(p, end);
}

static const char *
walk_array(struct dl_paths *t, struct node *n, const char *p, const char *end)
{
	int64_t i, length = 0;

	if (n->from_end && (length = count_elements(p, end)) < 0)
		return NULL;
	p = space(p + 1, end);
	if (p < end && *p == ']')
		return p + 1;
	for (i = 0; p < end; i++) {
		p = walk_element(t, n, i, length, p, end);
		if (p == NULL || (p = space(p, end)) >= end)
			return NULL;
		if (*p == ']')
			return p + 1;
		if (*p != ',')
			return NULL;
		p = space(p + 1, end);
	}
	return NULL;
}

/* The name came again: what was found under the first one is void. */
static void
forget(struct node *n)
{
	size_t i;

	n->run = 0;
	for (i = 0; i < n->nnames; i++)
		forget(n->names[i].node);
	for (i = 0; i < n->nindexes; i++)
		forget(n->indexes[i].node);
}

/* Note the value at p as n's, and what is wanted in it; past it, or NULL. */
static const char *
walk(struct dl_paths *t, struct node *n, const char *p, const char *end)
{
	const char *past;

	if (n->run == t->run)
		forget(n);
	if (*p == '{' && n->nnames > 0)
		past = walk_object(t, n, p, end);
	else if (*p == '[' && n->nindexes > 0)
		past = walk_array(t, n, p, end);
	else
		past = pass(t, p, end);
	if (past == NULL)
		return NULL;
	n->run = t->run;
	n->value = dl_span(p, (size_t)(past - p));
	return past;
}

/* The walk came to nothing: say where, as the validator does. */
static int
not_json(struct dl_span text, const char *what, struct dl_err *err)
{
	if (dl_json_check(text, err) == 0)
		return dl_err_data(err, "the event's %s is not JSON", what);
	dl_err_prefix(err, "the event's %s is not JSON", what);
	return -1;
}

static int
walk_root(struct dl_paths *t, struct node *n, struct dl_span text,
    const char *what, struct dl_err *err)
{
	const char *p = text.p;

	n->run = t->run;
	n->value = text.p == NULL ? DL_SPAN("null") : text;
	if (text.len == 0)
		return 0;
	if (*p == '{' && n->nnames > 0)
		p = walk_object(t, n, p, p + text.len);
	else if (*p == '[' && n->nindexes > 0)
		p = walk_array(t, n, p, p + text.len);
	else
		return 0;
	return p == text.p + text.len ? 0 : not_json(text, what, err);
}

int
dl_paths_run(struct dl_paths *t, struct dl_span data, struct dl_span event,
    struct dl_err *err)
{
	t->run++;
	t->data = dl_span(NULL, 0);
	if (walk_root(t, &t->roots[DL_ROOT_DATA], data, "data", err) < 0)
		return -1;
	t->data = data;
	return walk_root(t, &t->roots[DL_ROOT_EVENT], event, "line", err);
}

static int
cannot_index(
    enum dl_json_kind kind, const struct dl_step *step, struct dl_err *err)
{
	static const char *const names[] = {[DL_JSON_FALSE] = "boolean",
	    [DL_JSON_TRUE] = "boolean",
	    [DL_JSON_NUMBER] = "number",
	    [DL_JSON_STRING] = "string",
	    [DL_JSON_ARRAY] = "array",
	    [DL_JSON_OBJECT] = "object"};

	if (kind == DL_JSON_INVALID)
		return dl_err_data(err, "the event's data is not JSON");
	if (step->name.p == NULL)
		return dl_err_data(
		    err, "Cannot index %s with number", names[kind]);
	if (step->name.len >= DL_PATH_NAME_TOLD)
		return dl_err_data(
		    err, "Cannot index %s with string", names[kind]);
	return dl_err_data(err, "Cannot index %s with string \"%.*s\"",
	    names[kind], DL_SPAN_ARG(step->name));
}

int
dl_paths_get(
    const struct dl_paths *t, int n, struct dl_span *value, struct dl_err *err)
{
	const struct path *path = &t->paths[n];
	const struct node *at = path->leaf;
	size_t depth = path->nsteps;
	const struct dl_step *step;
	enum dl_json_kind kind;

	for (; at->run != t->run; at = at->parent)
		depth--;
	*value = at->value;
	if (depth == path->nsteps)
		return 1;

	/* The step that led nowhere. */
	step = &path->steps[depth];
	kind = at->value.len == 0 ? DL_JSON_INVALID : dl_json_kind(at->value);
	if (kind == DL_JSON_NULL ||
	    kind == (step->name.p != NULL ? DL_JSON_OBJECT : DL_JSON_ARRAY)) {
		*value = DL_SPAN("null");
		return 1;
	}
	return step->optional ? 0 : cannot_index(kind, step, err);
}
