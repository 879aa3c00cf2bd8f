/* jq's functions of time: seconds since 1970, and "broken down" in UTC. */
#include "expr_fn_private.h"

#include "clock.h"

#include <ctype.h>
#include <math.h>
#include <time.h>

#define ISO "%Y-%m-%dT%H:%M:%SZ"
#define ISO_LEN 20 /* bytes of 2015-03-05T23:51:47Z */
#define YEAR_1 (-62135596800.0)
#define YEAR_10000 253402300800.0
#define FIELDS 8

/* The numbers that jq has for a time; seconds have decimals. */
static int
split_time(struct dl_fn_env *env, double d, struct tm *tm, double *seconds)
{
	time_t t = d >= -0x1p63 && d < 0x1p63 ? (time_t)d : INT64_MIN;

	if (gmtime_r(&t, tm) == NULL)
		return dl_err_data(env->err,
		    "errror converting number of seconds since epoch to "
		    "datetime"); /* so it is spelled */
	*seconds = tm->tm_sec + (d - floor(d));
	return 0;
}

static int
fn_gmtime(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_value v;
	double seconds;
	struct tm tm;

	(void)args;
	if (in->kind != DL_JSON_NUMBER)
		return dl_err_data(
		    env->err, "gmtime() requires numeric inputs");
	if (split_time(env, dl_value_double(in), &tm, &seconds) < 0)
		return -1;
	dl_buf_printf(env->out, "[%ld,%d,%d,%d,%d", tm.tm_year + 1900L,
	    tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min);
	v = dl_value_number(seconds);
	dl_fn_item(env->out, &v);
	dl_buf_printf(env->out, ",%d,%d", tm.tm_wday, tm.tm_yday);
	return dl_fn_made_array(env, result);
}

/* As C on x86 makes an int of a double, and so jq. */
static int
to_int(double d)
{
	return d > -0x1p31 - 1 && d < 0x1p31 ? (int)d : INT32_MIN;
}

/* tm of an array of the eight numbers; 0: it has not them, 1, -1. */
static int
join_time(struct dl_fn_env *env, const struct dl_value *array, struct tm *tm)
{
	struct dl_value_iter it;
	struct dl_value v;
	int fields[FIELDS], r;

	dl_value_enter(&it, array);
	for (int i = 0; i < FIELDS; i++) {
		if ((r = dl_value_next(&it, NULL, &v, env->err)) <= 0)
			return r;
		if (v.kind != DL_JSON_NUMBER)
			return 0;
		fields[i] = to_int(dl_value_double(&v));
	}
	*tm = (struct tm){.tm_mon = fields[1],
	    .tm_mday = fields[2],
	    .tm_hour = fields[3],
	    .tm_min = fields[4],
	    .tm_sec = fields[5],
	    .tm_wday = fields[6],
	    .tm_yday = fields[7]};
	tm->tm_year = (int)((unsigned int)fields[0] - 1900);
	return 1;
}

/* What jq takes for failures of timegm are two seconds of 1969. */
static int
give_time(struct dl_fn_env *env, time_t t, struct dl_value *result)
{
	if (t == -1)
		return dl_err_data(env->err, "invalid gmtime representation");
	if (t == -2)
		return dl_err_data(
		    env->err, "mktime not supported on this platform");
	return dl_fn_give(result, dl_value_number((double)t));
}

static int
fn_mktime(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct tm tm;
	int r;

	(void)args;
	if (in->kind != DL_JSON_ARRAY)
		return dl_err_data(env->err, "mktime requires array inputs");
	if ((r = join_time(env, in, &tm)) < 0)
		return -1;
	if (r == 0)
		return dl_err_data(
		    env->err, "mktime requires parsed datetime inputs");
	return give_time(env, timegm(&tm), result);
}

/* in as tm: an array or a number. */
static int
time_of(struct dl_fn_env *env, const struct dl_value *in, struct tm *tm)
{
	double seconds;
	int r = 0;

	if (in->kind == DL_JSON_NUMBER) {
		if (split_time(env, dl_value_double(in), tm, &seconds) < 0)
			return -1;
		tm->tm_sec = (int)seconds;
		tm->tm_zone = NULL;
		return 0;
	}
	if (in->kind == DL_JSON_ARRAY && (r = join_time(env, in, tm)) < 0)
		return -1;
	if (r == 0)
		return dl_err_data(
		    env->err, "strftime/1 requires parsed datetime inputs");
	return 0;
}

/* The format is the program's, as it is in jq. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static int
print_time(struct dl_fn_env *env, const struct tm *tm, const char *format,
    struct dl_value *result)
{
	size_t room = strlen(format) + 100, n; /* what jq has */

	dl_buf_room(env->out, room);
	n = strftime(env->out->p, room, format, tm);
	if (n == 0)
		return dl_err_data(
		    env->err, "strftime/1: unknown system failure");
	env->out->len = n;
	return dl_fn_made_text(env, result);
}
#pragma GCC diagnostic pop

