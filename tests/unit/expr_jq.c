/*
 * Expressions against libjq: whatever runs on the scanner gives the outputs of
 * jq 1.6, their order, and its errors.
 *
 * The programs are those of the folder expr_jq, and random ones (SEED, ROUNDS).
 */
#include "expr.h"

#include "buf.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "expr_jq_documents.h"
#include "expr_jq_pair.h"
#include "expr_jq_programs.h"
#include "expr_jq_random.h"
#include "expr_jq_same.h"

#define SHOWN 40     /* differences that are told */
#define ROUNDS 5     /* batches of random programs */
#define DOCUMENTS 12 /* for each of them */
#define DAMAGED 12
#define DEAR 8000 /* elements: a step for each looks at all of them */
#define ARGS \
	"{\"x\":\"a\",\"n\":1.50,\"o\":{\"a\":{\"b\":[1,2.0]}}," \
	"\"l\":[1,2,3],\"u\":\"\xc3\xa9\"}"

static const struct dl_expr_options on_data = {.name = "test",
    .args_json = ARGS};
static const struct dl_expr_options on_event = {.name = "test",
    .args_json = ARGS,
    .whole_event = true};

/* libjq 1.6 leaks a little of its own. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libjq\n";
}

static int differences, told; /* a program is told of once in a row */

static void
differ(
    const char *program, const char *data, struct dl_buf *a, struct dl_buf *b)
{
	static const char *last;

	differences++;
	if (program != last && told++ < SHOWN)
		print_error("differ: %s\n  on: %s\n  scanner: %s  jq: %s",
		    program, data, dl_buf_str(a), dl_buf_str(b));
	last = program;
}

static struct dl_event
event_of(struct dl_buf *line, const char *data, int k)
{
	struct dl_event ev = {0};
	struct dl_err err = {0};

	dl_buf_clear(line);
	dl_buf_printf(line,
	    "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"s\","
	    "\"type\":\"dl.record\",\"time\":\"2020-01-01T00:00:00Z\","
	    "\"k\":%d,\"n\":1.50,\"data\":%s}",
	    k, data);
	if (dl_event_parse(&ev, dl_buf_as_span(line), &err) < 0)
		fail_msg("%s: %s", data, err.msg);
	return ev;
}

/* One program of the pair on one document. */
static void
pair_run(struct pair *p, int k, const char *data, bool exact)
{
	static struct dl_buf line, a, b;
	struct dl_event ev = event_of(&line, data, k);

	run(p->scanner, k, &ev, &a);
	run(p->jq, 0, &ev, &b);
	if (!is_lost(&a, &b) && !is_same(p->programs[k], &a, &b) &&
	    (exact || !is_rounded(&b)))
		differ(p->programs[k], data, &a, &b);
	dl_event_release(&ev);
}

static void
compare_on(struct pair *p, const struct program *const *programs,
    const struct list *l, size_t ndocuments)
{
	size_t d;
	int i, k;

	for (k = 0; k < p->n; k++) {
		if (why_jq(p->scanner, k) != NULL)
			continue;
		for (i = 0; i < programs[k]->ninputs; i++)
			pair_run(p, k, programs[k]->inputs[i], true);
		for (d = 0; d < ndocuments && !programs[k]->own; d++)
			pair_run(p, k, l->documents[d], true);
	}
}

/* What became of the list's programs. */
struct count {
	int all[TOPICS], scanned[TOPICS];
	int missed; /* that were left to libjq and should not have been */
	bool *on_jq;
	bool done;
};
static struct count count;

static void
count_program(struct count *c, const struct program *p, const char *why)
{
	c->all[p->topic]++;
	if (why == NULL) {
		c->scanned[p->topic]++;
		if (p->free)
			print_message("# no longer on libjq: %s\n", p->text);
	} else if (!p->free && c->missed++ < SHOWN) {
		print_error("on libjq: %s (%s)\n", p->text, why);
	}
}

/* What became of p's programs, when they are first met. */
static void
count_pair(const struct pair *p, const struct program *const *programs)
{
	const struct list *l = list_read();
	const char *why;
	int k;

	for (k = 0; k < p->n && !count.done; k++) {
		why = why_jq(p->scanner, k);
		count.on_jq[programs[k] - l->programs] = why != NULL;
		count_program(&count, programs[k], why);
	}
}

