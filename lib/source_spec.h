/*
 * What a source is: the YAML of dl-source(5), or the same from options.
 */
#ifndef DL_SOURCE_SPEC_H
#define DL_SOURCE_SPEC_H

#include "auth.h"
#include "conf.h"
#include "err.h"
#include "fetch.h"
#include "items.h"
#include "source_cursor.h"
#include "source_pages.h"
#include "source_window.h"
#include "limits_spec.h"
#include "mqtt_spec.h"

#include <stdint.h>

struct dl_source_spec {
	const char *path; /* of the file, or NULL: it came from options */
	const char *name;
	const char *url; /* NULL: standard input */
	const char *items;
	const char *subject;
	const char *time;
	const char *time_format;
	const char *delimiter;
	const char **headers;      /* "Name: value", NULL-ended, or NULL */
	const char **ref_headers;  /* the same of references, or NULL */
	const char *method, *body; /* http; or NULL */
	struct dl_cursor_spec cursor;
	struct dl_window_spec window;
	struct dl_pages_spec pages;
	unsigned int names; /* of template.h, in url, body and headers */
	struct dl_auth_spec auth;
	struct dl_limits_spec limits;
	struct dl_mqtt_spec mqtt;
	struct dl_tls tls;
	const char *proxy;                 /* a URL, or NULL */
	const char *known_hosts, *ssh_key; /* sftp: paths, or NULL */
	bool stream;                       /* http: an answer without end */
	int format;                        /* enum dl_items_format */
	int unpack;                        /* enum dl_expand_kind */
	const char *encoding;              /* NULL: UTF-8 */
	const char *pattern;
	struct dl_column_rules columns;
	bool only_changed;
	int64_t every_ms;
	int64_t timeout_ms;
	int64_t retries;
	int64_t max_item;
	int64_t max_document;

	char *items_where; /* "quakes.yaml:4", for messages; never NULL */
	char *subject_where;
	char *time_where;
	char *pattern_where;

	/* private */
	size_t nref_headers;
	const struct dl_conf_node *header_map, *name_list, *type_map;
	const struct dl_conf_node *cursor_node, *window_node, *pages_map;
	const struct dl_conf_node *auth_map, *limits_map, *mqtt_map, *tls_map;
	int csv_types; /* 0: auto; 1: strings */
	struct dl_conf *conf;
};

/*
 * Load path.  with_url: an absent url is an error (otherwise it is not needed).
 * All pointers live until dl_source_spec_release(), which takes also what a
 * failed load has left.
 */
int dl_source_spec_load(struct dl_source_spec *s, const char *path,
    bool with_url, struct dl_err *err);

/* Start with the defaults, for a spec from options: ndjson, no URL. */
void dl_source_spec_init(struct dl_source_spec *s);

/* Set the format by its name: DL_EXIT_USAGE if there is none of that name. */
int dl_source_spec_format(
    struct dl_source_spec *s, const char *format, struct dl_err *err);

/* Check a spec that came from options: DL_EXIT_USAGE. */
int dl_source_spec_check(const struct dl_source_spec *s, struct dl_err *err);

/*
 * A hash of all that decides what an answer means, so that validators got by
 * another spec are not used.
 */
uint64_t dl_source_spec_hash(const struct dl_source_spec *s);

void dl_source_spec_release(struct dl_source_spec *s);

#endif