static int
fn_strftime(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_span format;
	struct tm tm;
	char *s;

	if (args[0].kind != DL_JSON_STRING && in->kind == DL_JSON_ARRAY)
		return dl_err_data(
		    env->err, "strftime/1 requires a string format");
	if (time_of(env, in, &tm) < 0)
		return -1;
	if (args[0].kind != DL_JSON_STRING)
		return dl_err_data(
		    env->err, "strftime/1 requires a string format");
	if (dl_fn_text(env, &args[0], &format) < 0 ||
	    (s = dl_fn_alloc(env, format.len + 1, 1)) == NULL)
		return -1;
	memcpy(s, format.p, format.len);
	s[format.len] = '\0';
	return print_time(env, &tm, s, result);
}

static char *
put_digits(char *p, int n, char after)
{
	p[0] = (char)('0' + n / 10);
	p[1] = (char)('0' + n % 10);
	p[2] = after;
	return p + 3;
}

/* The common case of todate, from year 1 to 9999, written by hand. */
static int
print_iso(struct dl_fn_env *env, double d, struct dl_value *result)
{
	struct dl_time t = {.sec = (int64_t)d};
	char *start = dl_fn_alloc(env, ISO_LEN, 1), *p = start;
	struct dl_date date;

	if (start == NULL)
		return -1;
	dl_time_date(&t, &date);
	if (date.year >= 1000)
		*p++ = (char)('0' + date.year / 1000);
	if (date.year >= 100)
		*p++ = (char)('0' + date.year / 100 % 10);
	if (date.year >= 10)
		*p++ = (char)('0' + date.year / 10 % 10);
	*p++ = (char)('0' + date.year % 10);
	*p++ = '-';
	p = put_digits(p, date.month, '-');
	p = put_digits(p, date.day, 'T');
	p = put_digits(p, date.hour, ':');
	p = put_digits(p, date.minute, ':');
	p = put_digits(p, (int)(date.second + (d - floor(d))), 'Z');
	return dl_fn_give(
	    result, dl_value_text(dl_span(start, (size_t)(p - start))));
}

static int
todate(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct tm tm;
	double d;

	(void)args;
	if (in->kind == DL_JSON_NUMBER) {
		d = dl_value_double(in);
		if (d >= YEAR_1 && d < YEAR_10000)
			return print_iso(env, d, result);
	}
	if (time_of(env, in, &tm) < 0)
		return -1;
	return print_time(env, &tm, ISO, result);
}

/* Days since 1970; month from 1, and day may be past the month's end. */
static int64_t
days_of(int year, int month, int day)
{
	/* From March, and in years that are not negative. */
	int64_t y = year + 400 - (month < 3), m = (month + 9) % 12;

	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day -
	       1 - 719468 - 146097;
}

/* Two digits at p, or -1 if they are no number up to most. */
static int
two_digits(const char *p, int most)
{
	int n = 0;

	for (int i = 0; i < 2; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		n = n * 10 + (p[i] - '0');
	}
	return n <= most ? n : -1;
}

/* The common case of fromdate, with all its digits; false: it is another. */
static bool
read_iso(struct dl_span text, time_t *t)
{
	const char *p = text.p;
	int century, year, month, day, hour, minute, second;

	if (text.len != ISO_LEN || p[4] != '-' || p[7] != '-' || p[10] != 'T' ||
	    p[13] != ':' || p[16] != ':' || p[19] != 'Z')
		return false;
	century = two_digits(p, 99);
	year = two_digits(p + 2, 99);
	month = two_digits(p + 5, 12);
	day = two_digits(p + 8, 31);
	hour = two_digits(p + 11, 23);
	minute = two_digits(p + 14, 59);
	second = two_digits(p + 17, 61);
	if (century < 0 || year < 0 || month < 1 || day < 1 || hour < 0 ||
	    minute < 0 || second < 0)
		return false;
	*t = days_of(century * 100 + year, month, day) * 86400 + hour * 3600 +
	     minute * 60 + second;
	return true;
}

/* text ends in NUL; after the time only a white space counts. */
static int
read_odd(struct dl_fn_env *env, const char *text, time_t *t)
{
	struct tm tm = {0};
	const char *end = strptime(text, ISO, &tm);

	if (end == NULL || (*end != '\0' && !isspace((unsigned char)*end)))
		return dl_err_data(env->err,
		    "date \"%s\" does not match format \"%s\"", text, ISO);
	*t = timegm(&tm);
	return 0;
}

static int
fromdate(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	struct dl_span text;
	time_t t = 0;
	char *s;

	(void)args;
	if (in->kind != DL_JSON_STRING)
		return dl_err_data(env->err,
		    "strptime/1 requires string inputs and arguments");
	if (dl_fn_text(env, in, &text) < 0)
		return -1;
	if (!read_iso(text, &t)) {
		if ((s = dl_fn_alloc(env, text.len + 1, 1)) == NULL)
			return -1;
		memcpy(s, text.p, text.len);
		s[text.len] = '\0';
		if (read_odd(env, s, &t) < 0)
			return -1;
	}
	return give_time(env, t, result);
}

const struct dl_fn_entry dl_fn_times[] = {
    {"gmtime", 0, fn_gmtime},
    {"mktime", 0, fn_mktime},
    {"strftime", 1, fn_strftime},
    {"todate", 0, todate},
    {"todateiso8601", 0, todate},
    {"fromdate", 0, fromdate},
    {"fromdateiso8601", 0, fromdate},
    {NULL, 0, NULL},
};