/* Programs of the list from *at, each so many, not known to need libjq. */
static void
pair_fill(
    struct pair *p, const struct program **programs, size_t *at, size_t each)
{
	const struct list *l = list_read();

	for (p->n = 0; p->n < BATCH && *at < l->n; *at += each) {
		if (count.on_jq[*at])
			continue;
		programs[p->n] = &l->programs[*at];
		p->programs[p->n++] = dl_strdup(l->programs[*at].text);
	}
}

/* The programs of the list, some at a time. */
static void
compare_list(
    const struct dl_expr_options *options, size_t ndocuments, size_t each)
{
	const struct program *programs[BATCH];
	const struct list *l = list_read();
	struct pair p;
	size_t at = 0;

	differences = told = 0;
	while (at < l->n) {
		p = (struct pair){0};
		pair_fill(&p, programs, &at, each);
		if (p.n == 0)
			break;
		pair_compile(&p, options, false);
		compare_on(&p, programs, l, ndocuments);
		count_pair(&p, programs);
		pair_free(&p);
	}
}

static void
the_list_agrees_on_data(void **state)
{
	const struct list *l = list_read();

	(void)state;
	assert_true(l->n >= 2000 && l->ndocuments >= 60);
	count.on_jq = dl_calloc(l->n, sizeof(*count.on_jq));
	compare_list(&on_data, l->ndocuments, 1);
	count.done = true;
	assert_int_equal(differences, 0);
}

static void
the_list_agrees_on_events(void **state)
{
	(void)state;
	/* A fourth of them: only what '.' is differs. */
	compare_list(&on_event, 8, 4);
	assert_int_equal(differences, 0);
}

static uint64_t
setting(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);

	return s == NULL ? otherwise : strtoull(s, NULL, 10);
}

/* A batch of programs that jq takes too. */
static void
random_pair(struct pair *p, struct random *r)
{
	struct dl_buf text = {0};

	while (p->n < BATCH) {
		dl_buf_clear(&text);
		random_program(r, &text);
		p->programs[p->n++] = dl_strdup(dl_buf_str(&text));
	}
	dl_buf_release(&text);
	pair_compile(p, &on_data, true);
}

/* One batch of random programs over random documents. */
static void
random_round(struct random *r)
{
	struct dl_buf data = {0};
	struct pair p = {0};
	int k, i;

	random_pair(&p, r);
	for (k = 0; k < p.n; k++)
		for (i = 0; i < DOCUMENTS; i++) {
			dl_buf_clear(&data);
			random_document(r, &data, 4);
			pair_run(&p, k, dl_buf_str(&data), false);
		}
	pair_free(&p);
	dl_buf_release(&data);
}

static void
random_programs_agree(void **state)
{
	struct random r = {.state = setting("SEED", 1)};
	uint64_t i, n = setting("ROUNDS", ROUNDS), seed;
	int before;

	(void)state;
	differences = told = 0;
	for (i = 0; i < n; i++) {
		seed = r.state;
		before = differences;
		random_round(&r);
		if (differences > before)
			print_error("again: SEED=%llu ROUNDS=1\n",
			    (unsigned long long)seed);
	}
	assert_int_equal(differences, 0);
}

/* On damaged bytes programs end, in bounds; what they say is not compared. */
static void
damaged_documents_do_no_harm(void **state)
{
	struct random r = {.state = setting("SEED", 1)};
	struct dl_event ev = {
	    .id = DL_SPAN("i"), .source = DL_SPAN("s"), .type = DL_SPAN("t")};
	struct dl_buf data = {0}, out = {0};
	struct pair p = {0};
	int k, i;

	(void)state;
	random_pair(&p, &r);
	for (k = 0; k < p.n; k++)
		for (i = 0; i < DAMAGED; i++) {
			dl_buf_clear(&data);
			random_document(&r, &data, 4);
			random_damage(&r, &data);
			/* Its own bytes alone, for the sanitizer to see. */
			ev.data.p = dl_strndup(dl_buf_as_span(&data));
			ev.data.len = data.len;
			run(p.scanner, k, &ev, &out);
			free((char *)ev.data.p);
		}
	pair_free(&p);
	dl_buf_release(&data);
	dl_buf_release(&out);
}

