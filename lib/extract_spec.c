/* Loads the YAML of dl-extract(5). */
#include "extract_spec.h"

#include "clock.h"
#include "home.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>

#define METRIC_MAX 256 /* bytes of a metric's name */

/* A template as it stands in the file. */
struct text {
	const char *name, *when, *component, *time, *time_format, *each;
	const struct dl_conf_node *metrics;
	int nulls;
};

static const char *const nulls_choices[] = {"drop", "keep", NULL};
enum { NULLS_DROP, NULLS_KEEP };

static const struct dl_conf_field template_fields[] = {
#define FIELD(member, kind, required, choices) \
	{ \
#member, kind, required, offsetof(struct text, member), \
		    choices \
	}
    FIELD(name, DL_CONF_STR, true, NULL),
    FIELD(when, DL_CONF_STR, false, NULL),
    FIELD(each, DL_CONF_STR, false, NULL),
    FIELD(component, DL_CONF_STR, false, NULL),
    FIELD(time, DL_CONF_STR, false, NULL),
    FIELD(time_format, DL_CONF_STR, false, NULL),
    FIELD(metrics, DL_CONF_MAP, true, NULL),
    FIELD(nulls, DL_CONF_CHOICE, false, nulls_choices),
#undef FIELD
    {NULL, DL_CONF_STR, false, 0, NULL},
};

/* Compile program, the value of key on that line, into set. */
static int
compile(const struct dl_conf *c, struct dl_expr_set *set, const char *key,
    int line, const char *program, struct extract_expr *to, struct dl_err *err)
{
	char place[DL_ERR_MAX / 2];
	const struct dl_expr_options options = {.name = place};

	if (program == NULL)
		return 0;
	snprintf(
	    place, sizeof(place), "%s:%d: '%s'", dl_conf_path(c), line, key);
	to->key = key;
	to->line = line;
	to->number = dl_expr_add(set, program, &options, err);
	return to->number < 0 ? -1 : 0;
}

/* Compile one of the expressions that see the template's '.'. */
static int
add_expr(struct dl_extract *x, struct extract_template *t, const char *key,
    int line, const char *program, struct extract_expr *to, struct dl_err *err)
{
	if (program != NULL && strstr(program, "$event") != NULL)
		t->wants_event = true;
	return compile(x->conf, t->set, key, line, program, to, err);
}

static int
check_metric_name(
    const struct dl_conf *c, int line, struct dl_span name, struct dl_err *err)
{
	if (name.len == 0 || name.len > METRIC_MAX)
		return dl_conf_fail(c, line, err,
		    "a metric's name has 1 to %d bytes", METRIC_MAX);
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f)
			return dl_conf_fail(c, line, err,
			    "a metric's name has no control characters");
	return 0;
}

static int
load_metrics(struct dl_extract *x, const struct dl_conf_node *map, int map_line,
    struct extract_template *t, struct dl_err *err)
{
	const struct dl_conf *c = x->conf;
	const struct dl_conf_node *n;
	struct extract_metric *m;
	const char *key;
	int line;

	while (dl_conf_child(map, t->nmetrics, NULL) != NULL)
		t->nmetrics++;
	if (t->nmetrics == 0)
		return dl_conf_fail(c, map_line, err,
		    "'metrics' is empty, expected names and jq expressions");
	t->metrics = dl_calloc(t->nmetrics, sizeof(*t->metrics));
	for (size_t i = 0; i < t->nmetrics; i++) {
		m = &t->metrics[i];
		n = dl_conf_child(map, i, &key);
		line = dl_conf_line(n);
		if (check_metric_name(c, line, dl_span_str(key), err) < 0)
			return -1;
		if (dl_conf_text(n) == NULL)
			return dl_conf_fail(c, line, err,
			    "metric '%s' is not text, expected a jq expression",
			    key);
		if (add_expr(x, t, key, line, dl_conf_text(n), &m->expr, err) <
		    0)
			return -1;
		dl_json_quote(&m->name, dl_span_str(key));
		dl_buf_addc(&m->name, ':');
	}
	return 0;
}

static int
check_name(const struct dl_extract *x, size_t nth, int line, struct dl_err *err)
{
	const char *name = x->templates[nth].name;

	if (!dl_name_ok(dl_span_str(name)))
		return dl_conf_fail(x->conf, line, err,
		    "'name' is \"%.80s\", expected at most 64 of A-Z a-z 0-9 "
		    ". _ - and first a letter or digit",
		    name);
	for (size_t i = 0; i < nth; i++)
		if (strcmp(x->templates[i].name, name) == 0)
			return dl_conf_fail(x->conf, line, err,
			    "template '%s' is given twice", name);
	return 0;
}

