/*
 * Tokens: whatever bytes they are, they are taken apart or refused with a reason,
 * and what is taken is within its bounds.  The input is a token, or, after a
 * byte 0, header and payload as text (a second 0 between them), so that what is
 * below base64url is reached.
 */
#include "jwt.h"

#include "json.h"

#include <sodium.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
add_part(struct dl_buf *b, const uint8_t *p, size_t n)
{
	size_t max = sodium_base64_ENCODED_LEN(
	    n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);

	dl_buf_room(b, max);
	sodium_bin2base64(
	    b->p + b->len, max, p, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	b->len += strlen(b->p + b->len);
	dl_buf_addc(b, '.');
}

static void
make(struct dl_buf *b, const uint8_t *data, size_t size)
{
	const uint8_t *second;

	if (size == 0 || data[0] != 0) {
		dl_buf_add(b, data, size);
		return;
	}
	data++;
	size--;
	second = size == 0 ? NULL : memchr(data, 0, size);
	if (second == NULL)
		second = data + size;
	add_part(b, data, (size_t)(second - data));
	if (second < data + size)
		second++;
	add_part(b, second, (size_t)(data + size - second));
	dl_buf_adds(b, "AAAA");
}

static void
check(const struct dl_jwt *t, struct dl_err *err)
{
	static const char *const audiences[] = {"dl", NULL};
	const struct dl_jwt_want want = {
	    .issuer = "me", .audiences = audiences, .leeway_ms = 60000};
	struct dl_buf subject = {0};
	int64_t expires_s = -1;

	if (dl_json_kind(t->payload) != DL_JSON_OBJECT ||
	    t->kid.len > DL_JWT_KID_MAX || t->signature.len == 0)
		abort();
	if (dl_jwt_check(t, &want, 1700000000000, &subject, &expires_s, err) ==
	    0) {
		if (expires_s <= 1700000000 || subject.len == 0 ||
		    subject.len > 4 * DL_JWT_SUBJECT_MAX ||
		    !dl_utf8_valid(dl_buf_as_span(&subject)))
			abort();
		for (size_t i = 0; i < subject.len; i++)
			if ((unsigned char)subject.p[i] < 0x20)
				abort();
	} else if (err->status != DL_EXIT_DENIED)
		abort();
	dl_buf_release(&subject);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dl_err err = {0};
	struct dl_buf token = {0};
	struct dl_jwt t = {0};
	char *copy;

	make(&token, data, size);
	/* In a block of its own, whose end is known. */
	copy = dl_strndup(dl_buf_as_span(&token));
	if (dl_jwt_read(&t, dl_span(copy, token.len), &err) == 0)
		check(&t, &err);
	else if (err.status != DL_EXIT_DENIED ||
		 strncmp(err.msg, "the token", 9) != 0)
		abort();
	dl_jwt_release(&t);
	free(copy);
	dl_buf_release(&token);
	return 0;
}
