#include "secret_box.h"

#include <endian.h>

#define MAGIC "dlsecret\1"
#define MAGIC_LEN 9
#define NEWEST (MAGIC_LEN + DL_SEAL_ID)
#define HEADER (NEWEST + 8)
#define ENTRY 20

/* Times that can be printed. */
#define YEAR_0 INT64_C(-62167219200)
#define YEAR_10000 INT64_C(253402300800)

static uint64_t
get64(const char *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof(n));
	return be64toh(n);
}

static void
put64(char *p, uint64_t n)
{
	n = htobe64(n);
	memcpy(p, &n, sizeof(n));
}

void
dl_secret_box_release(struct dl_secret_box *box)
{
	dl_seal_free(box->bytes);
	*box = (struct dl_secret_box){.bytes = NULL};
}

/* What the tag is over beside the bytes: at most so many. */
#define WITH (HEADER + DL_SEAL_GROUP + DL_SEAL_GROUP)

static struct dl_span
with(char out[WITH], const char *header, const char *group, const char *name)
{
	size_t g = strlen(group) + 1, n = strlen(name);

	if (n >= DL_SEAL_GROUP) /* no name is as long */
		n = DL_SEAL_GROUP - 1;
	memcpy(out, header, HEADER);
	memcpy(out + HEADER, group, g);
	memcpy(out + HEADER + g, name, n);
	return dl_span(out, HEADER + g + n);
}

int
dl_secret_box_id(
    struct dl_span file, unsigned char id[DL_SEAL_ID], struct dl_err *err)
{
	if (file.len < HEADER + DL_SEAL_OVERHEAD ||
	    file.len > DL_SECRET_FILE_MAX ||
	    memcmp(file.p, MAGIC, MAGIC_LEN) != 0)
		return dl_err_data(err, "this is not a sealed secret");
	memcpy(id, file.p + MAGIC_LEN, DL_SEAL_ID);
	return 0;
}

/* Find the versions in the bytes: false where they are no versions. */
static bool
parse(struct dl_secret_box *box)
{
	const char *p = box->bytes, *end = p + box->len;
	uint64_t before = 0;
	uint32_t len;

	for (box->n = 0; p < end; box->n++) {
		struct dl_secret_version *v = &box->v[box->n];

		if (box->n == DL_SECRET_VERSIONS || end - p < ENTRY)
			return false;
		v->number = get64(p);
		v->sec = (int64_t)get64(p + 8);
		memcpy(&len, p + 16, sizeof(len));
		len = be32toh(len);
		p += ENTRY;
		if (v->number <= before || v->sec < YEAR_0 ||
		    v->sec >= YEAR_10000 || len > DL_SECRET_MAX ||
		    len > (size_t)(end - p))
			return false;
		v->value = dl_span(p, len);
		before = v->number;
		p += len;
	}
	return box->n > 0;
}

int
dl_secret_box_open(struct dl_secret_box *box, const struct dl_seal_key *key,
    const char *name, struct dl_span file, struct dl_err *err)
{
	unsigned char id[DL_SEAL_ID];
	char ad[WITH];
	struct dl_span sealed;

	if (dl_secret_box_id(file, id, err) < 0)
		return -1;
	sealed = dl_span(file.p + HEADER, file.len - HEADER);
	dl_secret_box_release(box);
	box->len = sealed.len - DL_SEAL_OVERHEAD;
	/* One more: an empty allocation would be none. */
	if ((box->bytes = dl_seal_alloc(box->len + 1, err)) == NULL)
		return -1;
	if (memcmp(id, key->id, sizeof(id)) == 0 &&
	    dl_unseal(key, with(ad, file.p, key->group, name), sealed,
		(unsigned char *)box->bytes) &&
	    parse(box) && box->v[box->n - 1].number == get64(file.p + NEWEST))
		return 0;
	dl_secret_box_release(box);
	return dl_err_data(
	    err, "it was changed, or sealed under another name or key");
}

int
dl_secret_box_add(struct dl_secret_box *box, struct dl_span value, int64_t sec,
    struct dl_err *err)
{
	size_t drop = 0, kept;
	uint64_t number = 1;
	char *bytes, *entry;
	uint32_t len = htobe32((uint32_t)value.len);

	if (value.len > DL_SECRET_MAX)
		return dl_err_data(
		    err, "a secret is at most %d bytes long", DL_SECRET_MAX);
	if (box->n > 0 && box->v[box->n - 1].number == UINT64_MAX)
		return dl_err_data(err, "there are no more versions");
	if (box->n > 0)
		number = box->v[box->n - 1].number + 1;
	if (box->n == DL_SECRET_VERSIONS)
		drop = ENTRY + box->v[0].value.len;
	kept = box->len - drop;
	bytes = dl_seal_alloc(kept + ENTRY + value.len, err);
	if (bytes == NULL)
		return -1;
	if (kept > 0)
		memcpy(bytes, box->bytes + drop, kept);
	entry = bytes + kept;
	put64(entry, number);
	put64(entry + 8, (uint64_t)sec);
	memcpy(entry + 16, &len, sizeof(len));
	if (value.len > 0)
		memcpy(entry + ENTRY, value.p, value.len);
	dl_seal_free(box->bytes);
	box->bytes = bytes;
	box->len = kept + ENTRY + value.len;
	parse(box);
	return 0;
}

void
dl_secret_box_seal(const struct dl_secret_box *box,
    const struct dl_seal_key *key, const char *name, struct dl_buf *out)
{
	char header[HEADER], ad[WITH];

	memcpy(header, MAGIC, MAGIC_LEN);
	memcpy(header + MAGIC_LEN, key->id, DL_SEAL_ID);
	put64(header + NEWEST, box->v[box->n - 1].number);
	dl_buf_add(out, header, HEADER);
	dl_buf_room(out, box->len + DL_SEAL_OVERHEAD);
	dl_seal(key, with(ad, header, key->group, name),
	    dl_span(box->bytes, box->len), (unsigned char *)out->p + out->len);
	out->len += box->len + DL_SEAL_OVERHEAD;
}

const struct dl_secret_version *
dl_secret_box_find(const struct dl_secret_box *box, uint64_t number)
{
	for (size_t i = box->n; i-- > 0;)
		if (number == 0 || box->v[i].number == number)
			return &box->v[i];
	return NULL;
}
