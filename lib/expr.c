#include "expr.h"

#include "jqrun.h"
#include "jqval.h"
#include "paths.h"
#include "plain.h"

#include <stdlib.h>

struct expr {
	struct dl_plain *plain; /* or */
	struct dl_jqrun *jq;
	bool whole_event;
	bool started, done;
	struct dl_buf out; /* jq's output, printed */
};

struct dl_expr_set {
	struct expr *list;
	int n;
	struct dl_paths *paths;
	bool uses_jq;
	bool wants_event; /* a program on jq sees the event */

	/* The record at hand. */
	struct dl_span data, line, id;
	struct dl_buf made; /* the line of an event that has none */
	struct dl_jqval values;
	bool built;
	jv jv_data, jv_event;
};

static bool force_jq;

void
dl_expr_force_jq(bool on)
{
	force_jq = on;
}

struct dl_expr_set *
dl_expr_set_new(void)
{
	struct dl_expr_set *s = dl_calloc(1, sizeof(*s));

	s->paths = dl_paths_new();
	return s;
}

/* Let go of the record's values. */
static void
forget(struct dl_expr_set *s)
{
	if (!s->built)
		return;
	jv_free(s->jv_data);
	jv_free(s->jv_event);
	s->built = false;
}

void
dl_expr_set_free(struct dl_expr_set *s)
{
	int i;

	if (s == NULL)
		return;
	forget(s);
	for (i = 0; i < s->n; i++) {
		dl_plain_free(s->list[i].plain);
		dl_jqrun_free(s->list[i].jq);
		dl_buf_release(&s->list[i].out);
	}
	free(s->list);
	dl_paths_free(s->paths);
	dl_jqval_release(&s->values);
	dl_buf_release(&s->made);
	free(s);
}

int
dl_expr_add(struct dl_expr_set *s, const char *program,
    const struct dl_expr_options *options, struct dl_err *err)
{
	static const struct dl_expr_options none;
	struct expr x = {0};

	if (options == NULL)
		options = &none;
	x.whole_event = options->whole_event;
	x.done = true;
	if (!force_jq)
		x.plain = dl_plain_new(program, x.whole_event, s->paths);
	if (x.plain == NULL) {
		if ((x.jq = dl_jqrun_new(program, options, err)) == NULL)
			return -1;
		s->uses_jq = true;
		s->wants_event |= x.whole_event || dl_jqrun_wants_event(x.jq);
	}
	s->list = dl_realloc(s->list, (size_t)(s->n + 1) * sizeof(*s->list));
	s->list[s->n] = x;
	return s->n++;
}

bool
dl_expr_set_uses_jq(const struct dl_expr_set *s)
{
	return s->uses_jq;
}

int
dl_expr_run(
    struct dl_expr_set *s, const struct dl_event *ev, struct dl_err *err)
{
	int i;

	forget(s);
	s->data = ev->data;
	s->line = ev->line;
	s->id = ev->id;
	if (s->line.p == NULL &&
	    (s->wants_event || dl_paths_use(s->paths, DL_ROOT_EVENT))) {
		dl_buf_clear(&s->made);
		dl_event_write(&s->made, ev);
		s->line = dl_span(s->made.p, s->made.len - 1);
	}
	for (i = 0; i < s->n; i++)
		s->list[i].started = s->list[i].done = false;
	return dl_paths_run(s->paths, s->data, s->line, err);
}

/* The record as jq's values, when a program first asks for them. */
static int
build(struct dl_expr_set *s, struct dl_err *err)
{
	dl_jqval_reset(&s->values);
	s->jv_data = jv_null();
	s->jv_event = jv_null();
	if (!s->wants_event) {
		if (s->data.p != NULL &&
		    dl_jqval_build(&s->values, s->data, &s->jv_data, err) < 0)
			return -1;
		s->built = true;
		return 0;
	}
	if (dl_jqval_build(&s->values, s->line, &s->jv_event, err) < 0)
		return -1;
	s->built = true;
	if (jv_get_kind(s->jv_event) != JV_KIND_OBJECT)
		return dl_err_data(err, "the event is not an object");
	s->jv_data = jv_object_get(jv_copy(s->jv_event), jv_string("data"));
	if (!jv_is_valid(s->jv_data)) {
		jv_free(s->jv_data);
		s->jv_data = jv_null();
	}
	return 0;
}

static int
next_jq(struct dl_expr_set *s, struct expr *x, struct dl_span *value,
    struct dl_err *err)
{
	jv out;
	int r;

	if (!x->started) {
		if (!s->built && build(s, err) < 0) {
			dl_err_prefix(err, "the event is not JSON");
			return -1;
		}
		x->started = true;
		dl_jqrun_start(x->jq,
		    jv_copy(x->whole_event ? s->jv_event : s->jv_data),
		    jv_copy(s->jv_event), s->id);
	}
	if ((r = dl_jqrun_next(x->jq, &out, err)) <= 0)
		return r;
	dl_buf_clear(&x->out);
	if (dl_jqval_print(&s->values, out, &x->out, err) < 0)
		return -1;
	*value = dl_buf_as_span(&x->out);
	return 1;
}

int
dl_expr_next(
    struct dl_expr_set *s, int n, struct dl_span *value, struct dl_err *err)
{
	struct expr *x = &s->list[n];
	int r;

	if (x->done)
		return 0;
	if (x->jq == NULL) {
		x->done = true;
		return dl_plain_eval(x->plain, s->paths, value, err);
	}
	if ((r = next_jq(s, x, value, err)) <= 0)
		x->done = true;
	return r;
}

int
dl_expr_first(
    struct dl_expr_set *s, int n, struct dl_span *value, struct dl_err *err)
{
	int r = dl_expr_next(s, n, value, err);

	s->list[n].done = true;
	return r;
}

int
dl_expr_names(const char *program, struct dl_buf *b)
{
	struct dl_step steps[DL_PATH_STEPS];
	struct dl_buf names = {0};
	int i, n = dl_plain_path(program, steps, DL_PATH_STEPS, &names);

	for (i = 0; i < n; i++)
		if (steps[i].name.p == NULL || steps[i].optional)
			n = -1;
	for (i = 0; i < n; i++) {
		dl_buf_span(b, steps[i].name);
		dl_buf_addc(b, '\0');
	}
	dl_buf_release(&names);
	return n;
}
