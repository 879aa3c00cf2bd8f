#include "twin_record.h"

#include "json.h"

#define SEC_MIN (-INT64_C(62167219200)) /* 0000-01-01T00:00:00Z */
#define SEC_MAX INT64_C(253402300799)   /* 9999-12-31T23:59:59Z */
#define SIGN (UINT64_C(1) << 63)

static uint8_t *
store(uint8_t *p, uint64_t v, int bytes)
{
	while (bytes-- > 0)
		*p++ = (uint8_t)(v >> (8 * bytes));
	return p;
}

static uint64_t
load(const uint8_t *p, int bytes)
{
	uint64_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | *p++;
	return v;
}

bool
dl_twin_time_ok(const struct dl_time *t)
{
	return t->sec >= SEC_MIN && t->sec <= SEC_MAX && t->nsec >= 0 &&
	       t->nsec < 1000000000 && t->digits >= 0 && t->digits <= 9;
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

int
dl_twin_cmp(const struct dl_twin_obs *a, const struct dl_twin_obs *b)
{
	int r;

	if ((r = dl_time_cmp(&a->time, &b->time)) != 0 ||
	    (r = cmp_sequence(a->sequence, b->sequence)) != 0 ||
	    (r = dl_span_cmp(a->id, b->id)) != 0)
		return r;
	return dl_span_cmp(a->value, b->value);
}

int
dl_twin_join_cmp(const struct dl_twin_obs *a, const struct dl_twin_obs *b)
{
	int r;

	if ((r = dl_twin_cmp(a, b)) != 0)
		return r;
	if ((r = dl_span_cmp(b->source, a->source)) != 0 ||
	    (r = dl_span_cmp(b->recordedtime, a->recordedtime)) != 0)
		return r;
	/* "…13.80Z" is before "…13.8Z": of one instant, more decimals. */
	return (a->time.digits > b->time.digits) -
	       (a->time.digits < b->time.digits);
}

size_t
dl_twin_encoded(const struct dl_twin_obs *o)
{
	return DL_TWIN_HEAD + o->sequence.len + o->id.len + o->source.len +
	       o->recordedtime.len + o->value.len;
}

static uint8_t *
store_span(uint8_t *p, struct dl_span s)
{
	if (s.len > 0)
		memcpy(p, s.p, s.len);
	return p + s.len;
}

void
dl_twin_encode(const struct dl_twin_obs *o, void *out)
{
	uint8_t *p = out;

	*p++ = DL_TWIN_VERSION;
	p = store(p, (uint64_t)o->time.sec ^ SIGN, 8);
	p = store(p, (uint32_t)o->time.nsec, 4);
	*p++ = (uint8_t)o->time.digits;
	p = store(p, o->change, 8);
	p = store(p, o->sequence.len, 2);
	p = store(p, o->id.len, 2);
	p = store(p, o->source.len, 2);
	p = store(p, o->recordedtime.len, 2);
	p = store_span(p, o->sequence);
	p = store_span(p, o->id);
	p = store_span(p, o->source);
	p = store_span(p, o->recordedtime);
	store_span(p, o->value);
}

/* Take the next text, whose length is at len, off the front of *rest. */
static bool
take(const uint8_t *len, struct dl_span *rest, struct dl_span *s)
{
	size_t n = (size_t)load(len, 2);

	if (n > rest->len)
		return false;
	*s = dl_span(rest->p, n);
	*rest = dl_span(rest->p + n, rest->len - n);
	return true;
}

int
dl_twin_decode(struct dl_span bytes, struct dl_twin_obs *o, struct dl_err *err)
{
	const uint8_t *p = (const uint8_t *)bytes.p;
	struct dl_span rest;

	if (bytes.len > 0 && p[0] != DL_TWIN_VERSION)
		return dl_err_data(err,
		    "a record of version %d, where this "
		    "program knows version %d",
		    p[0], DL_TWIN_VERSION);
	if (bytes.len < DL_TWIN_HEAD)
		return dl_err_data(
		    err, "a record of %zu bytes is cut short", bytes.len);
	o->time.sec = (int64_t)(load(p + 1, 8) ^ SIGN);
	o->time.nsec = (int32_t)load(p + 9, 4);
	o->time.digits = p[13];
	o->change = load(p + 14, 8);
	rest = dl_span(bytes.p + DL_TWIN_HEAD, bytes.len - DL_TWIN_HEAD);
	if (!dl_twin_time_ok(&o->time))
		return dl_err_data(err, "a record has an impossible time");
	if (!take(p + 22, &rest, &o->sequence) ||
	    !take(p + 24, &rest, &o->id) || !take(p + 26, &rest, &o->source) ||
	    !take(p + 28, &rest, &o->recordedtime) || rest.len == 0)
		return dl_err_data(
		    err, "a record of %zu bytes is cut short", bytes.len);
	o->value = rest;
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

int
dl_twin_record_of(struct dl_span key, struct dl_span bytes,
    struct dl_twin_record *rec, char time[DL_TIME_MAX], struct dl_err *err)
{
	struct dl_twin_obs o;

	if (!dl_twin_key_split(key, &rec->component, &rec->metric))
		return dl_err_data(
		    err, "a key of %zu bytes is not of a record", key.len);
	if (dl_twin_decode(bytes, &o, err) < 0)
		return -1;
	rec->value = o.value;
	rec->instant = o.time;
	rec->time = dl_span(time, dl_time_print(&o.time, time));
	rec->sequence = or_absent(o.sequence);
	rec->source = or_absent(o.source);
	rec->id = or_absent(o.id);
	rec->recordedtime = or_absent(o.recordedtime);
	rec->change = o.change;
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
