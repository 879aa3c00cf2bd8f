/* policy.yaml, read and compiled. */
#include "policy_private.h"

#include "conf.h"
#include "policy_pattern.h"

#include <string.h>

struct load {
	struct dl_conf *c;
	struct dl_policy *p;
};

static const char *const right_names[DL_POLICY_RIGHTS] =
    {[DL_RIGHT_READ] = "read", [DL_RIGHT_WRITE] = "write"};

/* One text of a list, or the one that stands alone: what is it for? */
static int
take_text(struct load *l, const struct dl_conf_node *node, const char *what,
    struct dl_err *err)
{
	const char *text = dl_conf_text(node);

	if (text == NULL || *text == '\0')
		return dl_conf_fail(l->c, dl_conf_line(node), err,
		    "%s is a text, or a list of texts", what);
	if (strlen(text) > DL_POLICY_TEXT_MAX)
		return dl_conf_fail(l->c, dl_conf_line(node), err,
		    "%s is longer than %d bytes", what, DL_POLICY_TEXT_MAX);
	if (++l->p->npattern > DL_POLICY_PATTERNS)
		return dl_conf_fail(l->c, dl_conf_line(node), err,
		    "more than %d patterns and values", DL_POLICY_PATTERNS);
	dl_policy_add_text(l->p, text);
	return 0;
}

/* A list that is not empty? */
static bool
is_list(const struct dl_conf_node *node)
{
	const char *key = NULL;

	return dl_conf_text(node) == NULL &&
	       dl_conf_child(node, 0, &key) != NULL && key == NULL;
}

/* A text or a list of them, at least one. */
static int
take_texts(struct load *l, const struct dl_conf_node *node, const char *what,
    struct dl_policy_range *range, struct dl_err *err)
{
	const struct dl_conf_node *child;

	range->from = (uint32_t)l->p->ntext;
	if (!is_list(node)) {
		range->n = 1;
		return take_text(l, node, what, err);
	}
	for (; (child = dl_conf_child(node, range->n, NULL)) != NULL;
	     range->n++)
		if (take_text(l, child, what, err) < 0)
			return -1;
	return 0;
}

/* Scopes are words: one with a space in it is never there. */
static int
check_words(struct load *l, const struct dl_conf_node *node, const char *name,
    struct dl_policy_range values, struct dl_err *err)
{
	if (strcmp(name, "scope") != 0 && strcmp(name, "scp") != 0)
		return 0;
	for (uint32_t i = 0; i < values.n; i++)
		if (strchr(l->p->text[values.from + i].p, ' ') != NULL)
			return dl_conf_fail(l->c, dl_conf_line(node), err,
			    "'%s' is one scope, or a list of them: [a, b]",
			    name);
	return 0;
}

static int
take_when(struct load *l, const struct dl_conf_node *when,
    struct dl_policy_rule *rule, struct dl_err *err)
{
	const struct dl_conf_node *node;
	const char *name;

	rule->claims.from = (uint32_t)l->p->nclaim;
	for (; (node = dl_conf_child(when, rule->claims.n, &name)) != NULL;
	     rule->claims.n++) {
		struct dl_policy_claim claim = {0};
		uint32_t at;

		if (*name == '\0' || strlen(name) > DL_POLICY_TEXT_MAX)
			return dl_conf_fail(l->c, dl_conf_line(node), err,
			    "a claim's name has 1 to %d bytes",
			    DL_POLICY_TEXT_MAX);
		at = dl_policy_add_text(l->p, name);
		claim.name = l->p->text[at];
		if (take_texts(l, node, "a claim", &claim.values, err) < 0 ||
		    check_words(l, node, name, claim.values, err) < 0)
			return -1;
		dl_policy_add_claim(l->p, claim);
	}
	if (rule->claims.n == 0)
		return dl_conf_fail(l->c, dl_conf_line(when), err,
		    "'when' names no claim: a rule is not for everybody");
	return 0;
}

/* Patterns, of which an absent list is "*". */
static int
take_patterns(struct load *l, const struct dl_conf_node *node, const char *what,
    struct dl_policy_range *range, struct dl_err *err)
{
	if (node != NULL)
		return take_texts(l, node, what, range, err);
	*range = (struct dl_policy_range){dl_policy_add_text(l->p, "*"), 1};
	return 0;
}

