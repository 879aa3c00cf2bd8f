#include "issue_private.h"

#include "hash.h"

uint64_t
dl_issue_who(const char *client, const char *address)
{
	uint64_t h = dl_hash_place(
	    dl_hash_pair(dl_span_str(client), dl_span_str(address)).lo);

	return h == 0 ? 1 : h;
}

/*
 * Each pair has one place, which another pair may take.  Who could push its own
 * failures out by others pays for each of those as much as for the next guess.
 */
static size_t
place(uint64_t who)
{
	return who % DL_ISSUE_SLOTS;
}

int
dl_issue_slow_wait(const struct dl_issue_slow *s, uint64_t who, int64_t now_ms)
{
	const struct dl_issue_slot *slot = &s->slot[place(who)];

	if (slot->who != who || slot->until_ms <= now_ms)
		return 0;
	return (int)((slot->until_ms - now_ms + 999) / 1000);
}

void
dl_issue_slow_failed(struct dl_issue_slow *s, uint64_t who, int64_t now_ms)
{
	struct dl_issue_slot *slot = &s->slot[place(who)];
	int more, delay_s;

	if (slot->who != who)
		*slot = (struct dl_issue_slot){.who = who};
	if (slot->failures < DL_ISSUE_FAILURES + 5)
		slot->failures++;
	more = slot->failures - DL_ISSUE_FAILURES;
	if (more < 0)
		return;
	delay_s = 1 << more;
	if (delay_s > DL_ISSUE_DELAY_MAX_S)
		delay_s = DL_ISSUE_DELAY_MAX_S;
	slot->until_ms = now_ms + (int64_t)delay_s * 1000;
}

void
dl_issue_slow_good(struct dl_issue_slow *s, uint64_t who)
{
	struct dl_issue_slot *slot = &s->slot[place(who)];

	if (slot->who == who)
		*slot = (struct dl_issue_slot){.who = 0};
}
