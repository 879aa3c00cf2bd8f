/*
 * Which names came after which: records of one kind have the same ones in the
 * same order, so that the next name can be guessed.  A guess that is right
 * spares the search for the name's end, and its hash: what it takes to wait for
 * them is most of what a short name costs.
 *
 * A guess is compared with the whole name and its quote.  What is remembered is
 * never an answer of its own: whatever is in here, the answers are the same.
 */
#ifndef DL_JSON_MEMO_H
#define DL_JSON_MEMO_H

#include "json_word.h"

#include <stddef.h>

#define DL_JSON_MEMO_BITS 9  /* 512 names, after others */
#define DL_JSON_MEMO_NAME 15 /* bytes of the longest */
#define DL_JSON_MEMO_READ 16 /* bytes that a guess reads */

struct dl_json_memo {
	unsigned last; /* the name before the next one */
	struct dl_json_guess {
		uint64_t word[2]; /* the name and its quote, then 0 */
		uint64_t mask[2]; /* what counts of them */
		uint32_t hash;    /* 0: nothing is remembered here */
		uint16_t next;    /* what came after it */
		uint16_t len;
	} guess[1 << DL_JSON_MEMO_BITS];
};

/* The name at p if it is the one that is expected, or NULL. */
static inline const struct dl_json_guess *
dl_json_memo_guess(struct dl_json_memo *m, const char *p)
{
	unsigned next = m->guess[m->last].next;
	const struct dl_json_guess *g = &m->guess[next];
	uint64_t low = (dl_word_load(p) ^ g->word[0]) & g->mask[0];
	uint64_t high = (dl_word_load(p + 8) ^ g->word[1]) & g->mask[1];

	if ((low | high) != 0 || g->hash == 0)
		return NULL;
	m->last = next;
	return g;
}

/*
 * The name that came instead: len bytes at p, and its quote, with no escape
 * among them.  DL_JSON_MEMO_READ bytes can be read at p.
 */
static inline void
dl_json_memo_learn(
    struct dl_json_memo *m, const char *p, size_t len, uint32_t hash)
{
	uint32_t place = (hash ^ m->last * 0x9e3779b9u) * 0x85ebca6bu;
	unsigned at = place >> (32 - DL_JSON_MEMO_BITS);
	struct dl_json_guess *g = &m->guess[at];
	size_t low = len < 8 ? len + 1 : 8;

	if (len > DL_JSON_MEMO_NAME)
		return;
	m->guess[m->last].next = (uint16_t)at;
	m->last = at;
	if (g->hash == hash)
		return;
	g->mask[0] = UINT64_MAX >> (64 - 8 * low);
	g->mask[1] = len < 8 ? 0 : UINT64_MAX >> (8 * (15 - len));
	g->word[0] = dl_word_load(p) & g->mask[0];
	g->word[1] = dl_word_load(p + 8) & g->mask[1];
	g->hash = hash;
	g->len = (uint16_t)len;
}

#endif
