/* The escapes of JSON strings, for the validator and for the decoder. */
#ifndef DL_JSON_ESCAPE_H
#define DL_JSON_ESCAPE_H

#include <stdint.h>

/*
 * Past the escape whose backslash is at p < end, or NULL if it is not a whole,
 * known one; *code is its character.  A surrogate is one with its other half.
 */
const char *dl_json_escape(const char *p, const char *end, uint32_t *code);

/* What the escape \c stands for, for the eight short ones; -1 for others. */
int dl_json_escape_short(char c);

/* The value of a hexadecimal digit, or -1. */
int dl_json_hex(char c);

#endif
