/*
 * The small XML documents that S3 answers with, by expat: each element that has
 * no others in it is told with its path and its text.
 *
 * The bytes are foreign.  A document with a declaration of its own (DOCTYPE,
 * and with it entities), with more than DL_S3_XML_DEPTH elements in each other,
 * or with a name or a text longer than the limits below, is refused.  Memory is
 * bounded by the document's own length.  Attributes and prefixes of names are
 * left out.
 */
#ifndef DL_S3_XML_H
#define DL_S3_XML_H

#include "err.h"
#include "span.h"

#define DL_S3_XML_DEPTH 8
#define DL_S3_XML_PATH 256        /* bytes of a path */
#define DL_S3_XML_TEXT (16 << 10) /* bytes of an element's text */

/*
 * Told of an element when it ends: "ListBucketResult/Contents/Key".  text has
 * no white space at its ends, is NUL-terminated, and valid during the call; of
 * an element that has others in it, it is absent.  -1 (with err) ends it.
 */
typedef int dl_s3_xml_fn(
    void *arg, const char *path, struct dl_span text, struct dl_err *err);

/* DL_EXIT_DATA: "is no XML ...", without saying what. */
int dl_s3_xml_parse(
    struct dl_span bytes, dl_s3_xml_fn *fn, void *arg, struct dl_err *err);

#endif
