#include "clock.h"

#include "buf.h"

#include <stdlib.h>
#include <time.h>

#define SHOWN 60         /* bytes of a wrong time that a message repeats */
#define STRPTIME_MAX 256 /* longest text that a strptime format is tried on */

#define SEC_MIN (-62167219200) /* 0000-01-01T00:00:00Z */
#define SEC_MAX 253402300799   /* 9999-12-31T23:59:59Z */
#define DAY_SEC 86400
#define NSEC 1000000000

static const int32_t power_of_ten[] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};

static int
wrong(struct dl_span text, const char *expected, struct dl_err *err)
{
	int len = text.len > SHOWN ? SHOWN : (int)text.len;

	return dl_err_data(err, "\"%.*s\" is not %s", len, text.p, expected);
}

static bool
leap_year(int y)
{
	return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

static int
month_days(int y, int m)
{
	static const int days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[m - 1] + (m == 2 && leap_year(y));
}

/*
 * Days from 1970-01-01 to a date of the years 0 to 9999.  Years are counted
 * from March, so that the leap day is a year's last; 153 days are 5 months.
 */
static int64_t
days_from_civil(int y, int m, int d)
{
	int year = m > 2 ? y + 400 : y + 399; /* 400 more: never negative */
	int month = m > 2 ? m - 3 : m + 9;

	return 365 * (int64_t)year + year / 4 - year / 100 + year / 400 +
	       (153 * month + 2) / 5 + (d - 1) - 865565;
}

/* The other way, for the same years. */
static void
civil_from_days(int64_t days, struct dl_date *out)
{
	uint32_t n = (uint32_t)(days + 865565);
	uint32_t era = n / 146097; /* 400 years each */
	uint32_t doe = n % 146097;
	uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	uint32_t month = (5 * doy + 2) / 153; /* from March */

	out->day = (int)(doy - (153 * month + 2) / 5 + 1);
	out->month = (int)(month < 10 ? month + 3 : month - 9);
	out->year = (int)(yoe + era * 400) - 400 + (out->month <= 2);
}

/* Two digits, or a number above 99 if they are not. */
static inline unsigned int
two(const char *p)
{
	unsigned int a = (unsigned char)p[0] - (unsigned int)'0';
	unsigned int b = (unsigned char)p[1] - (unsigned int)'0';

	return a > 9 || b > 9 ? 100 : a * 10 + b;
}

/* The decimals after a point at *p, which is moved past them; -1. */
static int
take_fraction(const char **p, const char *end, struct dl_time *t)
{
	const char *s = *p;
	int32_t value = 0, n = 0;

	for (; s < end && *s >= '0' && *s <= '9'; s++, n++) {
		if (n == 9)
			return -1;
		value = value * 10 + (*s - '0');
	}
	if (n == 0)
		return -1;
	t->nsec = value * power_of_ten[9 - n];
	t->digits = n;
	*p = s;
	return 0;
}

/* The seconds east of UTC that "Z" or "+hh:mm" says, up to end exactly. */
static int
take_offset(const char *p, const char *end, int *east)
{
	unsigned int h, m;

	*east = 0;
	if (end - p == 1 && (*p == 'Z' || *p == 'z'))
		return 0;
	if (end - p != 6 || (*p != '+' && *p != '-') || p[3] != ':')
		return -1;
	h = two(p + 1);
	m = two(p + 4);
	if (h > 23 || m > 59)
		return -1;
	*east = (int)(h * 3600 + m * 60);
	if (*p == '-')
		*east = -*east;
	return 0;
}

static int
parse_rfc3339(struct dl_span text, struct dl_time *t)
{
	const char *p = text.p, *end = p + text.len;
	unsigned int c, y, mon, d, h, min, s;
	int year, east;

	if (text.len < sizeof("2018-02-07T01:26:13Z") - 1)
		return -1;
	if (p[4] != '-' || p[7] != '-' || p[13] != ':' || p[16] != ':' ||
	    (p[10] != 'T' && p[10] != 't' && p[10] != ' '))
		return -1;
	c = two(p);
	y = two(p + 2);
	mon = two(p + 5);
	d = two(p + 8);
	h = two(p + 11);
	min = two(p + 14);
	s = two(p + 17);
	if (c > 99 || y > 99 || mon < 1 || mon > 12 || h > 23 || min > 59 ||
	    s > 60)
		return -1;
	year = (int)(c * 100 + y);
	if (d < 1 || d > (unsigned int)month_days(year, (int)mon))
		return -1;
	p += 19;
	t->nsec = 0;
	t->digits = 0;
	if (*p == '.') {
		p++;
		if (take_fraction(&p, end, t) < 0)
			return -1;
	}
	if (take_offset(p, end, &east) < 0)
		return -1;
	t->sec = days_from_civil(year, (int)mon, (int)d) * DAY_SEC + h * 3600 +
	         min * 60 + s - east;
	return t->sec < SEC_MIN || t->sec > SEC_MAX ? -1 : 0;
}

int
dl_time_parse(struct dl_span text, struct dl_time *t, struct dl_err *err)
{
	if (parse_rfc3339(text, t) < 0)
		return wrong(text,
		    "an RFC 3339 time such as 2018-02-07T01:26:13.840Z", err);
	return 0;
}

/*
 * A decimal number as its text has it: the digits (first to last, with the
 * point somewhere among them), and the exponent that makes them an integer
 * times a power of ten.
 */
struct decimal {
	bool negative;
	const char *first, *last; /* last is past the end */
	int64_t ndigits;
	int64_t exponent;
	int64_t decimals; /* that the text shows; may be negative */
};

#define EXPONENT_MAX 1000000000 /* larger ones say the same */

static const char *
skip_digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

static int
parse_exponent(const char *p, const char *end, int64_t *exponent)
{
	bool negative = p < end && *p == '-';
	int64_t n = 0;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	if (p == end || skip_digits(p, end) != end)
		return -1;
	for (; p < end; p++)
		n = n < EXPONENT_MAX ? n * 10 + (*p - '0') : EXPONENT_MAX;
	*exponent = negative ? -n : n;
	return 0;
}

static int
parse_decimal(struct dl_span text, struct decimal *d)
{
	const char *p = text.p, *end = p + text.len, *point;
	int64_t exponent = 0, fraction = 0;

	d->negative = p < end && *p == '-';
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	d->first = p;
	point = p = skip_digits(p, end);
	if (p == d->first)
		return -1;
	if (p < end && *p == '.') {
		p = skip_digits(p + 1, end);
		fraction = p - point - 1;
		if (fraction == 0)
			return -1;
	}
	d->last = p;
	d->ndigits = (point - d->first) + fraction;
	if (p < end && ((*p != 'e' && *p != 'E') ||
			   parse_exponent(p + 1, end, &exponent) < 0))
		return -1;
	d->exponent = exponent - fraction;
	d->decimals = fraction - exponent;
	return 0;
}

/*
 * The number of nanoseconds that d units of 10^-scale seconds are.  Digits
 * finer than a nanosecond must be zeros, since they would be lost.
 */
static int
decimal_ns(const struct decimal *d, int scale, __int128 *ns)
{
	const __int128 limit = (__int128)1 << 100;
	int64_t shift = d->exponent + 9 - scale, left = d->ndigits;
	__int128 n = 0;

	for (const char *p = d->first; p < d->last; p++) {
		if (*p == '.')
			continue;
		if (left-- <= -shift) {
			if (*p != '0')
				return -1;
			continue;
		}
		n = n * 10 + (*p - '0');
		if (n > limit)
			return -1;
	}
	for (; n != 0 && shift > 0; shift--) {
		n *= 10;
		if (n > limit)
			return -1;
	}
	*ns = d->negative ? -n : n;
	return 0;
}

/* Most are short, whole and after 1970: is this one, and in range? */
static bool
parse_whole(struct dl_span text, int scale, struct dl_time *t)
{
	static const int64_t units[] = {1, 1000, 1000000, NSEC};
	int64_t n = 0, unit = units[scale / 3];

	if (text.len == 0 || text.len > 18)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		n = n * 10 + (text.p[i] - '0');
	}
	t->sec = n / unit;
	t->nsec = (int32_t)(n % unit * (NSEC / unit));
	t->digits = scale;
	return t->sec <= SEC_MAX;
}

