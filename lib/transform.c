#include "transform.h"

#include "home.h"
#include "line.h"

#include <inttypes.h>
#include <stdlib.h>

struct dl_transform {
	struct dl_expr_set *set;
	bool whole_event;
	char *step;
	struct dl_buf program; /* what the step's hash is of */
	struct dl_event made;  /* whole_event: the program's */
	struct dl_buf first;   /* a copy of the first output */
	struct dl_buf steps, id;
};

/* One event on its way. */
struct job {
	struct dl_transform *t;
	const struct dl_event *ev;
	struct dl_buf *out;
	size_t start; /* out's length before it */
	int64_t n;    /* outputs */
	const char *code;
	struct dl_err *err;
};

struct dl_transform *
dl_transform_new(const char *program, struct dl_span step,
    const struct dl_expr_options *options, struct dl_err *err)
{
	struct dl_transform *t = dl_calloc(1, sizeof(*t));

	t->set = dl_expr_set_new();
	t->whole_event = options->whole_event;
	t->step = dl_strndup(step);
	dl_buf_adds(&t->program, program);
	if (options->args_json != NULL) {
		dl_buf_addc(&t->program, '\0');
		dl_buf_adds(&t->program, options->args_json);
	}
	if (dl_expr_add(t->set, program, options, err) < 0) {
		dl_transform_free(t);
		return NULL;
	}
	return t;
}

void
dl_transform_free(struct dl_transform *t)
{
	if (t == NULL)
		return;
	dl_expr_set_free(t->set);
	dl_event_release(&t->made);
	dl_buf_release(&t->program);
	dl_buf_release(&t->first);
	dl_buf_release(&t->steps);
	dl_buf_release(&t->id);
	free(t->step);
	free(t);
}

static int
fail(struct job *j, const char *code)
{
	j->code = code;
	return -1;
}

/* The event that an output is, as e. */
static int
take_output(struct job *j, struct dl_span output, struct dl_event *e)
{
	struct dl_event *made = &j->t->made;

	if (!j->t->whole_event) {
		*e = *j->ev;
		e->data = output;
		return 0;
	}
	if (dl_event_parse(made, output, j->err) < 0) {
		dl_err_prefix(j->err, "the program's result is not an event");
		return fail(j, "event");
	}
	if (dl_event_is(made, DL_TYPE_CHECKPOINT)) {
		dl_err_data(j->err, "a program cannot make a checkpoint");
		return fail(j, "event");
	}
	*e = *made;
	return 0;
}

/* Write an output as an event; n is its number, from 1, or 0 if it is alone. */
static int
put_output(struct job *j, struct dl_span output, int64_t n)
{
	struct dl_transform *t = j->t;
	size_t before = j->out->len;
	struct dl_event e;

	if (take_output(j, output, &e) < 0)
		return -1;
	dl_buf_clear(&t->steps);
	dl_event_step(&t->steps, e.steps, dl_span_str(t->step),
	    dl_buf_as_span(&t->program));
	e.steps = dl_buf_as_span(&t->steps);
	if (n > 0 && dl_span_eq(e.id, j->ev->id)) {
		dl_buf_clear(&t->id);
		dl_buf_span(&t->id, e.id);
		dl_buf_printf(&t->id, ".%" PRId64, n);
		e.causationid = j->ev->id;
		e.id = dl_buf_as_span(&t->id);
	}
	dl_event_write(j->out, &e);
	if (j->out->len - before > DL_LINE_MAX) {
		dl_err_data(j->err,
		    "the program's result is longer than %d bytes",
		    DL_LINE_MAX);
		return fail(j, "too-long");
	}
	if (j->out->len - j->start > DL_TRANSFORM_MAX) {
		dl_err_data(j->err,
		    "the program's results are longer than %d bytes together",
		    DL_TRANSFORM_MAX);
		return fail(j, "too-long");
	}
	return 0;
}

/*
 * Whether the first output is the only one is known when the second one comes,
 * or none; until then it is kept.
 */
static int
take(void *arg, struct dl_span output)
{
	struct job *j = arg;
	struct dl_transform *t = j->t;

	if (dl_expr_is_single(t->set, 0)) {
		j->n = 1;
		return put_output(j, output, 0);
	}
	if (++j->n == 1) {
		dl_buf_clear(&t->first);
		dl_buf_span(&t->first, output);
		return 0;
	}
	if (j->n == 2 && put_output(j, dl_buf_as_span(&t->first), 1) < 0)
		return -1;
	return put_output(j, output, j->n);
}

static int64_t
put_outputs(struct job *j)
{
	struct dl_transform *t = j->t;

	if (dl_expr_each(t->set, 0, take, j, j->err) < 0)
		return j->code != NULL ? -1 : fail(j, "program");
	if (j->n == 1 && !dl_expr_is_single(t->set, 0) &&
	    put_output(j, dl_buf_as_span(&t->first), 0) < 0)
		return -1;
	return j->n;
}

int64_t
dl_transform_event(struct dl_transform *t, const struct dl_event *ev,
    struct dl_buf *out, const char **code, struct dl_err *err)
{
	struct job j = {t, ev, out, out->len, 0, NULL, err};
	int64_t n;

	if (dl_expr_run(t->set, ev, err) < 0)
		n = fail(&j, "json");
	else
		n = put_outputs(&j);
	if (n < 0) {
		out->len = j.start;
		*code = j.code;
	}
	return n;
}

const char *
dl_transform_why(const struct dl_transform *t)
{
	return dl_expr_why(t->set, 0);
}

struct dl_span
dl_transform_program(const struct dl_transform *t)
{
	return dl_buf_as_span(&t->program);
}

struct dl_span
dl_transform_step(const char *path)
{
	const char *base = path == NULL ? NULL : strrchr(path, '/');
	struct dl_span name;

	name = dl_span_str(base == NULL ? path : base + 1);
	if (name.len > 3 && memcmp(name.p + name.len - 3, ".jq", 3) == 0)
		name.len -= 3;
	return name.p != NULL && dl_name_ok(name) ? name : DL_SPAN("transform");
}
