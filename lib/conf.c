#include "conf.h"

#include "conf_node.h"
#include "io.h"

#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#define FILE_MAX (1 << 20)
#define DEPTH_MAX 64

/* What loading one file needs to know. */
struct loader {
	struct dl_conf *conf;
	yaml_parser_t parser;
	struct dl_buf scratch;
};

int
dl_conf_fail(
    const struct dl_conf *c, int line, struct dl_err *err, const char *fmt, ...)
{
	char msg[DL_ERR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (line <= 0)
		return dl_err_conf(err, "%s: %s", c->path, msg);
	return dl_err_conf(err, "%s:%d: %s", c->path, line, msg);
}

static int
mark_line(yaml_mark_t mark)
{
	return (int)mark.line + 1;
}

/* What libyaml found wrong; a reader's error knows its byte, not its line. */
static int
fail_yaml(struct loader *l, struct dl_err *err)
{
	const yaml_parser_t *y = &l->parser;
	const char *problem = y->problem == NULL ? "" : y->problem;
	int line = 1;

	if (y->error != YAML_READER_ERROR)
		return dl_conf_fail(l->conf, mark_line(y->problem_mark), err,
		    "not valid YAML: %s", problem);
	for (size_t i = 0; i < y->problem_offset && i < l->conf->bytes.len; i++)
		line += l->conf->bytes.p[i] == '\n';
	return dl_conf_fail(
	    l->conf, line, err, "not valid UTF-8 text: %s", problem);
}

/* The next event, which the caller deletes. */
static int
next_event(struct loader *l, yaml_event_t *ev, struct dl_err *err)
{
	if (!yaml_parser_parse(&l->parser, ev))
		return fail_yaml(l, err);
	return 0;
}

static struct dl_conf_node *
add_child(struct dl_conf_node *parent)
{
	struct dl_conf_node *n = dl_calloc(1, sizeof(*n));

	if (parent->nchild == parent->cap) {
		parent->cap = parent->cap == 0 ? 8 : parent->cap * 2;
		parent->child = dl_realloc(
		    parent->child, parent->cap * sizeof(*parent->child));
	}
	parent->child[parent->nchild++] = n;
	return n;
}

static void
free_node(struct dl_conf_node *n)
{
	for (size_t i = 0; i < n->nchild; i++)
		free_node(n->child[i]);
	free(n->child);
	free(n->text);
	free(n->key);
	free(n);
}

static bool
null_text(struct dl_span s)
{
	return s.len == 0 || dl_span_is(s, "~") || dl_span_is(s, "null") ||
	       dl_span_is(s, "Null") || dl_span_is(s, "NULL");
}

/* Anchors and tags would change what the text beside them says. */
static int
check_ornaments(struct loader *l, const yaml_char_t *anchor,
    const yaml_char_t *tag, int line, struct dl_err *err)
{
	if (anchor != NULL)
		return dl_conf_fail(l->conf, line, err,
		    "anchors (&%s) are not taken", (const char *)anchor);
	if (tag != NULL)
		return dl_conf_fail(l->conf, line, err,
		    "tags (%s) are not taken", (const char *)tag);
	return 0;
}

static int
scalar_text(struct loader *l, const yaml_event_t *ev, struct dl_span *text,
    struct dl_err *err)
{
	int line = mark_line(ev->start_mark);

	if (check_ornaments(
		l, ev->data.scalar.anchor, ev->data.scalar.tag, line, err) < 0)
		return -1;
	*text = dl_span(
	    (const char *)ev->data.scalar.value, ev->data.scalar.length);
	if (memchr(text->p, '\0', text->len) != NULL)
		return dl_conf_fail(
		    l->conf, line, err, "text cannot hold a NUL");
	return 0;
}

static int
load_scalar(struct loader *l, struct dl_conf_node *n, const yaml_event_t *ev,
    struct dl_err *err)
{
	yaml_scalar_style_t style = ev->data.scalar.style;
	struct dl_err why = {0};
	struct dl_span text;

	if (scalar_text(l, ev, &text, err) < 0)
		return -1;
	n->plain = style == YAML_PLAIN_SCALAR_STYLE;
	if (n->plain && null_text(text))
		return 0;
	n->shape = DL_CONF_SCALAR;
	if (n->plain || style == YAML_DOUBLE_QUOTED_SCALAR_STYLE) {
		dl_buf_clear(&l->scratch);
		if (dl_conf_expand(&l->scratch, text, &why) < 0)
			return dl_conf_fail(
			    l->conf, n->line, err, "%s", why.msg);
		text = dl_buf_as_span(&l->scratch);
	}
	n->text = dl_strndup(text);
	return 0;
}

static int
compare_keys(const void *a, const void *b)
{
	const struct dl_conf_node *x = *(struct dl_conf_node *const *)a;
	const struct dl_conf_node *y = *(struct dl_conf_node *const *)b;
	int r = strcmp(x->key, y->key);

	return r != 0
	           ? r
	           : (x->key_line > y->key_line) - (x->key_line < y->key_line);
}

/* Sorted, so that a file of nothing but keys doesn't take for ever. */
static int
check_repeats(
    struct loader *l, const struct dl_conf_node *n, struct dl_err *err)
{
	struct dl_conf_node **sorted;
	int r = 0;

	if (n->nchild < 2)
		return 0;
	sorted = dl_alloc(n->nchild * sizeof(*sorted));
	memcpy(sorted, n->child, n->nchild * sizeof(*sorted));
	qsort(sorted, n->nchild, sizeof(*sorted), compare_keys);
	for (size_t i = 1; i < n->nchild && r == 0; i++)
		if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
			r = dl_conf_fail(l->conf, sorted[i]->key_line, err,
			    "'%s' is given twice (first on line %d)",
			    sorted[i]->key, sorted[i - 1]->key_line);
	free(sorted);
	return r;
}

static int load_node(struct loader *l, struct dl_conf_node *n,
    const yaml_event_t *ev, int depth, struct dl_err *err);

/* Add the member whose key is ev, and load its value, which comes next. */
static int
load_member(struct loader *l, struct dl_conf_node *n, const yaml_event_t *ev,
    int depth, struct dl_err *err)
{
	int line = mark_line(ev->start_mark), r;
	struct dl_conf_node *child;
	struct dl_span key;
	yaml_event_t value;

	if (ev->type != YAML_SCALAR_EVENT)
		return dl_conf_fail(
		    l->conf, line, err, "a key must be a piece of text");
	if (scalar_text(l, ev, &key, err) < 0)
		return -1;
	child = add_child(n);
	child->key = dl_strndup(key);
	child->key_line = line;
	if (next_event(l, &value, err) < 0)
		return -1;
	r = load_node(l, child, &value, depth + 1, err);
	yaml_event_delete(&value);
	return r;
}

/* Load what is inside a mapping or sequence, up to its end. */
static int
load_children(
    struct loader *l, struct dl_conf_node *n, int depth, struct dl_err *err)
{
	yaml_event_t ev;
	bool end = false;
	int r = 0;

	if (depth >= DEPTH_MAX)
		return dl_conf_fail(l->conf, n->line, err,
		    "more than %d levels of nesting", DEPTH_MAX);
	while (r == 0 && !end) {
		if (next_event(l, &ev, err) < 0)
			return -1;
		if (ev.type == YAML_MAPPING_END_EVENT ||
		    ev.type == YAML_SEQUENCE_END_EVENT)
			end = true;
		else if (n->shape == DL_CONF_MAPPING)
			r = load_member(l, n, &ev, depth, err);
		else
			r = load_node(l, add_child(n), &ev, depth + 1, err);
		yaml_event_delete(&ev);
	}
	return r < 0 || n->shape != DL_CONF_MAPPING ? r
	                                            : check_repeats(l, n, err);
}

/* Load into n the node that ev begins. */
static int
load_node(struct loader *l, struct dl_conf_node *n, const yaml_event_t *ev,
    int depth, struct dl_err *err)
{
	n->line = mark_line(ev->start_mark);
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return load_scalar(l, n, ev, err);
	case YAML_MAPPING_START_EVENT:
		n->shape = DL_CONF_MAPPING;
		if (check_ornaments(l, ev->data.mapping_start.anchor,
			ev->data.mapping_start.tag, n->line, err) < 0)
			return -1;
		return load_children(l, n, depth, err);
	case YAML_SEQUENCE_START_EVENT:
		n->shape = DL_CONF_SEQUENCE;
		if (check_ornaments(l, ev->data.sequence_start.anchor,
			ev->data.sequence_start.tag, n->line, err) < 0)
			return -1;
		return load_children(l, n, depth, err);
	default:
		return dl_conf_fail(
		    l->conf, n->line, err, "aliases (*name) are not taken");
	}
}

