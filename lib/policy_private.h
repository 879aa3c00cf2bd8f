/*
 * A compiled policy: for lib/policy*.c alone.
 */
#ifndef DL_POLICY_PRIVATE_H
#define DL_POLICY_PRIVATE_H

#include "policy.h"

#include <stdint.h>

#define DL_POLICY_RIGHTS 2     /* of enum dl_right */
#define DL_POLICY_TEXT_MAX 256 /* bytes of a claim's name and of its value */

/* Some of a policy's texts, one after the other. */
struct dl_policy_range {
	uint32_t from, n;
};

/* A claim that has to be there: text is its name, values are any of these. */
struct dl_policy_claim {
	struct dl_span name;
	struct dl_policy_range values;
};

/* Some metrics of some components. */
struct dl_policy_grant {
	struct dl_policy_range components, metrics;
};

struct dl_policy_rule {
	struct dl_policy_range claims;                   /* of claim[] */
	struct dl_policy_range grants[DL_POLICY_RIGHTS]; /* of grant[] */
};

/* Constant once it is made, and counted: rights keep theirs. */
struct dl_policy {
	int refs;
	struct dl_policy_rule *rule;
	struct dl_policy_claim *claim;
	struct dl_policy_grant *grant;
	struct dl_span *text; /* values and patterns; each its own */
	size_t nrule, nclaim, ngrant, ntext;
	size_t npattern;
};

/* Is each claim of the rule in the claims? */
bool dl_policy_applies(const struct dl_policy *p,
    const struct dl_policy_rule *rule, struct dl_span claims);

/* Building one. */
struct dl_policy *dl_policy_new(void);
uint32_t dl_policy_add_text(struct dl_policy *p, const char *text);
void dl_policy_add_claim(struct dl_policy *p, struct dl_policy_claim claim);
void dl_policy_add_grant(struct dl_policy *p, struct dl_policy_grant grant);
void dl_policy_add_rule(struct dl_policy *p, struct dl_policy_rule rule);
struct dl_policy *dl_policy_ref(struct dl_policy *p);

#endif
