/*
 * Key sets: whatever bytes they are, they are a set with keys in it or refused
 * with a reason.  The input is a document, or the inside of a key: then it is
 * put among what is around one.
 */
#include "jwks_private.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct dl_span text)
{
	static const struct dl_span part = {"a.b", 3};
	struct dl_err err = {0};
	struct dl_jwks_set *s = dl_jwks_set_new(text, "set", false, &err);
	char zeros[132] = {0};

	if ((s == NULL) != (err.status == DL_EXIT_CONF))
		abort();
	for (int i = 0; s != NULL && i < DL_JWT_ALGS; i++)
		if (s->n == 0 || s->n > DL_JWKS_KEYS ||
		    dl_jwks_set_verify(s, part, dl_span(zeros, sizeof(zeros)),
			(struct dl_span){0}, (enum dl_jwt_alg)i) > 0)
			abort();
	if (s != NULL && !dl_jwks_set_keeps(s, s))
		abort();
	dl_jwks_set_unref(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dl_span in = {(const char *)data, size};
	struct dl_buf b = {0};

	check(in);
	dl_buf_adds(&b, "{\"keys\":[{");
	dl_buf_span(&b, in);
	dl_buf_adds(&b, "}]}");
	check(dl_buf_as_span(&b));
	dl_buf_release(&b);
	return 0;
}
