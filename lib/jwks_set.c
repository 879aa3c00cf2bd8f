/* A document's keys. */
#include "jwks_private.h"

#include "json.h"
#include "log.h"

#include <stdlib.h>

#define TOLD 8 /* keys that are left out, one by one */

/* What is in "keys", or -1: text is no key set. */
static int
find_keys(struct dl_span text, struct dl_span *keys)
{
	struct dl_span object, key, value, name;
	struct dl_buf scratch = {0};
	struct dl_json_iter it;
	struct dl_err why = {0};
	int found = -1, r = 0;

	if (dl_json_check(text, &why) < 0 || dl_json_value(text, &object) < 0)
		return -1;
	dl_json_enter(&it, object);
	while (r >= 0 && dl_json_member(&it, &key, &value) > 0) {
		dl_buf_clear(&scratch);
		r = dl_json_text(key, &scratch, &name);
		if (r == 0 && dl_span_is(name, "keys") &&
		    dl_json_kind(value) == DL_JSON_ARRAY) {
			*keys = value;
			found = 0;
		}
	}
	dl_buf_release(&scratch);
	return found;
}

struct dl_jwks_set *
dl_jwks_set_new(
    struct dl_span text, const char *name, bool loud, struct dl_err *err)
{
	struct dl_jwks_key *key;
	struct dl_jwks_set *s;
	struct dl_span keys, jwk;
	struct dl_json_iter it;
	size_t n = 0, left_out = 0;

	if (find_keys(text, &keys) < 0) {
		dl_err_conf(
		    err, "%s is not a key set (JSON with \"keys\")", name);
		return NULL;
	}
	s = dl_calloc(1, sizeof(*s) + DL_JWKS_KEYS * sizeof(s->key[0]));
	s->refs = 1;
	dl_json_enter(&it, keys);
	while (dl_json_element(&it, &jwk) > 0 && n++ < DL_JWKS_KEYS) {
		struct dl_err why = {0};

		if ((key = dl_jwks_key_new(jwk, &why)) != NULL)
			s->key[s->n++] = key;
		else if (++left_out <= TOLD && loud)
			dl_log(DL_LOG_WARN, "%s: key %zu is left out: it %s",
			    name, n, why.msg);
	}
	if (left_out > TOLD && loud)
		dl_log(DL_LOG_WARN, "%s: %zu more keys are left out", name,
		    left_out - TOLD);
	if (n > DL_JWKS_KEYS)
		dl_err_conf(
		    err, "%s has more than %d keys", name, DL_JWKS_KEYS);
	else if (s->n == 0)
		dl_err_conf(err, "%s has no key that can be used", name);
	else
		return s;
	dl_jwks_set_unref(s);
	return NULL;
}

struct dl_jwks_set *
dl_jwks_set_ref(struct dl_jwks_set *s)
{
	__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	return s;
}

void
dl_jwks_set_unref(struct dl_jwks_set *s)
{
	if (s == NULL || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (size_t i = 0; i < s->n; i++)
		dl_jwks_key_free(s->key[i]);
	free(s);
}

static bool
has(const struct dl_jwks_set *s, const struct dl_jwks_key *key)
{
	for (size_t i = 0; i < s->n; i++)
		if (dl_jwks_key_same(s->key[i], key))
			return true;
	return false;
}

bool
dl_jwks_set_keeps(const struct dl_jwks_set *s, const struct dl_jwks_set *old)
{
	for (size_t i = 0; i < old->n; i++)
		if (!has(s, old->key[i]))
			return false;
	return true;
}

int
dl_jwks_set_verify(const struct dl_jwks_set *s, struct dl_span signed_part,
    struct dl_span signature, struct dl_span kid, enum dl_jwt_alg alg)
{
	int tried = 0;

	for (size_t i = 0; i < s->n && tried < DL_JWKS_TRIES; i++) {
		struct dl_jwks_key *key = s->key[i];

		if (!dl_jwks_key_fits(key, alg) ||
		    (kid.p != NULL &&
			(key->kid.p == NULL || !dl_span_eq(key->kid, kid))))
			continue;
		if (dl_jwks_key_verify(key, alg, signed_part, signature))
			return 1;
		tried++;
	}
	return tried == 0 ? 0 : -1;
}
