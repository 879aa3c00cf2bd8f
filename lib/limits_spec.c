#include "limits_spec.h"

#include "num.h"

#define RATE_MAX 1000000
#define NS_PER_S ((int64_t)1000000000)
#define TIME_MAX_MS ((int64_t)30 * 24 * 3600 * 1000)

static const struct dl_conf_field fields[] = {
#define FIELD(key, kind, member) \
	{ \
		key, kind, false, offsetof(struct dl_limits_spec, member), \
		    NULL \
	}
    FIELD("rate", DL_CONF_STR, rate),
    FIELD("concurrency", DL_CONF_COUNT, concurrency),
    FIELD("max_bytes", DL_CONF_SIZE, max_bytes),
    FIELD("max_time", DL_CONF_DURATION, max_time_ms),
#undef FIELD
    {NULL, DL_CONF_STR, false, 0, NULL},
};

/* Nanoseconds of the unit that a rate is by; 0: it is none. */
static int64_t
unit_ns(const char *unit)
{
	static const struct {
		const char *name;
		int64_t seconds;
	} units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcmp(unit, units[i].name) == 0)
			return units[i].seconds * NS_PER_S;
	return 0;
}

/* What "100/m" means between two requests; 0: it is no rate. */
static int64_t
apart_ns(const char *rate)
{
	const char *slash = strchr(rate, '/');
	struct dl_err ignored = {0};
	int64_t n, unit;

	if (slash == NULL || (unit = unit_ns(slash + 1)) == 0 ||
	    dl_num_count(dl_span(rate, (size_t)(slash - rate)), &n, &ignored) <
		0 ||
	    n < 1 || n > RATE_MAX)
		return 0;
	/* Up, so that no unit of time has one more than n. */
	return (unit + n - 1) / n;
}

static int
check(const struct dl_conf *c, const struct dl_conf_node *node, const char *key,
    bool ok, const char *range, struct dl_err *err)
{
	int line = dl_conf_line_of(node, key);

	/* What is absent is as it should be. */
	if (ok || line == 0)
		return 0;
	return dl_conf_fail(c, line, err, "'%s' %s", key, range);
}

int
dl_limits_take(const struct dl_conf *c, const struct dl_conf_node *node,
    struct dl_limits_spec *spec, struct dl_err *err)
{
	*spec = (struct dl_limits_spec){0};
	if (node == NULL)
		return 0;
	if (dl_conf_take(c, node, "limits", fields, spec, err) < 0)
		return -1;
	if (spec->rate != NULL)
		spec->apart_ns = apart_ns(spec->rate);
	if (check(c, node, "rate", spec->apart_ns > 0,
		"is a count of requests by s, m, h or d, like 100/m: "
		"1 to 1000000 of them",
		err) < 0 ||
	    check(c, node, "concurrency",
		spec->concurrency >= 1 &&
		    spec->concurrency <= DL_CONCURRENCY_MAX,
		"is from 1 to 64", err) < 0 ||
	    check(c, node, "max_bytes", spec->max_bytes >= 1, "is at least 1",
		err) < 0)
		return -1;
	return check(c, node, "max_time",
	    spec->max_time_ms >= 1 && spec->max_time_ms <= TIME_MAX_MS,
	    "is from 1ms to 30d", err);
}