static int
check_time_format(const struct dl_conf *c, const struct dl_conf_node *node,
    const struct text *s, struct dl_err *err)
{
	int line = dl_conf_line_of(node, "time_format");
	struct dl_err why = {0};

	if (s->time_format != NULL && s->time == NULL)
		return dl_conf_fail(c, line, err,
		    "'time_format' is for 'time', which is not given");
	if (dl_time_format_check(s->time_format, &why) < 0)
		return dl_conf_fail(c, line, err, "'time_format': %s", why.msg);
	return 0;
}

static int
load_template(struct dl_extract *x, size_t nth, const struct dl_conf_node *node,
    struct dl_err *err)
{
	struct extract_template *t = &x->templates[nth];
	const struct dl_conf *c = x->conf;
	struct text s = {0};

	if (dl_conf_take(c, node, "a template", template_fields, &s, err) < 0)
		return -1;
	t->name = s.name;
	t->line = dl_conf_line_of(node, "name");
	t->time_format = s.time_format;
	t->keep_nulls = s.nulls == NULLS_KEEP;
	t->set = s.each == NULL ? x->shared : dl_expr_set_new();
	if (check_name(x, nth, dl_conf_line_of(node, "name"), err) < 0 ||
	    check_time_format(c, node, &s, err) < 0)
		return -1;
	if (compile(c, x->shared, "each", dl_conf_line_of(node, "each"), s.each,
		&t->each, err) < 0)
		return -1;
#define ADD(member) \
	add_expr(x, t, #member, dl_conf_line_of(node, #member), s.member, \
	    &t->member, err)
	if (ADD(when) < 0 || ADD(component) < 0 || ADD(time) < 0)
		return -1;
#undef ADD
	return load_metrics(
	    x, s.metrics, dl_conf_line_of(node, "metrics"), t, err);
}

static int
load_templates(struct dl_extract *x, struct dl_err *err)
{
	static const struct dl_conf_field fields[] = {
	    {"templates", DL_CONF_LIST, true, 0, NULL},
	    {NULL, DL_CONF_STR, false, 0, NULL},
	};
	const struct dl_conf_node *root = dl_conf_root(x->conf);
	const struct dl_conf_node *list = NULL, *node;

	if (dl_conf_take(x->conf, root, "an extraction", fields, &list, err) <
	    0)
		return -1;
	while (dl_conf_child(list, x->ntemplates, NULL) != NULL)
		x->ntemplates++;
	if (x->ntemplates == 0 || x->ntemplates > DL_EXTRACT_TEMPLATES)
		return dl_conf_fail(x->conf, dl_conf_line_of(root, "templates"),
		    err, "%zu templates, expected 1 to %d", x->ntemplates,
		    DL_EXTRACT_TEMPLATES);
	x->templates = dl_calloc(x->ntemplates, sizeof(*x->templates));
	for (size_t i = 0; i < x->ntemplates; i++) {
		node = dl_conf_child(list, i, NULL);
		if (load_template(x, i, node, err) < 0)
			return -1;
	}
	return 0;
}

static bool
cut_suffix(struct dl_span *s, struct dl_span suffix)
{
	if (s->len <= suffix.len ||
	    memcmp(s->p + s->len - suffix.len, suffix.p, suffix.len) != 0)
		return false;
	s->len -= suffix.len;
	return true;
}

struct dl_span
dl_extract_step(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct dl_span s = dl_span_str(slash == NULL ? path : slash + 1);

	if (cut_suffix(&s, DL_SPAN(".yaml")) || cut_suffix(&s, DL_SPAN(".yml")))
		cut_suffix(&s, DL_SPAN(".extract"));
	return s;
}

struct dl_extract *
dl_extract_load(const char *path, struct dl_err *err)
{
	struct dl_extract *x;
	struct dl_conf *c;

	if ((c = dl_conf_load(path, err)) == NULL)
		return NULL;
	x = dl_calloc(1, sizeof(*x));
	x->conf = c;
	x->shared = dl_expr_set_new();
	x->step = dl_extract_step(dl_conf_path(c));
	if (load_templates(x, err) == 0)
		return x;
	dl_extract_free(x);
	return NULL;
}

static void
free_template(struct dl_extract *x, struct extract_template *t)
{
	for (size_t i = 0; t->metrics != NULL && i < t->nmetrics; i++)
		dl_buf_release(&t->metrics[i].name);
	free(t->metrics);
	if (t->set != x->shared)
		dl_expr_set_free(t->set);
}

void
dl_extract_free(struct dl_extract *x)
{
	if (x == NULL)
		return;
	for (size_t i = 0; x->templates != NULL && i < x->ntemplates; i++)
		free_template(x, &x->templates[i]);
	free(x->templates);
	dl_expr_set_free(x->shared);
	dl_buf_release(&x->id);
	dl_buf_release(&x->text);
	dl_buf_release(&x->steps);
	dl_buf_release(&x->steps_before);
	dl_conf_free(x->conf);
	free(x);
}

struct dl_span
dl_extract_program(const struct dl_extract *x)
{
	return dl_conf_bytes(x->conf);
}
