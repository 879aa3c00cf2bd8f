/*
 * Compressed records: how the parts of a lake are packed and read again.
 *
 * Packing makes whole frames (gzip: members), one after another in a file,
 * which every reader of these formats takes as one stream.  So one compressor
 * serves any number of open parts, and what it costs is memory once.
 *
 * Unpacking streams: memory is 2 MiB, the decoder's window (at most 128 MiB,
 * where a foreign file asks for it; none for ours) and the longest line, whatever
 * a file unfolds to.
 */
#ifndef DL_CODEC_H
#define DL_CODEC_H

#include "buf.h"
#include "err.h"
#include "span.h"

#include <stdint.h>

enum dl_codec_kind { DL_CODEC_NONE, DL_CODEC_GZIP, DL_CODEC_ZSTD };

struct dl_codec {
	enum dl_codec_kind kind;
	int level;
};

/* "zstd", "gzip", "none", or with a level: "zstd:9", "gzip:1". */
int dl_codec_parse(const char *text, struct dl_codec *c, struct dl_err *err);

/* How names of packed NDJSON end: ".ndjson.zst", ".ndjson.gz", ".ndjson". */
const char *dl_codec_suffix(enum dl_codec_kind kind);

/* The codec that a file's name tells; false if it is none of these. */
bool dl_codec_of_name(struct dl_span name, enum dl_codec_kind *kind);

struct dl_packer;

struct dl_packer *dl_packer_new(const struct dl_codec *c, struct dl_err *err);
void dl_packer_free(struct dl_packer *p);

/*
 * Make one frame: begin with the bytes it will hold, then add exactly those,
 * in pieces; what is packed is appended to out, whole after the last piece.
 */
int dl_packer_begin(struct dl_packer *p, size_t total, struct dl_err *err);
int dl_packer_add(struct dl_packer *p, struct dl_span piece, bool last,
    struct dl_buf *out, struct dl_err *err);

struct dl_unpack;

/* Owns neither fd nor name, which must stay until free. */
struct dl_unpack *dl_unpack_new(
    int fd, const char *name, enum dl_codec_kind kind, struct dl_err *err);
void dl_unpack_free(struct dl_unpack *u);

/*
 * The next lines, as many as are there, each with its newline: 1, 0 at the end,
 * -1.  They are valid until the next call, and DL_LINE_PAD bytes after them may
 * be read.  Broken or truncated bytes, a line over DL_LINE_MAX and a torn last
 * line are DL_EXIT_DATA, and the message names the file and the byte of it (as
 * it is stored) at which they were met.
 */
int dl_unpack_lines(
    struct dl_unpack *u, struct dl_span *lines, struct dl_err *err);

/* The next line alone, without its newline; otherwise the same. */
int dl_unpack_line(
    struct dl_unpack *u, struct dl_span *line, struct dl_err *err);

#endif
