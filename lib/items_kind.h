/*
 * One format of items: what items.c asks of each; nobody else includes it.
 *
 * A reader takes documents, one after another.  fn is called as dl_items_fn
 * says.  Bytes come without a byte order mark.
 */
#ifndef DL_ITEMS_KIND_H
#define DL_ITEMS_KIND_H

#include "items.h"

struct dl_items_kind {
	/* o and what it points to are borrowed.  NULL: DL_EXIT_CONF. */
	void *(*open)(const struct dl_items_options *o, dl_items_fn *fn,
	    void *arg, struct dl_err *err);
	void (*start)(void *reader);
	int (*feed)(void *reader, const char *p, size_t n, struct dl_err *err);
	int (*end)(void *reader, struct dl_err *err);
	bool (*cut_off)(const void *reader); /* NULL: it can't be told */
	/* Of sse alone, as items.h says; NULL elsewhere. */
	struct dl_span (*last_id)(const void *reader);
	void (*resume)(void *reader, struct dl_span id);
	int64_t (*retry_ms)(const void *reader);
	void (*close)(void *reader);
};

extern const struct dl_items_kind dl_items_kind_ndjson, dl_items_kind_csv,
    dl_items_kind_tsv, dl_items_kind_text, dl_items_kind_xml, dl_items_kind_sse,
    dl_items_kind_raw;

#endif
