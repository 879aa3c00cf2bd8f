#include "lake_expire.h"

#include "num.h"

#define DAY 86400
#define HOUR 3600

/* Rules */

static struct dl_span
trim(struct dl_span s)
{
	while (s.len > 0 && (*s.p == ' ' || *s.p == '\t' || *s.p == '\n')) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && strchr(" \t\n", s.p[s.len - 1]) != NULL)
		s.len--;
	return s;
}

static int
parse_rule(struct dl_span text, struct dl_lake_keep *keep, struct dl_err *err)
{
	const char *colon = memchr(text.p, ':', text.len);
	struct dl_span duration = text;
	struct dl_err why = {0};

	if (colon != NULL) {
		keep->zone = trim(dl_span(text.p, (size_t)(colon - text.p)));
		duration =
		    dl_span(colon + 1, text.len - (size_t)(colon - text.p) - 1);
	}
	if ((colon != NULL && keep->zone.len == 0) ||
	    dl_num_duration(trim(duration), &keep->ms, &why) < 0 ||
	    keep->ms == 0)
		return dl_err_usage(err,
		    "expected a duration (90d), or zones and durations (raw: "
		    "90d, clean: 2y), not '%.*s'",
		    text.len > 200 ? 200 : (int)text.len, text.p);
	return 0;
}

int
dl_lake_keeps_parse(
    const char *text, struct dl_lake_keeps *k, struct dl_err *err)
{
	const char *end;
	size_t i;

	for (;; text = end + 1) {
		struct dl_lake_keep keep = {.ms = 0};

		end = strchrnul(text, ',');
		if (k->n == DL_LAKE_KEEPS)
			return dl_err_usage(
			    err, "more than %d zones expire", DL_LAKE_KEEPS);
		if (parse_rule(trim(dl_span(text, (size_t)(end - text))), &keep,
			err) < 0)
			return -1;
		for (i = 0; i < k->n; i++)
			if (dl_span_eq(k->all[i].zone, keep.zone))
				return dl_err_usage(err,
				    "'%.*s' is there twice",
				    DL_SPAN_ARG(keep.zone));
		k->all[k->n++] = keep;
		if (*end == '\0')
			return 0;
	}
}

/* The last component of an address. */
static struct dl_span
zone_of(const char *address)
{
	struct dl_span s = dl_span_str(address);
	const char *slash;

	while (s.len > 0 && s.p[s.len - 1] == '/')
		s.len--;
	slash = memrchr(s.p, '/', s.len);
	return slash == NULL
	           ? s
	           : dl_span(slash + 1, s.len - (size_t)(slash + 1 - s.p));
}

bool
dl_lake_keeps_find(struct dl_lake_keeps *k, const char *address, int64_t *ms)
{
	struct dl_span zone = zone_of(address);
	struct dl_lake_keep *best = NULL, *keep;

	for (keep = k->all; keep < k->all + k->n; keep++)
		if (dl_span_eq(keep->zone, zone) ||
		    (keep->zone.p == NULL && best == NULL))
			best = keep;
	if (best == NULL)
		return false;
	best->used = true;
	*ms = best->ms;
	return true;
}

int
dl_lake_keeps_check(const struct dl_lake_keeps *k, struct dl_err *err)
{
	size_t i;

	for (i = 0; i < k->n; i++)
		if (k->all[i].zone.p != NULL && !k->all[i].used)
			return dl_err_usage(err,
			    "'%.*s' expires, and is none of the lakes given",
			    DL_SPAN_ARG(k->all[i].zone));
	return 0;
}

/* Parts */

static bool
digits(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return true;
}

/*
 * When the day or the hour ends that a path tells, if it tells one: by the last
 * dt= in it, and an hour= after that.
 */
static bool
end_of(const char *path, int64_t *end)
{
	struct dl_err ignored = {0};
	struct dl_time day;
	bool has_day = false;
	char text[32];
	const char *p;
	int hour;

	for (p = path; p != NULL;
	     p = strchr(p, '/'), p = p == NULL ? NULL : p + 1) {
		size_t len = strcspn(p, "/");

		if (len == 13 && strncmp(p, "dt=", 3) == 0) {
			memcpy(text, p + 3, 10);
			memcpy(text + 10, "T00:00:00Z", 10);
			has_day = dl_time_parse(
				      dl_span(text, 20), &day, &ignored) == 0;
			*end = day.sec + DAY;
		} else if (has_day && len == 7 && strncmp(p, "hour=", 5) == 0 &&
			   digits(p + 5, 2)) {
			hour = (p[5] - '0') * 10 + (p[6] - '0');
			*end = day.sec + (hour < 24 ? (hour + 1) * HOUR : DAY);
		}
	}
	return has_day;
}

bool
dl_lake_is_before(const struct dl_lake_item *item, const struct dl_time *t)
{
	int64_t end;

	const struct dl_lake_entry *e = item->entry;

	if (e != NULL && e->timed && dl_time_cmp(&e->last, t) >= 0)
		return false;
	if (e != NULL && e->timed && e->untimed == 0)
		return true;
	return end_of(item->part, &end) && end <= t->sec;
}
