/* What a policy is made of, and the rights that it gives. */
#include "policy_private.h"

#include "buf.h"
#include "policy_pattern.h"

#include <stdlib.h>

/* The grants of one token, as places in its policy. */
struct dl_rights {
	int refs;
	struct dl_policy *policy;
	size_t n[DL_POLICY_RIGHTS];
	uint32_t *grant[DL_POLICY_RIGHTS];
};

/* Room for one more in an array that doubles. */
static void *
more(void *p, size_t n, size_t size)
{
	return (n & (n - 1)) == 0 ? dl_realloc(p, (n == 0 ? 1 : 2 * n) * size)
	                          : p;
}

struct dl_policy *
dl_policy_new(void)
{
	struct dl_policy *p = dl_calloc(1, sizeof(*p));

	p->refs = 1;
	return p;
}

uint32_t
dl_policy_add_text(struct dl_policy *p, const char *text)
{
	p->text = more(p->text, p->ntext, sizeof(*p->text));
	p->text[p->ntext] = dl_span_str(dl_strdup(text));
	return (uint32_t)p->ntext++;
}

void
dl_policy_add_claim(struct dl_policy *p, struct dl_policy_claim claim)
{
	p->claim = more(p->claim, p->nclaim, sizeof(*p->claim));
	p->claim[p->nclaim++] = claim;
}

void
dl_policy_add_grant(struct dl_policy *p, struct dl_policy_grant grant)
{
	p->grant = more(p->grant, p->ngrant, sizeof(*p->grant));
	p->grant[p->ngrant++] = grant;
}

void
dl_policy_add_rule(struct dl_policy *p, struct dl_policy_rule rule)
{
	p->rule = more(p->rule, p->nrule, sizeof(*p->rule));
	p->rule[p->nrule++] = rule;
}

struct dl_policy *
dl_policy_ref(struct dl_policy *p)
{
	__atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED);
	return p;
}

void
dl_policy_free(struct dl_policy *p)
{
	if (p == NULL || __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (size_t i = 0; i < p->ntext; i++)
		free((char *)(uintptr_t)p->text[i].p);
	free(p->text);
	free(p->rule);
	free(p->claim);
	free(p->grant);
	free(p);
}

/* Everything, where claims has it. */
static uint32_t
add_all(struct dl_policy *p)
{
	uint32_t any = dl_policy_add_text(p, "*");

	dl_policy_add_grant(p, (struct dl_policy_grant){{any, 1}, {any, 1}});
	return (uint32_t)p->ngrant - 1;
}

struct dl_policy *
dl_policy_default(void)
{
	static const char *const scopes[DL_POLICY_RIGHTS] = {
	    [DL_RIGHT_READ] = "twin:read", [DL_RIGHT_WRITE] = "twin:write"};
	struct dl_policy *p = dl_policy_new();
	uint32_t all = add_all(p);

	for (uint32_t i = 0; i < DL_POLICY_RIGHTS; i++) {
		uint32_t name = dl_policy_add_text(p, "scope");
		uint32_t value = dl_policy_add_text(p, scopes[i]);
		struct dl_policy_rule rule = {.claims = {i, 1}};

		dl_policy_add_claim(
		    p, (struct dl_policy_claim){p->text[name], {value, 1}});
		rule.grants[i] = (struct dl_policy_range){all, 1};
		dl_policy_add_rule(p, rule);
	}
	return p;
}

bool
dl_policy_writes(const struct dl_policy *p)
{
	for (size_t i = 0; i < p->nrule; i++)
		if (p->rule[i].grants[DL_RIGHT_WRITE].n > 0)
			return true;
	return false;
}

/* p is taken over. */
static struct dl_rights *
new_rights(struct dl_policy *p)
{
	struct dl_rights *r = dl_calloc(1, sizeof(*r));

	r->refs = 1;
	r->policy = p;
	return r;
}

static void
add_grants(struct dl_rights *r, enum dl_right right, struct dl_policy_range g)
{
	for (uint32_t i = 0; i < g.n; i++) {
		r->grant[right] = more(
		    r->grant[right], r->n[right], sizeof(*r->grant[right]));
		r->grant[right][r->n[right]++] = g.from + i;
	}
}

struct dl_rights *
dl_policy_rights(const struct dl_policy *policy, struct dl_span claims)
{
	/* What is counted is not what is constant. */
	struct dl_policy *p =
	    dl_policy_ref((struct dl_policy *)(uintptr_t)policy);
	struct dl_rights *r = new_rights(p);

	for (size_t i = 0; i < p->nrule; i++) {
		if (!dl_policy_applies(p, &p->rule[i], claims))
			continue;
		for (int k = 0; k < DL_POLICY_RIGHTS; k++)
			add_grants(r, (enum dl_right)k, p->rule[i].grants[k]);
	}
	return r;
}

struct dl_rights *
dl_rights_all(void)
{
	struct dl_policy *p = dl_policy_new();
	struct dl_rights *r = new_rights(p);
	struct dl_policy_range all = {add_all(p), 1};

	for (int k = 0; k < DL_POLICY_RIGHTS; k++)
		add_grants(r, (enum dl_right)k, all);
	return r;
}

struct dl_rights *
dl_rights_ref(struct dl_rights *r)
{
	__atomic_add_fetch(&r->refs, 1, __ATOMIC_RELAXED);
	return r;
}

void
dl_rights_unref(struct dl_rights *r)
{
	if (r == NULL || __atomic_sub_fetch(&r->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	dl_policy_free(r->policy);
	for (int k = 0; k < DL_POLICY_RIGHTS; k++)
		free(r->grant[k]);
	free(r);
}

static bool
match(const struct dl_policy *p, struct dl_policy_range patterns,
    struct dl_span name)
{
	for (uint32_t i = 0; i < patterns.n; i++)
		if (dl_policy_pattern_match(p->text[patterns.from + i], name))
			return true;
	return false;
}

static bool
is_any(const struct dl_policy *p, struct dl_policy_range patterns)
{
	for (uint32_t i = 0; i < patterns.n; i++)
		if (dl_policy_pattern_any(p->text[patterns.from + i]))
			return true;
	return false;
}

bool
dl_rights_any(const struct dl_rights *r, enum dl_right right)
{
	return r->n[right] > 0;
}

bool
dl_rights_every(const struct dl_rights *r, enum dl_right right)
{
	const struct dl_policy *p = r->policy;

	for (size_t i = 0; i < r->n[right]; i++) {
		const struct dl_policy_grant *g = &p->grant[r->grant[right][i]];

		if (is_any(p, g->components) && is_any(p, g->metrics))
			return true;
	}
	return false;
}

bool
dl_rights_component(
    const struct dl_rights *r, enum dl_right right, struct dl_span component)
{
	const struct dl_policy *p = r->policy;

	/* No pattern is empty, so that each stands for some metric. */
	for (size_t i = 0; i < r->n[right]; i++)
		if (match(
			p, p->grant[r->grant[right][i]].components, component))
			return true;
	return false;
}

bool
dl_rights_metric(const struct dl_rights *r, enum dl_right right,
    struct dl_span component, struct dl_span metric)
{
	const struct dl_policy *p = r->policy;

	for (size_t i = 0; i < r->n[right]; i++) {
		const struct dl_policy_grant *g = &p->grant[r->grant[right][i]];

		if (match(p, g->components, component) &&
		    match(p, g->metrics, metric))
			return true;
	}
	return false;
}
