/*
 * Elements of one list inside a JSON document that never needs to be whole in
 * memory: bytes in, in chunks of any size; one call for every element.
 *
 * The list is found by a path of names (none: the document itself is the list
 * or, where it isn't an array, the one element).  Memory is one element (at
 * most max_bytes, or 64 KiB if that is more) and the nesting.  The whole
 * document is checked on its way: what surrounds the elements as strictly as
 * dl_json_check does (but of names, only those of the path are an error when
 * they are there twice), each element by dl_json_check when it is complete,
 * with a depth of its own.  An element that is too long or not valid does not
 * end the document as long as its end can be told: it is handed out with the
 * failure.  Where it can't be, the stream fails, and stays so.
 */
#ifndef DL_JSON_STREAM_H
#define DL_JSON_STREAM_H

#include "json.h"

/*
 * item: compact or not, as it came, without white space around it; valid
 * during the call.  bad is NULL for a good element; otherwise item holds the
 * first bytes of a wrong one (at most 64 KiB), total how long it was.  bad says
 * which element it is and at which byte of the document (from 1) it begins;
 * other byte numbers in it are those of the element.
 * Return -1 (and fill err) to stop.
 */
typedef int dl_json_item_fn(void *arg, struct dl_span item, size_t total,
    const struct dl_err *bad, struct dl_err *err);

struct dl_json_stream;

/* path: names, decoded, copied.  max_bytes: the longest element. */
struct dl_json_stream *dl_json_stream_new(const struct dl_span *path,
    size_t npath, size_t max_bytes, dl_json_item_fn *fn, void *arg);

/* Feed n bytes.  A byte order mark at the very start is passed over. */
int dl_json_stream_feed(
    struct dl_json_stream *s, const char *p, size_t n, struct dl_err *err);

/*
 * The document has ended.  It is an error if it was not complete, was empty, or
 * if the path led nowhere: the message says how far it led.
 */
int dl_json_stream_end(struct dl_json_stream *s, struct dl_err *err);

/*
 * After dl_json_stream_end(): was the document whole, or was it cut off?  What
 * isn't JSON from its first byte is whole.
 */
bool dl_json_stream_whole(const struct dl_json_stream *s);

void dl_json_stream_free(struct dl_json_stream *s);

#endif
