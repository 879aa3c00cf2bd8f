#include "num.h"

#include <inttypes.h>
#include <stdio.h>

#define SHOWN 40 /* bytes of a wrong number that a message repeats */

static int
wrong(struct dl_span text, const char *expected, struct dl_err *err)
{
	int len = text.len > SHOWN ? SHOWN : (int)text.len;

	return dl_err_usage(err, "'%.*s' is not %s", len, text.p, expected);
}

/*
 * Take the digits at *p: -1 if there is none or the number is too large.
 */
static int
take_digits(const char **p, const char *end, int64_t *n)
{
	const char *start = *p;

	for (*n = 0; *p < end && **p >= '0' && **p <= '9'; (*p)++)
		if (__builtin_mul_overflow(*n, 10, n) ||
		    __builtin_add_overflow(*n, **p - '0', n))
			return -1;
	return *p == start ? -1 : 0;
}

int
dl_num_count(struct dl_span text, int64_t *n, struct dl_err *err)
{
	const char *p = text.p, *end = p + text.len;
	int64_t value;

	if (take_digits(&p, end, &value) < 0 || p != end)
		return wrong(text, "a count such as 1000", err);
	*n = value;
	return 0;
}

int
dl_num_size(struct dl_span text, int64_t *bytes, struct dl_err *err)
{
	static const char units[] = "KMGT";
	const char *p = text.p, *end = p + text.len, *unit;
	int64_t value, scale = 1;

	if (take_digits(&p, end, &value) < 0)
		return wrong(text, "a size such as 64M", err);
	if (p < end && *p != '\0' && (unit = strchr(units, *p)) != NULL) {
		scale = (int64_t)1024 << (10 * (unit - units));
		p++;
	}
	if (p != end || __builtin_mul_overflow(value, scale, &value))
		return wrong(text, "a size such as 64M", err);
	*bytes = value;
	return 0;
}

/* Take the unit at *p; its milliseconds, or 0 if there is none. */
static int64_t
take_unit(const char **p, const char *end)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {
	    {"ms", 1},
	    {"s", 1000},
	    {"m", 60 * 1000},
	    {"h", 60 * 60 * 1000},
	    {"d", 24 * 60 * 60 * 1000},
	    {"w", INT64_C(7) * 24 * 60 * 60 * 1000},
	    {"y", INT64_C(365) * 24 * 60 * 60 * 1000},
	};
	size_t len;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		len = strlen(units[i].name);
		if ((size_t)(end - *p) >= len &&
		    memcmp(*p, units[i].name, len) == 0) {
			*p += len;
			return units[i].ms;
		}
	}
	return 0;
}

int
dl_num_duration(struct dl_span text, int64_t *ms, struct dl_err *err)
{
	const char *p = text.p, *end = p + text.len;
	int64_t total = 0, value, unit;

	do {
		if (take_digits(&p, end, &value) < 0 ||
		    (unit = take_unit(&p, end)) == 0 ||
		    __builtin_mul_overflow(value, unit, &value) ||
		    __builtin_add_overflow(total, value, &total))
			return wrong(text, "a duration such as 60s", err);
	} while (p < end);
	*ms = total;
	return 0;
}

void
dl_num_print_size(int64_t bytes, char out[32])
{
	static const char units[] = "KMGTPE";
	const char *sign = bytes < 0 ? "-" : "";
	uint64_t n = bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes;
	uint64_t tenths;
	size_t unit = 0;

	if (n < 1024) {
		snprintf(out, 32, "%s%" PRIu64 " B", sign, n);
		return;
	}
	/* n in 1024ths of the unit; what rounds to 1024.0 is of the next. */
	for (; n >= 1024 * 1024 - 51; n >>= 10)
		unit++;
	tenths = (n * 10 + 512) / 1024;
	snprintf(out, 32, "%s%" PRIu64 ".%" PRIu64 " %ciB", sign, tenths / 10,
	    tenths % 10, units[unit]);
}

void
dl_num_print_age(int64_t ms, char out[32])
{
	const char *sign = ms < 0 ? "-" : "";
	long long n = ms < 0 ? -ms : ms;

	if (n < 1000)
		snprintf(out, 32, "%s%lldms", sign, n);
	else if ((n /= 1000) < 120)
		snprintf(out, 32, "%s%llds", sign, n);
	else if ((n /= 60) < 120)
		snprintf(out, 32, "%s%lldm", sign, n);
	else if ((n /= 60) < 48)
		snprintf(out, 32, "%s%lldh", sign, n);
	else
		snprintf(out, 32, "%s%lldd", sign, n / 24);
}
