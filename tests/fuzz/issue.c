/*
 * issue on any bytes: what comes to /oauth2/token, as a form and behind Basic; and
 * as a file of keys, which is printed and taken again the same.
 */
#include "issue_private.h"
#include "seal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
request(struct dl_span authorization, struct dl_span form)
{
	const struct dl_issue_ask ask = {authorization, form, "127.0.0.1"};
	struct dl_issue_wish wish;

	if (dl_issue_read(&ask, &wish) != NULL)
		return;
	if (strlen(wish.client) >= sizeof(wish.client) ||
	    wish.secret_len > DL_TOKEN_CLIENT_SECRET_MAX ||
	    (*wish.scope != '\0' &&
		!dl_token_scope_ok(dl_span_str(wish.scope))) ||
	    !dl_token_scope_within(
		dl_span_str(wish.scope), dl_span_str(wish.scope)))
		abort();
}

static void
keys(struct dl_span text)
{
	static struct dl_token_keys taken;
	struct dl_buf set = {0};
	struct dl_err err = {0};

	if (dl_token_keys_parse(text, &taken)) {
		if (taken.n == 0 || taken.n > DL_TOKEN_KEYS)
			abort();
		dl_token_keys_print(&taken, &set);
		/* Whoever takes it has no key to sign by. */
		if (dl_token_keys_parse(dl_buf_as_span(&set), &taken))
			abort();
	}
	dl_buf_clear(&set);
	(void)dl_token_claim_json(&set, DL_SPAN("x"), text, &err);
	dl_buf_release(&set);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool started;
	struct dl_span all = {(const char *)data, size}, first = all,
		       rest = all;
	const char *line;
	struct dl_err err = {0};

	if (!started)
		started = dl_seal_start(&err) == 0;
	keys(all);
	request((struct dl_span){NULL, 0}, all);
	/* A line is the header, what follows is the form. */
	if (size == 0 || (line = memchr(all.p, '\n', all.len)) == NULL)
		return 0;
	first.len = (size_t)(line - all.p);
	rest = dl_span(line + 1, all.len - first.len - 1);
	request(first, rest);
	return 0;
}
