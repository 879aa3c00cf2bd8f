/* Options: one table parses, helps, and says what is wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "opt.h"

struct got {
	bool quiet, follow;
	const char *dir;
	int64_t count, size, age;
	struct dl_buf pairs;
};

static int
take_pair(void *to, char *const *args, struct dl_err *err)
{
	struct dl_buf *b = to;

	if (args[0][0] == '!')
		return dl_err_usage(err, "'%s' is not a name", args[0]);
	dl_buf_printf(b, "%s=%s;", args[0], args[1]);
	return 0;
}

/* Parse words (NULL-ended) into g; what dl_opt_parse returned. */
static int
parse(struct got *g, struct dl_err *err, enum dl_opt_kind *asked,
    const char *const *words)
{
	const struct dl_opt opts[] = {
	    DL_OPT_FLAG('q', "quiet", &g->quiet, "say less"),
	    DL_OPT_FLAG('f', "follow", &g->follow, "go on"),
	    DL_OPT_STR('t', "twin", &g->dir, "DIR", "the twin"),
	    DL_OPT_COUNT('c', "count", &g->count, "N", "how many"),
	    DL_OPT_SIZE(0, "max-bytes", &g->size, "SIZE", "how large"),
	    DL_OPT_DURATION(0, "max-age", &g->age, "DURATION", "how old"),
	    DL_OPT_CALL(0, "arg", take_pair, &g->pairs, "NAME VALUE", "a pair"),
	    {DL_OPT_KIND_HELP, 'h', "help", NULL, NULL, "help", NULL},
	    DL_OPT_END,
	};
	char *argv[16] = {(char *)(uintptr_t) "tool"};
	int argc = 1;

	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	*g = (struct got){0};
	dl_err_clear(err);
	return dl_opt_parse(opts, argc, argv, asked, err);
}

#define PARSE(...) \
	parse(&g, &err, &asked, (const char *const[]){__VA_ARGS__, NULL})

static void
takes_all_kinds(void **state)
{
	struct dl_err err = {0};
	enum dl_opt_kind asked;
	struct got g;

	(void)state;
	assert_int_equal(PARSE("-qf", "-tx", "-c", "12", "--max-bytes=64M",
			     "--max-age", "1h30m", "op"),
	    8);
	assert_true(g.quiet && g.follow);
	assert_string_equal(g.dir, "x");
	assert_int_equal(g.count, 12);
	assert_int_equal(g.size, 64 << 20);
	assert_int_equal(g.age, 90 * 60 * 1000);
	assert_int_equal(PARSE("--arg", "a", "1", "--arg", "b", "2", "-"), 7);
	assert_string_equal(dl_buf_str(&g.pairs), "a=1;b=2;");
	dl_buf_release(&g.pairs);
	/* Options may follow operands, but nothing after "--" is one. */
	assert_int_equal(PARSE("op", "-q"), 2);
	assert_true(g.quiet);
	assert_int_equal(PARSE("--", "-q"), 2);
	assert_false(g.quiet);
	assert_int_equal(PARSE("-h", "--nonsense"), 2);
	assert_int_equal(asked, DL_OPT_KIND_HELP);
}

static void
says_what_is_wrong(void **state)
{
	static const struct {
		const char *words[4], *says;
	} cases[] = {
	    {{"-x"}, "unknown option '-x'"},
	    {{"--nope"}, "unknown option '--nope'"},
	    {{"-t"}, "option '-t' needs an argument"},
	    {{"--twin"}, "option '--twin' needs an argument"},
	    {{"--quiet=1"}, "option '--quiet=1' takes no argument"},
	    {{"-c", "1x"}, "--count"},
	    {{"--max-bytes", "-1"}, "--max-bytes"},
	    {{"--max-age", "soon"}, "--max-age"},
	    {{"--arg", "a"}, "'--arg' needs NAME VALUE"},
	    {{"--arg", "!", "1"}, "--arg: '!' is not a name"},
	};
	struct dl_err err = {0};
	enum dl_opt_kind asked;
	struct got g;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(&g, &err, &asked, cases[i].words), -1);
		assert_int_equal(err.status, DL_EXIT_USAGE);
		assert_non_null(strstr(err.msg, cases[i].says));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_all_kinds),
	    cmocka_unit_test(says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
