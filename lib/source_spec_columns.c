/* The columns of csv and tsv, and the groups of a pattern: names and types. */
#include "source_spec_private.h"

#define COLUMNS_MAX 10000

static int
take_names(struct dl_source_spec *s, struct dl_err *err)
{
	const struct dl_conf_node *node;
	const char **names;
	size_t n = 0;

	if (s->name_list == NULL)
		return 0;
	names = dl_calloc(COLUMNS_MAX + 1, sizeof(*names));
	s->columns.names = names;
	for (; (node = dl_conf_child(s->name_list, n, NULL)) != NULL; n++) {
		if (n == COLUMNS_MAX)
			return dl_conf_fail(s->conf, dl_conf_line(node), err,
			    "more than %d names", COLUMNS_MAX);
		if ((names[n] = dl_conf_text(node)) == NULL)
			return dl_conf_fail(s->conf, dl_conf_line(node), err,
			    "a column's name is a text");
	}
	return n > 0 ? 0 : dl_source_spec_fail(s, "names", err, "has no name");
}

static int
take_types(struct dl_source_spec *s, struct dl_err *err)
{
	static const char *const words[] = {
	    "auto", "string", "number", "boolean"};
	const struct dl_conf_node *node;
	struct dl_column_rule *rules;
	const char *text, *name;
	size_t n = 0, w;

	if (s->type_map == NULL)
		return 0;
	rules = dl_calloc(COLUMNS_MAX, sizeof(*rules));
	s->columns.types = rules;
	for (; (node = dl_conf_child(s->type_map, n, &name)) != NULL; n++) {
		if (n == COLUMNS_MAX)
			return dl_conf_fail(s->conf, dl_conf_line(node), err,
			    "more than %d types", COLUMNS_MAX);
		text = dl_conf_text(node);
		for (w = 0; w < 4; w++)
			if (text != NULL && strcmp(text, words[w]) == 0)
				break;
		if (w == 4)
			return dl_conf_fail(s->conf, dl_conf_line(node), err,
			    "the type of '%s' is auto, string, number or "
			    "boolean",
			    name);
		rules[n] =
		    (struct dl_column_rule){name, (enum dl_column_type)w};
	}
	s->columns.ntypes = n;
	return 0;
}

/* Names that are given here are checked here; a header's when it comes. */
int
dl_source_spec_columns(struct dl_source_spec *s, struct dl_err *err)
{
	struct dl_columns *columns;
	struct dl_err why = {0};
	int r;

	s->columns.strings = s->csv_types == 1;
	if (take_names(s, err) < 0 || take_types(s, err) < 0)
		return -1;
	columns = dl_columns_new(&s->columns);
	r = dl_columns_named(columns) ? dl_columns_check(columns, &why) : 0;
	dl_columns_free(columns);
	if (r == 0)
		return 0;
	dl_err_prefix(&why, "is wrong");
	return dl_source_spec_fail(s, "names", err, why.msg);
}
