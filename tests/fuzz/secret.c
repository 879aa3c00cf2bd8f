/*
 * secret on any bytes: as text of a key, as a file, and, sealed by who has the
 * key, as what is in a file.  What opens is sealed and opened again the same.
 */
#include "secret_box.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dl_seal_key key;

static void
text(struct dl_span bytes)
{
	struct dl_seal_key any, again;
	struct dl_err err = {0};
	char out[DL_SEAL_TEXT];

	if (dl_seal_key_parse(bytes, &any, &err) < 0)
		return;
	if (dl_seal_key_parse(
		dl_span(out, dl_seal_key_print(&any, out)), &again, &err) < 0 ||
	    memcmp(&any, &again, sizeof(any)) != 0)
		abort();
}

static void
open_again(const struct dl_secret_box *box)
{
	struct dl_secret_box again = {.bytes = NULL};
	struct dl_buf file = {0};
	struct dl_err err = {0};

	dl_secret_box_seal(box, &key, "x", &file);
	if (dl_secret_box_open(&again, &key, "x", dl_buf_as_span(&file), &err) <
		0 ||
	    again.n != box->n ||
	    !dl_span_eq(
		dl_span(again.bytes, again.len), dl_span(box->bytes, box->len)))
		abort();
	dl_secret_box_release(&again);
	dl_buf_release(&file);
}

static void
contents(struct dl_span bytes)
{
	struct dl_secret_box box = {.n = 1}, opened = {.bytes = NULL};
	struct dl_buf file = {0};
	struct dl_err err = {0};

	if ((box.bytes = dl_seal_alloc(bytes.len + 1, &err)) == NULL)
		return;
	memcpy(box.bytes, bytes.p, bytes.len);
	box.len = bytes.len;
	/* Its newest version is the last byte of its first number, often. */
	box.v[0].number = bytes.len < 8 ? 1 : (unsigned char)bytes.p[7];
	dl_secret_box_seal(&box, &key, "x", &file);
	if (dl_secret_box_open(
		&opened, &key, "x", dl_buf_as_span(&file), &err) == 0)
		open_again(&opened);
	dl_secret_box_release(&opened);
	dl_secret_box_release(&box);
	dl_buf_release(&file);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dl_seal_key master;
	struct dl_secret_box box = {.bytes = NULL};
	struct dl_span bytes = {(const char *)data, size};
	struct dl_err err = {0};

	if (key.group[0] == '\0' && dl_seal_start(&err) == 0) {
		dl_seal_key_new(&master);
		dl_seal_key_derive(&master, "g", &key, &err);
	}
	text(bytes);
	if (dl_secret_box_open(&box, &key, "x", bytes, &err) == 0)
		abort(); /* nobody guesses a tag */
	contents(bytes);
	return 0;
}
