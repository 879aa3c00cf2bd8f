/*
 * Keys, and sealing by them: XChaCha20-Poly1305 of libsodium.
 *
 * A master key opens everything; the key of a group is derived from it
 * (BLAKE2b, keyed by the master, of the group's name), and from a group's key
 * neither the master nor another group's key can be found.  Only group keys
 * seal.
 *
 * A key is in memory of dl_seal_alloc(): locked where the system lets us, with
 * guards around it, and wiped by dl_seal_free().  No error names what a key or
 * a value is.
 */
#ifndef DL_SEAL_H
#define DL_SEAL_H

#include "err.h"
#include "span.h"

#define DL_SEAL_KEY 32      /* bytes of a key */
#define DL_SEAL_ID 16       /* of its id, which tells nothing of it */
#define DL_SEAL_OVERHEAD 40 /* a nonce before what is sealed, a tag after it */
#define DL_SEAL_GROUP 65    /* a group's name with its NUL */
#define DL_SEAL_TEXT 160    /* a key as text, with newline and NUL */

struct dl_seal_key {
	unsigned char bytes[DL_SEAL_KEY];
	unsigned char id[DL_SEAL_ID];
	char group[DL_SEAL_GROUP]; /* "": a master key */
};

/*
 * Before anything else: libsodium is made ready, and this process, like those
 * that it starts, leaves no core.
 */
int dl_seal_start(struct dl_err *err);

/* Memory for what nobody may see; NULL where there is none (see err). */
void *dl_seal_alloc(size_t n, struct dl_err *err);
void dl_seal_free(void *p); /* NULL does nothing */
void dl_seal_wipe(void *p, size_t n);

/* A new master key, of random bytes. */
void dl_seal_key_new(struct dl_seal_key *key);

/*
 * The key of a group (a name, see home.h) from the master's; a group's key
 * gives itself, and for any other group DL_EXIT_DENIED.
 */
int dl_seal_key_derive(const struct dl_seal_key *from, const char *group,
    struct dl_seal_key *key, struct dl_err *err);

/*
 * A key as a line of text: "dl-key:1:master:HEX" or "dl-key:1:group:NAME:HEX".
 * Printing appends a newline and returns the length; parsing takes a line with
 * or without it.  What is no key is DL_EXIT_DATA.
 */
size_t dl_seal_key_print(const struct dl_seal_key *key, char out[DL_SEAL_TEXT]);
int dl_seal_key_parse(
    struct dl_span text, struct dl_seal_key *key, struct dl_err *err);

/*
 * Seal plain into out (plain.len + DL_SEAL_OVERHEAD bytes): nobody without the
 * key can read it, nor change it or with (which is not stored) unnoticed.
 */
void dl_seal(const struct dl_seal_key *key, struct dl_span with,
    struct dl_span plain, unsigned char *out);

/*
 * Open into out (sealed.len - DL_SEAL_OVERHEAD bytes): false, with nothing of
 * it in out, where sealed, with or the key is not what it was.
 */
bool dl_unseal(const struct dl_seal_key *key, struct dl_span with,
    struct dl_span sealed, unsigned char *out);

#endif
