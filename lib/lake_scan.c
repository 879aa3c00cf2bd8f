/*
 * All three things that are looked for have two bytes, at a fixed distance,
 * that are seldom seen so: the "kp" of "checkpoint", the backslash and the
 * first '0' of "\u00", and the newline and the '_' of "\n{\"_id\":".  Whole
 * groups of bytes are asked for any of them at once, as vectors; only in a group
 * that has one is each byte looked at.
 */
#include "lake_scan.h"

#include "event.h"
#include "lake_flat.h"

#include <stdint.h>

#define GROUP 256
#define AHEAD 3 /* bytes looked at beyond a group */

/* Where there are no registers as wide, the compiler takes several. */
typedef unsigned char vector __attribute__((vector_size(32)));

/* Has the group at p a pair of bytes that is looked for? */
static inline __attribute__((always_inline)) bool
group_has(const char *p)
{
	vector at, by1, by2, by3, found = {0};
	uint64_t words[sizeof(found) / sizeof(uint64_t)];
	size_t i;

	for (i = 0; i < GROUP; i += sizeof(found)) {
		memcpy(&at, p + i, sizeof(at));
		memcpy(&by1, p + i + 1, sizeof(by1));
		memcpy(&by2, p + i + 2, sizeof(by2));
		memcpy(&by3, p + i + 3, sizeof(by3));
		found |= (vector)((at == 'k') & (by1 == 'p'));
		found |= (vector)((at == '\\') & (by2 == '0'));
		found |= (vector)((at == '\n') & (by3 == '_'));
	}
	memcpy(words, &found, sizeof(words));
	return (words[0] | words[1] | words[2] | words[3]) != 0;
}

typedef const char *skip_fn(const char *p, const char *end);

/* Past the groups that have nothing. */
static const char *
skip_plain(const char *p, const char *end)
{
	while (end - p >= GROUP + AHEAD && !group_has(p))
		p += GROUP;
	return p;
}

static skip_fn *skip = skip_plain;

#ifdef __x86_64__
__attribute__((target("avx2"))) static const char *
skip_avx2(const char *p, const char *end)
{
	while (end - p >= GROUP + AHEAD && !group_has(p))
		p += GROUP;
	return p;
}

/* Before main(), so that no thread sees it change. */
__attribute__((constructor)) static void
choose(void)
{
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
		skip = skip_avx2;
}
#endif

/* Does what is at p, in these bytes, have its line looked at? */
static bool
is_cause(const char *p, struct dl_span in)
{
	static const char type[] = DL_TYPE_CHECKPOINT;
	size_t before = (size_t)(p - in.p), after = in.len - before;
	size_t k = sizeof("dl.chec") - 1;

	switch (*p) {
	case 'k':
		return before >= k && after >= sizeof(type) - 1 - k &&
		       memcmp(p - k, type, sizeof(type) - 1) == 0;
	case '\\':
		return after > 4 && memcmp(p, "\\u00", 4) == 0 && p[4] >= '0' &&
		       p[4] <= '7';
	case '\n':
		return dl_lake_is_flat(dl_span(p + 1, after - 1));
	}
	return false;
}

/* The line that p is in; of a newline, the one after it. */
static struct dl_span
line_at(const char *p, struct dl_span in)
{
	const char *from = in.p, *end, *nl;

	if (*p == '\n')
		from = p + 1;
	else if (p > in.p &&
		 (nl = memrchr(in.p, '\n', (size_t)(p - in.p))) != NULL)
		from = nl + 1;
	end = memchr(from, '\n', (size_t)(in.p + in.len - from));
	return dl_span(from, (size_t)(end - from));
}

bool
dl_lake_scan(struct dl_span lines, struct dl_span *line)
{
	const char *p = lines.p, *end = p + lines.len, *stop;

	if (dl_lake_is_flat(lines)) {
		*line = line_at(p, lines);
		return true;
	}
	while ((p = skip(p, end)) < end) {
		stop = end - p < GROUP ? end : p + GROUP;
		for (; p < stop; p++)
			if (is_cause(p, lines)) {
				*line = line_at(p, lines);
				return true;
			}
	}
	return false;
}