/* What jq does not compile, nobody does. */
static void
what_jq_refuses_is_refused(void **state)
{
	const struct list *l = list_read();
	struct dl_expr_set *s = dl_expr_set_new();
	int taken = 0;
	size_t i;

	(void)state;
	assert_true(l->nrefused >= 150);
	for (i = 0; i < l->nrefused; i++) {
		struct dl_err err = {0};

		if (dl_expr_add(s, l->refused[i], &on_data, &err) >= 0) {
			print_error("taken: %s\n", l->refused[i]);
			taken++;
		} else {
			assert_int_equal(err.status, DL_EXIT_CONF);
		}
	}
	dl_expr_set_free(s);
	assert_int_equal(taken, 0);
}

/* Integers keep all their digits, where jq 1.6 makes doubles of them. */
static void
large_integers_are_exact(void **state)
{
	const struct list *l = list_read();
	struct dl_buf line = {0}, out = {0};
	struct dl_expr_set *s;
	struct dl_err err = {0};
	int wrong = 0;
	size_t i;

	(void)state;
	assert_true(l->nexact >= 60);
	for (i = 0; i < l->nexact; i++) {
		char *want = dl_strdup(l->exact[i]), *rest = want;
		const char *program = strsep(&rest, "\t");
		const char *data = strsep(&rest, "\t");
		struct dl_event ev = event_of(&line, data, 0);

		s = dl_expr_set_new();
		assert_int_equal(dl_expr_add(s, program, &on_data, &err), 0);
		assert_null(dl_expr_why(s, 0));
		run(s, 0, &ev, &out);
		out.len -= out.len > 0;
		if (strcmp(dl_buf_str(&out), rest) != 0 && ++wrong)
			print_error("%s on %s: %s, not %s\n", program, data,
			    dl_buf_str(&out), rest);
		dl_expr_set_free(s);
		dl_event_release(&ev);
		free(want);
	}
	dl_buf_release(&line);
	dl_buf_release(&out);
	assert_int_equal(wrong, 0);
}

/* Each program of the list that may not fall back runs on the scanner. */
static void
the_scanner_runs_them(void **state)
{
	const struct list *l = list_read();
	int i;

	(void)state;
	for (i = 0; i < l->ntopics; i++)
		print_message("# %-14s %3d of %3d on the scanner\n",
		    l->topics[i], count.scanned[i], count.all[i]);
	assert_true(count.done);
	assert_int_equal(count.missed, 0);
}

/* A few steps on much data are seen by the clock, as many on little are. */
static void
dear_steps_end_in_time(void **state)
{
	static const char *const programs[] = {
	    "[.[.[]]]", ". as $x | [.[] | $x == $x]", "[.[] as $x | . - [$x]]"};
	struct dl_expr_options options = {.name = "test", .max_time_ms = 20};
	struct dl_buf data = {0}, line = {0}, out = {0};
	struct dl_expr_set *s;
	struct dl_event ev;
	struct dl_err err = {0};
	size_t i;

	(void)state;
	for (i = 0; i < DEAR; i++)
		dl_buf_printf(&data, "%c[[%zu]]", i == 0 ? '[' : ',', i);
	dl_buf_addc(&data, ']');
	ev = event_of(&line, dl_buf_str(&data), 0);
	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		s = dl_expr_set_new();
		assert_int_equal(
		    dl_expr_add(s, programs[i], &options, &err), 0);
		assert_null(dl_expr_why(s, 0));
		run(s, 0, &ev, &out);
		assert_string_equal(dl_buf_str(&out),
		    "error: the program ran longer than 20ms\n");
		dl_expr_set_free(s);
	}
	dl_event_release(&ev);
	dl_buf_release(&data);
	dl_buf_release(&line);
	dl_buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_list_agrees_on_data),
	    cmocka_unit_test(the_list_agrees_on_events),
	    cmocka_unit_test(what_jq_refuses_is_refused),
	    cmocka_unit_test(the_scanner_runs_them),
	    cmocka_unit_test(large_integers_are_exact),
	    cmocka_unit_test(random_programs_agree),
	    cmocka_unit_test(damaged_documents_do_no_harm),
	    cmocka_unit_test(dear_steps_end_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
