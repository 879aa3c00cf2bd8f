#include "when.h"

#include "num.h"

#include <stdio.h>

#define DAY 10    /* bytes of 2026-11-01 */
#define MINUTE 16 /* bytes of 2026-11-01T00:00 */

static bool
parse_time(const char *text, struct dl_time *t)
{
	struct dl_err ignored = {0};
	char full[64];

	if (strlen(text) >= sizeof(full) - 8)
		return false;
	if (dl_time_parse(dl_span_str(text), t, &ignored) == 0)
		return true;
	if (strlen(text) == DAY)
		snprintf(full, sizeof(full), "%sT00:00:00Z", text);
	else if (strlen(text) > MINUTE)
		snprintf(full, sizeof(full), "%.*s:00%s", MINUTE, text,
		    text + MINUTE);
	else
		return false;
	return dl_time_parse(dl_span_str(full), t, &ignored) == 0;
}

int
dl_when_parse(const char *text, struct dl_time *t, struct dl_err *err)
{
	struct dl_err ignored = {0};
	int64_t ms;

	if (parse_time(text, t))
		return 0;
	if (dl_num_duration(dl_span_str(text), &ms, &ignored) < 0)
		return dl_err_usage(err,
		    "'%s' is not a time (2018-02-07, 2018-02-07T01:26:13Z, or "
		    "how long ago: 2h)",
		    text);
	dl_now(t);
	t->sec -= ms / 1000;
	t->nsec -= (int32_t)(ms % 1000) * 1000000;
	if (t->nsec < 0) {
		t->nsec += 1000000000;
		t->sec--;
	}
	return 0;
}
