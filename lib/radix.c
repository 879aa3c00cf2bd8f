#include "radix.h"

#include <string.h>

#define FEW 32 /* fewer are sorted faster by insertion */

static void
insertion(struct dl_radix *items, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct dl_radix item = items[i];
		size_t j = i;

		for (; j > 0 && items[j - 1].key > item.key; j--)
			items[j] = items[j - 1];
		items[j] = item;
	}
}

/* Distribute by the byte at shift. */
static void
pass(const struct dl_radix *from, struct dl_radix *to, size_t n, int shift)
{
	size_t at[256] = {0}, sum = 0;

	for (size_t i = 0; i < n; i++)
		at[(from[i].key >> shift) & 0xff]++;
	for (size_t b = 0; b < 256; b++) {
		size_t count = at[b];

		at[b] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++)
		to[at[(from[i].key >> shift) & 0xff]++] = from[i];
}

void
dl_radix_sort(struct dl_radix *items, struct dl_radix *spare, size_t n)
{
	struct dl_radix *from = items, *to = spare, *swap;
	uint64_t differ = 0;

	if (n <= FEW) {
		insertion(items, n);
		return;
	}
	for (size_t i = 1; i < n; i++)
		differ |= items[i].key ^ items[0].key;
	for (int shift = 0; shift < 64; shift += 8) {
		if (((differ >> shift) & 0xff) == 0)
			continue;
		pass(from, to, n, shift);
		swap = from;
		from = to;
		to = swap;
	}
	if (from != items)
		memcpy(items, from, n * sizeof(*items));
}
