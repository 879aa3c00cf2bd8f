#include "twin_record.h"

#include "json.h"
#include "varint.h"

#include <endian.h>

#define SEC_MIN (-INT64_C(62167219200)) /* 0000-01-01T00:00:00Z */
#define SEC_MAX INT64_C(253402300799)   /* 9999-12-31T23:59:59Z */

#define SEC_BYTES 5
#define FORM_TEXT 14

static uint8_t *
store(uint8_t *p, uint64_t v, int bytes)
{
	while (bytes-- > 0)
		*p++ = (uint8_t)(v >> (8 * bytes));
	return p;
}

static bool
take(struct dl_span *s, int bytes, uint64_t *v)
{
	*v = 0;
	if (s->len < (size_t)bytes)
		return false;
	if (s->len >= sizeof(*v) && bytes > 0) {
		memcpy(v, s->p, sizeof(*v));
		*v = be64toh(*v) >> (64 - 8 * bytes);
	} else {
		for (int i = 0; i < bytes; i++)
			*v = *v << 8 | (uint8_t)s->p[i];
	}
	*s = dl_span(s->p + bytes, s->len - (size_t)bytes);
	return true;
}

bool
dl_twin_time_ok(const struct dl_time *t)
{
	static const int32_t step[] = {1000000000, 100000000, 10000000, 1000000,
	    100000, 10000, 1000, 100, 10, 1};

	return t->sec >= SEC_MIN && t->sec <= SEC_MAX && t->nsec >= 0 &&
	       t->nsec < 1000000000 && t->digits >= 0 && t->digits <= 9 &&
	       t->nsec % step[t->digits] == 0;
}