static int
take_grant(struct load *l, const struct dl_conf_node *node, struct dl_err *err)
{
	struct {
		const struct dl_conf_node *components, *metrics;
	} g = {0};
	const struct dl_conf_field fields[] = {
	    {"components", DL_CONF_NODE, false, 0, NULL},
	    {"metrics", DL_CONF_NODE, false, sizeof(g.components), NULL},
	    {NULL, DL_CONF_NODE, false, 0, NULL},
	};
	struct dl_policy_grant grant = {0};

	if (dl_conf_take(l->c, node, "a grant", fields, &g, err) < 0 ||
	    take_patterns(
		l, g.components, "'components'", &grant.components, err) < 0 ||
	    take_patterns(l, g.metrics, "'metrics'", &grant.metrics, err) < 0)
		return -1;
	dl_policy_add_grant(l->p, grant);
	return 0;
}

/* "all", or a list of grants. */
static int
take_right(struct load *l, const struct dl_conf_node *node, const char *name,
    struct dl_policy_range *grants, struct dl_err *err)
{
	const struct dl_conf_node *child;
	const char *text = dl_conf_text(node);

	grants->from = (uint32_t)l->p->ngrant;
	if (text != NULL && strcmp(text, "all") == 0) {
		struct dl_policy_grant all = {0};

		take_patterns(l, NULL, NULL, &all.components, err);
		take_patterns(l, NULL, NULL, &all.metrics, err);
		dl_policy_add_grant(l->p, all);
		grants->n = 1;
		return 0;
	}
	if (!is_list(node))
		return dl_conf_fail(l->c, dl_conf_line(node), err,
		    "'%s' is all, or a list of grants: "
		    "[{components: PATTERN, metrics: PATTERN}]",
		    name);
	for (; (child = dl_conf_child(node, grants->n, NULL)) != NULL;
	     grants->n++)
		if (take_grant(l, child, err) < 0)
			return -1;
	return 0;
}

static int
take_rule(struct load *l, const struct dl_conf_node *node, struct dl_err *err)
{
	struct {
		const struct dl_conf_node *when, *right[DL_POLICY_RIGHTS];
	} r = {0};
	const struct dl_conf_field fields[] = {
	    {"when", DL_CONF_MAP, false, 0, NULL},
	    {right_names[0], DL_CONF_NODE, false, sizeof(r.when), NULL},
	    {right_names[1], DL_CONF_NODE, false, 2 * sizeof(r.when), NULL},
	    {NULL, DL_CONF_NODE, false, 0, NULL},
	};
	struct dl_policy_rule rule = {0};

	if (dl_conf_take(l->c, node, "a rule", fields, &r, err) < 0)
		return -1;
	if (r.when == NULL)
		return dl_conf_fail(l->c, dl_conf_line(node), err,
		    "a rule needs 'when': which claims it is for");
	if (r.right[0] == NULL && r.right[1] == NULL)
		return dl_conf_fail(l->c, dl_conf_line(node), err,
		    "a rule needs 'read' or 'write'");
	if (take_when(l, r.when, &rule, err) < 0)
		return -1;
	for (int k = 0; k < DL_POLICY_RIGHTS; k++)
		if (r.right[k] != NULL &&
		    take_right(l, r.right[k], right_names[k], &rule.grants[k],
			err) < 0)
			return -1;
	dl_policy_add_rule(l->p, rule);
	return 0;
}

static int
take_rules(struct load *l, struct dl_err *err)
{
	static const struct dl_conf_field fields[] = {
	    {"rules", DL_CONF_LIST, true, 0, NULL},
	    {NULL, DL_CONF_LIST, false, 0, NULL},
	};
	const struct dl_conf_node *rules = NULL, *node;

	if (dl_conf_take(
		l->c, dl_conf_root(l->c), "a policy", fields, &rules, err) < 0)
		return -1;
	for (size_t i = 0; (node = dl_conf_child(rules, i, NULL)) != NULL;
	     i++) {
		if (i == DL_POLICY_RULES)
			return dl_conf_fail(l->c, dl_conf_line(node), err,
			    "more than %d rules", DL_POLICY_RULES);
		if (take_rule(l, node, err) < 0)
			return -1;
	}
	return 0;
}

struct dl_policy *
dl_policy_load(const char *path, struct dl_err *err)
{
	struct load l = {.c = dl_conf_load(path, err)};

	if (l.c == NULL)
		return NULL;
	l.p = dl_policy_new();
	if (take_rules(&l, err) < 0) {
		dl_policy_free(l.p);
		l.p = NULL;
	}
	dl_conf_free(l.c);
	return l.p;
}
