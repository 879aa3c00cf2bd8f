#include "serve_if.h"

#include "clock.h"

#include <stdio.h>

#define DAY 86400
#define YEARS_AHEAD 50 /* RFC 9110 section 5.6.7, of rfc850-date */

static const char days[7][4] = {
    "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static void
put_two(char *p, int n)
{
	p[0] = (char)('0' + n / 10 % 10);
	p[1] = (char)('0' + n % 10);
}

void
dl_serve_date(int64_t sec, char out[DL_SERVE_DATE])
{
	struct dl_time t = {.sec = sec};
	struct dl_date d;
	int64_t day = sec / DAY - (sec % DAY < 0);

	dl_time_date(&t, &d);
	memcpy(out, "Ddd, 00 Mmm 0000 00:00:00 GMT", 30);
	memcpy(out, days[(day % 7 + 7) % 7], 3);
	put_two(out + 5, d.day);
	memcpy(out + 8, months[d.month - 1], 3);
	put_two(out + 12, d.year / 100);
	put_two(out + 14, d.year % 100);
	put_two(out + 17, d.hour);
	put_two(out + 20, d.minute);
	put_two(out + 23, d.second);
}

/*
 * Match text with a form: 'D' a day's short name, 'L' a long one, 'M' a month,
 * 'd' 'h' 'm' 's' two digits ('e': the first may be a space), 'Y' a year of
 * four, 'y' one of two, 'Z' is GMT.
 */
struct date {
	int day, month, year, hour, minute, second;
	bool short_year;
};

static int
digits(const char **p, const char *end, int n, bool space)
{
	int value = 0;

	if (end - *p < n)
		return -1;
	for (int i = 0; i < n; i++) {
		char c = *(*p)++;

		if (i == 0 && space && c == ' ')
			c = '0';
		if (c < '0' || c > '9')
			return -1;
		value = 10 * value + c - '0';
	}
	return value;
}

static int
name(const char **p, const char *end, const char (*names)[4], int n)
{
	for (int i = 0; i < n && end - *p >= 3; i++)
		if (memcmp(*p, names[i], 3) == 0) {
			*p += 3;
			return i;
		}
	return -1;
}

/* The rest of a long day's name: "sday", "urday"... */
static int
rest_of_name(const char **p, const char *end)
{
	while (*p < end && **p >= 'a' && **p <= 'z')
		(*p)++;
	return 0;
}

static int
take_one(char form, const char **p, const char *end, struct date *d)
{
	switch (form) {
	case 'D':
		return name(p, end, days, 7);
	case 'L':
		return name(p, end, days, 7) < 0 ? -1 : rest_of_name(p, end);
	case 'M':
		return d->month = name(p, end, months, 12);
	case 'd':
	case 'e':
		return d->day = digits(p, end, 2, form == 'e');
	case 'h':
		return d->hour = digits(p, end, 2, false);
	case 'm':
		return d->minute = digits(p, end, 2, false);
	case 's':
		return d->second = digits(p, end, 2, false);
	case 'Y':
		return d->year = digits(p, end, 4, false);
	case 'y':
		d->short_year = true;
		return d->year = digits(p, end, 2, false);
	case 'Z':
		if (end - *p < 3 || memcmp(*p, "GMT", 3) != 0)
			return -1;
		*p += 3;
		return 0;
	default:
		return *p < end && *(*p)++ == form ? 0 : -1;
	}
}

static bool
matches(const char *form, struct dl_span text, struct date *d)
{
	const char *p = text.p, *end = dl_span_end(text);

	*d = (struct date){0};
	for (; *form != '\0'; form++)
		if (take_one(*form, &p, end, d) < 0)
			return false;
	return p == end;
}

/* As RFC 3339, which knows what a date is. */
static bool
to_seconds(const struct date *d, int year, int64_t *sec)
{
	struct dl_err ignored = {0};
	struct dl_time t;
	char text[64];
	int n;

	n = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ", year,
	    d->month + 1, d->day, d->hour, d->minute, d->second);
	if (dl_time_parse(dl_span(text, (size_t)n), &t, &ignored) < 0)
		return false;
	*sec = t.sec;
	return true;
}

bool
dl_serve_date_take(struct dl_span text, int64_t now, int64_t *sec)
{
	static const char *const forms[] = {
	    "D, d M Y h:m:s Z", "L, d-M-y h:m:s Z", "D M e h:m:s Y"};
	struct dl_time t = {.sec = now};
	struct dl_date today;
	struct date d;

	for (size_t i = 0; i < 3; i++) {
		int year;

		if (!matches(forms[i], text, &d))
			continue;
		dl_time_date(&t, &today);
		year = d.year;
		if (d.short_year) {
			year += today.year / 100 * 100;
			if (year > today.year + YEARS_AHEAD)
				year -= 100;
		}
		return to_seconds(&d, year, sec);
	}
	return false;
}

bool
dl_serve_unchanged(
    const struct dl_http_request *q, const char *etag, int64_t modified)
{
	struct dl_span header;
	struct dl_time now;
	int64_t since;

	if (dl_http_get_header(q, "If-None-Match").p != NULL)
		return dl_http_matches(q, etag);
	header = dl_http_get_header(q, "If-Modified-Since");
	if (header.p == NULL || modified == INT64_MIN)
		return false;
	dl_now(&now);
	/* A late record is older than when the client asked: no "<=". */
	return dl_serve_date_take(header, now.sec, &since) && modified == since;
}

/* "*", or one of the tags, compared strongly. */
static bool
is_listed(struct dl_span header, const char *etag)
{
	const char *p = header.p, *end = dl_span_end(header), *close;
	struct dl_span tag = dl_span_str(etag);

	for (bool weak; p < end; p = close + 1) {
		while (p < end && *p != '"' && *p != '*')
			p++;
		if (p == end)
			return false;
		if (*p == '*')
			return true;
		weak = p - header.p >= 2 && memcmp(p - 2, "W/", 2) == 0;
		close = memchr(p + 1, '"', (size_t)(end - p - 1));
		if (close == NULL)
			return false;
		if (!weak &&
		    dl_span_eq(dl_span(p, (size_t)(close + 1 - p)), tag))
			return true;
	}
	return false;
}

bool
dl_serve_refused(
    const struct dl_http_request *q, const char *etag, int64_t modified)
{
	struct dl_span header = dl_http_get_header(q, "If-Match");
	struct dl_time now;
	int64_t since;

	if (header.p != NULL)
		return !is_listed(header, etag);
	header = dl_http_get_header(q, "If-Unmodified-Since");
	if (header.p == NULL || modified == INT64_MIN)
		return false;
	dl_now(&now);
	return dl_serve_date_take(header, now.sec, &since) && modified > since;
}
