/*
 * What is on disk when the power fails: the model.
 *
 * An image is a directory beside the tree that is watched, never in it:
 *
 *	file/ID   the bytes of a file as of its last sync
 *	dir/ID    the names in a directory as of its last sync: lines "f ID NAME"
 *	          and "d ID NAME"
 *	lock      held while the image is changed
 *
 * As POSIX has it, a sync of a file makes its bytes durable and not its name, a
 * sync of a directory the names in it and not their bytes.  What was never
 * synced is not there: a file without an image is empty, a directory without
 * one has no names.
 *
 * An ID is that of the inode and of its generation, since numbers are used
 * again.  Every change of the image is one rename, so that a process killed in
 * the middle of a sync, which never returned, leaves what was durable before.
 * Functions return 0, or -1 with errno.
 */
#ifndef DL_FAULT_IMAGE_H
#define DL_FAULT_IMAGE_H

#include <sys/types.h>

#define IMAGE_ID 64

/* The ID of name in the directory dir, or of dir itself if name is "". */
int image_id(int dir, const char *name, char id[IMAGE_ID]);

/* What fd has now, file or directory, is durable. */
int image_sync(const char *image, int fd);

/* These bytes of the file are durable, and no others. */
int image_patch(const char *image, int fd, off_t at, size_t n);

#endif