static int
parse_epoch(
    struct dl_span text, int scale, struct dl_time *t, struct dl_err *err)
{
	struct decimal d;
	__int128 ns, sec;
	int64_t digits;

	if (parse_whole(text, scale, t))
		return 0;
	if (parse_decimal(text, &d) < 0)
		return wrong(text, "a number of time since 1970", err);
	if (decimal_ns(&d, scale, &ns) < 0)
		return wrong(text,
		    "a time in the years 0 to 9999 of at most nanoseconds",
		    err);
	sec = ns / NSEC - (ns % NSEC < 0);
	if (sec < SEC_MIN || sec > SEC_MAX)
		return wrong(text, "a time in the years 0 to 9999", err);
	t->sec = (int64_t)sec;
	t->nsec = (int32_t)(ns - sec * NSEC);
	digits = d.decimals + scale;
	t->digits = (int32_t)(digits < 0 ? 0 : digits > 9 ? 9 : digits);
	return 0;
}

static int
parse_strptime(struct dl_span text, const char *format, struct dl_time *t,
    struct dl_err *err)
{
	struct tm tm = {.tm_year = 70, .tm_mday = 1};
	char buf[STRPTIME_MAX];
	const char *rest;
	int year;

	if (text.len >= sizeof(buf) || memchr(text.p, '\0', text.len) != NULL)
		goto bad;
	memcpy(buf, text.p, text.len);
	buf[text.len] = '\0';
	rest = strptime(buf, format, &tm);
	if (rest == NULL || *rest != '\0')
		goto bad;
	/* strptime lets 30 February, second 61 and year 12000 through. */
	year = tm.tm_year + 1900;
	if (year < 0 || year > 9999 || tm.tm_mon < 0 || tm.tm_mon > 11 ||
	    tm.tm_mday < 1 || tm.tm_mday > month_days(year, tm.tm_mon + 1) ||
	    tm.tm_sec > 60)
		goto bad;
	t->sec = days_from_civil(year, tm.tm_mon + 1, tm.tm_mday) * DAY_SEC +
	         tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec - tm.tm_gmtoff;
	t->nsec = 0;
	t->digits = 0;
	if (t->sec >= SEC_MIN && t->sec <= SEC_MAX)
		return 0;
bad:
	return dl_err_data(err, "\"%.*s\" is not a time of the form \"%s\"",
	    text.len > SHOWN ? SHOWN : (int)text.len, text.p, format);
}