static bool
all_digits(struct dl_span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

static struct dl_span
without_zeros(struct dl_span s)
{
	while (s.len > 0 && *s.p == '0')
		s = dl_span(s.p + 1, s.len - 1);
	return s;
}

static int
cmp_number(struct dl_span a, struct dl_span b)
{
	struct dl_span x = without_zeros(a), y = without_zeros(b);
	int r;

	if (x.len != y.len)
		return x.len < y.len ? -1 : 1;
	if ((r = dl_span_cmp(x, y)) != 0)
		return r;
	return (a.len > b.len) - (a.len < b.len);
}

/*
 * Absent, then numbers by their value, then all others by their bytes.  Numbers
 * must stand apart: "9" < "10" as numbers and "10" < "1a" < "9" as bytes would
 * go round in a circle.
 */
static int
cmp_sequence(struct dl_span a, struct dl_span b)
{
	bool na, nb;

	if (a.len == 0 || b.len == 0)
		return (a.len != 0) - (b.len != 0);
	na = all_digits(a);
	nb = all_digits(b);
	if (na != nb)
		return na ? -1 : 1;
	return na ? cmp_number(a, b) : dl_span_cmp(a, b);
}

static size_t
id_len(const struct dl_twin_obs *o)
{
	return 2 * o->hex.len + o->id.len;
}

/* Byte i of the id. */
static char
id_byte(const struct dl_twin_obs *o, size_t i)
{
	uint8_t two;

	if (i >= 2 * o->hex.len)
		return o->id.p[i - 2 * o->hex.len];
	two = (uint8_t)o->hex.p[i / 2];
	return "0123456789abcdef"[i % 2 == 0 ? two >> 4 : two & 15];
}

static int
cmp_id(const struct dl_twin_obs *a, const struct dl_twin_obs *b)
{
	size_t na = id_len(a), nb = id_len(b);
	int r;

	/* Digits have the order of what they stand for. */
	if (a->hex.len == b->hex.len) {
		r = dl_span_cmp(a->hex, b->hex);
		return r != 0 ? r : dl_span_cmp(a->id, b->id);
	}
	for (size_t i = 0; i < na && i < nb; i++) {
		uint8_t x = (uint8_t)id_byte(a, i), y = (uint8_t)id_byte(b, i);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return (na > nb) - (na < nb);
}

int
dl_twin_cmp(const struct dl_twin_obs *a, const struct dl_twin_obs *b)
{
	int r;

	if ((r = dl_time_cmp(&a->time, &b->time)) != 0 ||
	    (r = cmp_sequence(a->sequence, b->sequence)) != 0 ||
	    (r = cmp_id(a, b)) != 0)
		return r;
	return dl_span_cmp(a->value, b->value);
}

/* The text of recordedtime, which may be in buf. */
static struct dl_span
recordedtime(const struct dl_twin_obs *o, char buf[DL_TIME_MAX])
{
	if (!o->is_instant)
		return o->recordedtime;
	return dl_span(buf, dl_time_print(&o->recorded, buf));
}

int
dl_twin_join_cmp(const struct dl_twin_obs *a, const struct dl_twin_obs *b)
{
	char x[DL_TIME_MAX], y[DL_TIME_MAX];
	int r;

	if ((r = dl_twin_cmp(a, b)) != 0)
		return r;
	if ((r = dl_span_cmp(b->source, a->source)) != 0 ||
	    (r = dl_span_cmp(recordedtime(b, y), recordedtime(a, x))) != 0)
		return r;
	/* "…13.80Z" is before "…13.8Z": of one instant, more decimals. */
	return (a->time.digits > b->time.digits) -
	       (a->time.digits < b->time.digits);
}

/* By decimals: bytes that hold them, and nanoseconds that their unit has. */
static const int fraction_bytes[] = {0, 2, 2, 2, 3, 3, 3, 4, 4, 4};
static const int32_t fraction_unit[] = {
    1, 1000000, 1000000, 1000000, 1000, 1000, 1000, 1, 1, 1};

static uint8_t *
store_time(uint8_t *p, const struct dl_time *t)
{
	p = store(p, (uint64_t)(t->sec - SEC_MIN), SEC_BYTES);
	switch (fraction_bytes[t->digits]) {
	case 0:
		return p;
	case 2:
		return store(p, (uint32_t)(t->nsec / 1000000), 2);
	case 3:
		return store(p, (uint32_t)(t->nsec / 1000), 3);
	default:
		return store(p, (uint32_t)t->nsec, 4);
	}
}

static bool
take_time(struct dl_span *s, int digits, struct dl_time *t)
{
	uint64_t sec, fraction;

	if (digits > 9 || !take(s, SEC_BYTES, &sec) ||
	    !take(s, fraction_bytes[digits], &fraction) ||
	    fraction > INT32_MAX / (uint32_t)fraction_unit[digits])
		return false;
	t->sec = (int64_t)sec + SEC_MIN;
	t->nsec = (int32_t)fraction * fraction_unit[digits];
	t->digits = digits;
	/* No more decimals than there can be where the unit has as many. */
	return digits % 3 == 0 ? t->sec <= SEC_MAX && t->nsec < 1000000000
	                       : dl_twin_time_ok(t);
}

/*
 * In UTC and with these letters it is, but for a leap second, which prints as
 * the next.
 */
bool
dl_twin_printed_time(struct dl_span text, struct dl_time *t)
{
	struct dl_err err;

	/* Shorter, or with another end, it isn't what dl_time_print() writes. */
	if (text.len < sizeof("2018-02-07T01:26:13Z") - 1 ||
	    text.p[text.len - 1] != 'Z' || text.p[10] != 'T' ||
	    text.p[17] == '6')
		return false;
	dl_err_clear(&err);
	return dl_time_parse(text, t, &err) == 0 && dl_twin_time_ok(t);
}

/* What a lowercase digit stands for, or more than 15. */
static unsigned int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	return c >= 'a' && c <= 'f' ? (unsigned int)(c - 'a') + 10 : 16;
}

/* Pack the pairs of digits that id begins with; returns how many. */
static size_t
pack_hex(struct dl_span id, uint8_t *p)
{
	size_t n = 0;

	for (; 2 * n + 1 < id.len; n++) {
		unsigned int high = hex_digit(id.p[2 * n]);
		unsigned int low = hex_digit(id.p[2 * n + 1]);

		if (high > 15 || low > 15)
			break;
		p[n] = (uint8_t)(high << 4 | low);
	}
	return n;
}

static uint8_t *
store_span(uint8_t *p, struct dl_span s)
{
	if (s.len > 0)
		memcpy(p, s.p, s.len);
	return p + s.len;
}

void
dl_twin_pack(struct dl_buf *b, const struct dl_twin_obs *o)
{
	uint8_t packed[DL_TWIN_TEXT_MAX / 2], *start, *p;
	struct dl_span hex = o->hex, id = o->id;
	struct dl_time recorded = o->recorded;
	bool instant =
	    o->is_instant || dl_twin_printed_time(o->recordedtime, &recorded);

	if (hex.len == 0) {
		hex = dl_span((char *)packed, pack_hex(id, packed));
		id = dl_span(id.p, id.len - 2 * hex.len);
		if (hex.len > 0)
			id.p += 2 * hex.len;
	}
	/* Each time and length has at most 10 bytes. */
	dl_buf_room(b, 1 + 7 * DL_VARINT_MAX + o->sequence.len + o->source.len +
			   hex.len + id.len + o->recordedtime.len);
	start = p = (uint8_t *)b->p + b->len;
	*p++ = (uint8_t)(o->time.digits << 4 |
			 (instant ? recorded.digits : FORM_TEXT));
	p = store_time(p, &o->time);
	if (instant)
		p = store_time(p, &recorded);
	p = dl_varint_store(p, o->sequence.len);
	p = dl_varint_store(p, o->source.len);
	if (!instant)
		p = dl_varint_store(p, o->recordedtime.len);
	p = dl_varint_store(p, hex.len);
	p = dl_varint_store(p, id.len);
	p = store_span(p, o->sequence);
	p = store_span(p, o->source);
	if (!instant)
		p = store_span(p, o->recordedtime);
	p = store_span(p, hex);
	p = store_span(p, id);
	b->len += (size_t)(p - start);
}

static bool
take_span(struct dl_span *rest, uint64_t len, struct dl_span *s)
{
	if (len > rest->len)
		return false;
	*s = dl_span(rest->p, (size_t)len);
	*rest = dl_span(rest->p + len, rest->len - (size_t)len);
	return true;
}

bool
dl_twin_unpack(struct dl_span bytes, struct dl_twin_obs *o)
{
	struct dl_span rest = bytes;
	uint64_t form, sequence, source, text = 0, hex, id;

	if (!take(&rest, 1, &form) ||
	    !take_time(&rest, (int)(form >> 4), &o->time))
		return false;
	o->is_instant = (form & 15) != FORM_TEXT;
	if (o->is_instant && !take_time(&rest, (int)(form & 15), &o->recorded))
		return false;
	if (!dl_varint_take(&rest, &sequence) ||
	    !dl_varint_take(&rest, &source) ||
	    (!o->is_instant && !dl_varint_take(&rest, &text)) ||
	    !dl_varint_take(&rest, &hex) || !dl_varint_take(&rest, &id))
		return false;
	if (hex > DL_TWIN_TEXT_MAX / 2 || id > DL_TWIN_TEXT_MAX - 2 * hex ||
	    !take_span(&rest, sequence, &o->sequence) ||
	    !take_span(&rest, source, &o->source) ||
	    !take_span(&rest, text, &o->recordedtime) ||
	    !take_span(&rest, hex, &o->hex) || !take_span(&rest, id, &o->id))
		return false;
	o->head = dl_span(bytes.p, bytes.len - rest.len);
	return true;
}

bool
dl_twin_unpack_time(struct dl_span bytes, struct dl_time *t)
{
	uint64_t form;

	return take(&bytes, 1, &form) && take_time(&bytes, (int)(form >> 4), t);
}

size_t
dl_twin_encoded(const struct dl_twin_obs *o)
{
	return 1 + dl_varint_len(o->change) + o->head.len + o->value.len;
}

void
dl_twin_encode(const struct dl_twin_obs *o, void *out)
{
	uint8_t *p = out;

	*p++ = DL_TWIN_VERSION;
	p = dl_varint_store(p, o->change);
	p = store_span(p, o->head);
	store_span(p, o->value);
}

int
dl_twin_decode(struct dl_span bytes, struct dl_twin_obs *o, struct dl_err *err)
{
	struct dl_span rest = bytes;
	uint64_t version;

	if (take(&rest, 1, &version) && version != DL_TWIN_VERSION)
		return dl_err_data(err,
		    "a record of version %d, where this "
		    "program knows version %d",
		    (int)version, DL_TWIN_VERSION);
	if (!dl_varint_take(&rest, &o->change) || !dl_twin_unpack(rest, o) ||
	    rest.len == o->head.len)
		return dl_err_data(err,
		    "a record of %zu bytes is cut short or damaged", bytes.len);
	o->value = dl_span(rest.p + o->head.len, rest.len - o->head.len);
	return 0;
}

bool
dl_twin_key_split(
    struct dl_span key, struct dl_span *component, struct dl_span *metric)
{
	const char *nul = key.len == 0 ? NULL : memchr(key.p, '\0', key.len);

	if (nul == NULL)
		return false;
	*component = dl_span(key.p, (size_t)(nul - key.p));
	*metric = dl_span(nul + 1, key.len - component->len - 1);
	return component->len > 0 && metric->len > 0;
}

static struct dl_span
or_absent(struct dl_span s)
{
	return s.len == 0 ? (struct dl_span){NULL, 0} : s;
}

static struct dl_span
print_id(const struct dl_twin_obs *o, char buf[DL_TWIN_TEXT_MAX])
{
	if (o->hex.len == 0)
		return o->id;
	for (size_t i = 0; i < 2 * o->hex.len; i++)
		buf[i] = id_byte(o, i);
	if (o->id.len > 0)
		memcpy(buf + 2 * o->hex.len, o->id.p, o->id.len);
	return dl_span(buf, id_len(o));
}

void
dl_twin_record_fill(struct dl_twin_record *rec, const struct dl_twin_obs *o,
    struct dl_twin_texts *texts)
{
	rec->value = o->value;
	rec->instant = o->time;
	rec->time = dl_span(texts->time, dl_time_print(&o->time, texts->time));
	rec->sequence = or_absent(o->sequence);
	rec->source = or_absent(o->source);
	rec->id = or_absent(print_id(o, texts->id));
	rec->recordedtime = or_absent(recordedtime(o, texts->recordedtime));
	rec->change = o->change;
}

int
dl_twin_record_of(struct dl_span key, struct dl_span bytes,
    struct dl_twin_record *rec, struct dl_twin_texts *texts, struct dl_err *err)
{
	struct dl_twin_obs o;

	if (!dl_twin_key_split(key, &rec->component, &rec->metric))
		return dl_err_data(
		    err, "a key of %zu bytes is not of a record", key.len);
	if (dl_twin_decode(bytes, &o, err) < 0)
		return -1;
	dl_twin_record_fill(rec, &o, texts);
	return 0;
}

static void
member(struct dl_buf *b, const char *name, struct dl_span text)
{
	if (text.p == NULL)
		return;
	dl_buf_adds(b, name);
	dl_json_quote(b, text);
}

void
dl_twin_print(struct dl_buf *b, const struct dl_twin_record *rec)
{
	member(b, "{\"component\":", rec->component);
	member(b, ",\"metric\":", rec->metric);
	dl_buf_adds(b, ",\"value\":");
	dl_buf_span(b, rec->value);
	member(b, ",\"time\":", rec->time);
	member(b, ",\"source\":", rec->source);
	member(b, ",\"id\":", rec->id);
	member(b, ",\"recordedtime\":", rec->recordedtime);
	dl_buf_addc(b, '}');
}
