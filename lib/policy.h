/*
 * Who may read and write what: policy.yaml, as dl-policy(5) has it.
 *
 *	rules:
 *	  - when: {role: yard}            # every claim named must match
 *	    read:
 *	      - {components: wagon-*, metrics: position}
 *	  - when: {scope: twin:write, realm_access.roles: [feeder, admin]}
 *	    write: all
 *
 * A claim matches where it is that text, is a list that has it, or, for scope
 * and scp, has it as one of its words; a list in the rule: any of them.  true,
 * false and numbers are matched as they are written.  A name with dots is
 * looked for as it stands, and then as a path into objects.  read and write are
 * "all" or a list of grants, in which components and metrics are a pattern or a
 * list of them: '*' stands for any bytes, '?' for one character; an absent one is
 * "*".  What no rule allows is denied.  A rule without `when` is an error.
 * Writing includes no reading.
 */
#ifndef DL_POLICY_H
#define DL_POLICY_H

#include "err.h"
#include "span.h"

#include <stdbool.h>
#include <stddef.h>

#define DL_POLICY_RULES 1024
#define DL_POLICY_PATTERNS 4096 /* and values of claims, in all rules */

enum dl_right { DL_RIGHT_READ, DL_RIGHT_WRITE };

/* Constant once it is made: any thread may use it. */
struct dl_policy;

/* DL_EXIT_CONF with file and line where it is wrong. */
struct dl_policy *dl_policy_load(const char *path, struct dl_err *err);

/* Without a file: scope twin:read reads all, twin:write writes all. */
struct dl_policy *dl_policy_default(void);
void dl_policy_free(struct dl_policy *p); /* NULL does nothing */

/* Does any rule let somebody write? */
bool dl_policy_writes(const struct dl_policy *p);

/*
 * What the claims (a JSON object, checked) allow; borrows nothing, and outlives
 * the policy.  Counted: thread-safe, given back by dl_rights_unref(); NULL does
 * nothing.
 */
struct dl_rights;
struct dl_rights *dl_policy_rights(
    const struct dl_policy *p, struct dl_span claims);
struct dl_rights *dl_rights_all(void); /* --open */
struct dl_rights *dl_rights_ref(struct dl_rights *r);
void dl_rights_unref(struct dl_rights *r);

/* Anything at all? */
bool dl_rights_any(const struct dl_rights *r, enum dl_right right);

/* Everything, by one grant of "*" and "*"?  Then nothing else need be asked. */
bool dl_rights_every(const struct dl_rights *r, enum dl_right right);

/* Some metric of the component, whether it is there or not? */
bool dl_rights_component(
    const struct dl_rights *r, enum dl_right right, struct dl_span component);
bool dl_rights_metric(const struct dl_rights *r, enum dl_right right,
    struct dl_span component, struct dl_span metric);

#endif
