#include "lake_where.h"

#include "when.h"

int
dl_lake_condition_add(void *to, char *const *argv, struct dl_err *err)
{
	struct dl_lake_conditions *c = to;
	const char *eq = strchr(argv[0], '=');

	if (eq == NULL || eq == argv[0])
		return dl_err_usage(
		    err, "expected KEY=VALUE, not '%s'", argv[0]);
	if (c->n == DL_LAKE_WHERE)
		return dl_err_usage(
		    err, "more than %d conditions", DL_LAKE_WHERE);
	c->all[c->n].key = dl_span(argv[0], (size_t)(eq - argv[0]));
	c->all[c->n].value = dl_span_str(eq + 1);
	c->n++;
	return 0;
}

int
dl_lake_moment(
    const char *text, bool *given, struct dl_time *t, struct dl_err *err)
{
	*given = text != NULL;
	return text == NULL ? 0 : dl_when_parse(text, t, err);
}
