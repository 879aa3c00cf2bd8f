#include "io.h"
#include "seal_key.h"
#include "secret_private.h"

#include <stdio.h>
#include <unistd.h>

/*
 * Seal one by the new key, also where it is: that it can be opened matters,
 * since what can't must stop us while there are both keys.
 */
static int
seal_anew(void *arg, const char *group, const char *name, struct dl_err *err)
{
	struct dl_secrets *s = arg;
	struct dl_secret_box box = {.bytes = NULL};
	const struct dl_seal_key *key;
	int r = dl_secret_read(s, group, name, &box, err);

	if (r > 0) {
		key = dl_secrets_group(s, DL_SECRET_KEYS - 1, group, err);
		r = key == NULL ? -1
		                : dl_secrets_write(s, key, name, &box, err);
	}
	dl_secret_box_release(&box);
	return r < 0 ? -1 : 0;
}

static int
rotate(struct dl_secrets *s, struct dl_err *err)
{
	if (dl_secrets_need(s, err) < 0)
		return -1;
	if (s->keys[0].group[0] != '\0')
		return dl_err_denied(err,
		    "'%s' is the key of group '%s': only the master key is "
		    "rotated",
		    s->key, s->keys[0].group);
	if (s->nkeys < DL_SECRET_KEYS) {
		dl_seal_key_new(&s->keys[1]);
		if (dl_seal_key_make(s->next, &s->keys[1], err) < 0)
			return -1;
		s->nkeys = DL_SECRET_KEYS;
	} else if (dl_sync_parent(s->next, err) < 0) {
		/* Who made it may have been killed before that. */
		return -1;
	}
	if (dl_secret_each(s, NULL, seal_anew, s, err) < 0)
		return -1;
	/* The old key ends here, and nothing is left that needs it. */
	if (rename(s->next, s->key) < 0)
		return dl_err_errno(
		    err, "cannot rename '%s' to '%s'", s->next, s->key);
	return dl_sync_parent(s->key, err);
}

int
dl_secret_rotate(struct dl_secrets *s, struct dl_err *err)
{
	int lock, r;

	if (s->command != NULL)
		return dl_err_usage(err,
		    "the new key needs a place: rotate with --key, not with "
		    "--key-command");
	if ((lock = dl_secrets_lock(s, err)) < 0)
		return -1;
	r = rotate(s, err);
	close(lock);
	return r;
}