/* The power of ten that makes an epoch unit of seconds; -1: it isn't one. */
static int
epoch_scale(const char *format)
{
	static const char prefixes[] = "mun";
	const char *p;

	if (format[0] == 's' && format[1] == '\0')
		return 0;
	if (format[0] == '\0' || format[1] != 's' || format[2] != '\0' ||
	    (p = strchr(prefixes, format[0])) == NULL)
		return -1;
	return 3 * (int)(p - prefixes + 1);
}

int
dl_time_parse_as(struct dl_span text, const char *format, struct dl_time *t,
    struct dl_err *err)
{
	int scale;

	if (format != NULL && (scale = epoch_scale(format)) >= 0)
		return parse_epoch(text, scale, t, err);
	if (format == NULL || strcmp(format, "rfc3339") == 0)
		return dl_time_parse(text, t, err);
	return parse_strptime(text, format, t, err);
}

int
dl_time_format_check(const char *format, struct dl_err *err)
{
	const char *p;

	if (format == NULL || strcmp(format, "rfc3339") == 0 ||
	    epoch_scale(format) >= 0)
		return 0;
	if (strchr(format, '%') == NULL)
		return dl_err_conf(err,
		    "\"%s\" is not a time format: expected "
		    "rfc3339, s, ms, us, ns, or a strptime format such as "
		    "%%Y-%%m-%%d",
		    format);
	for (p = format; (p = strchr(p, '%')) != NULL; p++) {
		p++;
		if (*p == '\0')
			return dl_err_conf(
			    err, "the time format \"%s\" ends in a %%", format);
		/* strptime reads %s as a time of the local zone. */
		if (*p == 's')
			return dl_err_conf(err,
			    "the time format \"%s\" has "
			    "%%s: for epoch seconds use s alone",
			    format);
	}
	return 0;
}

static inline void
put_two(char *p, int n)
{
	p[0] = (char)('0' + n / 10);
	p[1] = (char)('0' + n % 10);
}

size_t
dl_time_print(const struct dl_time *t, char out[DL_TIME_MAX])
{
	struct dl_date d;
	uint32_t nsec = (uint32_t)t->nsec;
	char *p = out + 19;

	dl_time_date(t, &d);
	put_two(out, d.year / 100);
	put_two(out + 2, d.year % 100);
	out[4] = '-';
	put_two(out + 5, d.month);
	out[7] = '-';
	put_two(out + 8, d.day);
	out[10] = 'T';
	put_two(out + 11, d.hour);
	out[13] = ':';
	put_two(out + 14, d.minute);
	out[16] = ':';
	put_two(out + 17, d.second);
	if (t->digits > 0) {
		*p = '.';
		nsec /= (uint32_t)power_of_ten[9 - t->digits];
		for (int32_t i = t->digits; i > 0; i--, nsec /= 10)
			p[i] = (char)('0' + nsec % 10);
		p += 1 + t->digits;
	}
	*p++ = 'Z';
	*p = '\0';
	return (size_t)(p - out);
}

int
dl_time_cmp(const struct dl_time *a, const struct dl_time *b)
{
	if (a->sec != b->sec)
		return a->sec < b->sec ? -1 : 1;
	return (a->nsec > b->nsec) - (a->nsec < b->nsec);
}

void
dl_time_date(const struct dl_time *t, struct dl_date *d)
{
	int64_t since = t->sec - SEC_MIN; /* never negative */
	int left = (int)(since % DAY_SEC);

	civil_from_days(since / DAY_SEC + SEC_MIN / DAY_SEC, d);
	d->hour = left / 3600;
	d->minute = left / 60 % 60;
	d->second = left % 60;
}

/* Does the clock stand still at *t?  The environment is looked at once. */
static bool
fake_now(struct dl_time *t)
{
	static enum { UNKNOWN, REAL, FAKE } state;
	static struct dl_time fake;
	struct dl_err err = {0};
	const char *s;

	if (state == UNKNOWN) {
		s = getenv("DL_NOW");
		state =
		    s != NULL && dl_time_parse(dl_span_str(s), &fake, &err) == 0
			? FAKE
			: REAL;
	}
	*t = fake;
	return state == FAKE;
}

void
dl_now(struct dl_time *t)
{
	struct timespec ts;

	if (fake_now(t))
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	t->sec = ts.tv_sec;
	t->nsec = (int32_t)(ts.tv_nsec / 1000 * 1000);
	t->digits = 6;
}

int64_t
dl_clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
