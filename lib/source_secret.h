/*
 * What in a specification would be a secret written out, told by its look: so
 * that it can be refused before it is kept in files, backups and a history of
 * versions.  It can't know every name; what it knows is no accident.
 */
#ifndef DL_SOURCE_SECRET_H
#define DL_SOURCE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Does a header of this name prove who asks?  Authorization, X-Api-Key ... */
bool dl_source_secret_header(const char *name);

/*
 * Does a URL, or a command, have a password before its host, or a parameter
 * that proves who asks (api_key, token ...)?  NULL, or which: "a password".
 */
const char *dl_source_secret_url(const char *url);

/* The same of a proxy's, which needs no scheme: USER:PASSWORD@HOST. */
bool dl_source_secret_proxy(const char *proxy);

/* Is a value a name in braces (template.h) and nothing else, {page}? */
bool dl_source_secret_place(const char *value, size_t n);

#endif