/* The stream's events around the one document; none at all is a null. */
static int
load_stream(struct loader *l, struct dl_err *err)
{
	bool seen = false, end = false;
	yaml_event_t ev;
	int r = 0;

	while (r == 0 && !end) {
		if (next_event(l, &ev, err) < 0)
			return -1;
		switch (ev.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_STREAM_END_EVENT:
			end = true;
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (seen)
				r = dl_conf_fail(l->conf,
				    mark_line(ev.start_mark), err,
				    "more than one document");
			seen = true;
			break;
		default:
			r = load_node(l, l->conf->root, &ev, 0, err);
			break;
		}
		yaml_event_delete(&ev);
	}
	return r;
}

struct dl_conf *
dl_conf_load(const char *path, struct dl_err *err)
{
	struct dl_conf *c = dl_calloc(1, sizeof(*c));
	struct loader l = {.conf = c};
	int r;

	c->path = dl_strdup(path);
	c->root = dl_calloc(1, sizeof(*c->root));
	c->root->line = 1;
	if ((r = dl_read_file(path, FILE_MAX, &c->bytes, err)) < 0) {
		/* A file that isn't there won't be the next time either. */
		if (err->status != DL_EXIT_DENIED)
			err->status = DL_EXIT_CONF;
		goto out;
	}
	if (!yaml_parser_initialize(&l.parser)) {
		r = dl_err_temp(err, "no memory for reading '%s'", path);
		goto out;
	}
	yaml_parser_set_encoding(&l.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&l.parser,
	    (const yaml_char_t *)dl_buf_as_span(&c->bytes).p, c->bytes.len);
	r = load_stream(&l, err);
	yaml_parser_delete(&l.parser);
out:
	dl_buf_release(&l.scratch);
	if (r == 0)
		return c;
	dl_conf_free(c);
	return NULL;
}

void
dl_conf_free(struct dl_conf *c)
{
	if (c == NULL)
		return;
	free_node(c->root);
	dl_buf_release(&c->bytes);
	free(c->path);
	free(c);
}

const struct dl_conf_node *
dl_conf_root(const struct dl_conf *c)
{
	return c->root;
}

const char *
dl_conf_path(const struct dl_conf *c)
{
	return c->path;
}

struct dl_span
dl_conf_bytes(const struct dl_conf *c)
{
	return dl_buf_as_span(&c->bytes);
}

const struct dl_conf_node *
dl_conf_child(const struct dl_conf_node *node, size_t n, const char **key)
{
	if (n >= node->nchild)
		return NULL;
	if (key != NULL)
		*key = node->child[n]->key;
	return node->child[n];
}

const char *
dl_conf_text(const struct dl_conf_node *node)
{
	return node->text;
}

int
dl_conf_line(const struct dl_conf_node *node)
{
	return node->line;
}

int
dl_conf_line_of(const struct dl_conf_node *map, const char *key)
{
	for (size_t i = 0; i < map->nchild; i++)
		if (map->child[i]->key != NULL &&
		    strcmp(map->child[i]->key, key) == 0)
			return map->child[i]->key_line;
	return 0;
}
