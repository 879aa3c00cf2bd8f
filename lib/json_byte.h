/*
 * Kinds of bytes in JSON, and what the scanner, the validator and the stream
 * share of going from one to the next.
 */
#ifndef DL_JSON_BYTE_H
#define DL_JSON_BYTE_H

#include "json_step.h"

#include <stdbool.h>

static inline bool
dl_json_is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline bool
dl_json_is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

/*
 * Does c end a number or a literal?  What structure is made of does, and
 * everything up to '"', since none of that is in one.
 */
static inline bool
dl_json_ends_scalar(char c)
{
	return (unsigned char)c <= '"' || c == ',' || c == ':' ||
	       (c | 0x20) == '{' || (c | 0x20) == '}';
}

/* The first byte that is not white space, or end. */
static inline const char *
dl_json_past_space(const char *p, const char *end)
{
	while (p < end && dl_json_is_space(*p))
		p++;
	return p;
}

/* The first byte that ends a number or a literal, or end. */
static inline const char *
dl_json_past_scalar(const char *p, const char *end)
{
	size_t i;

	while (end - p >= DL_STEP) {
		if ((i = dl_step_scalar(p)) < DL_STEP)
			return p + i;
		p += DL_STEP;
	}
	while (p < end && !dl_json_ends_scalar(*p))
		p++;
	return p;
}

/* The first byte of a string that is not plain ASCII text, or end. */
static inline const char *
dl_json_past_text(const char *p, const char *end)
{
	size_t i;

	while (end - p >= DL_STEP) {
		if ((i = dl_step_text(p)) < DL_STEP)
			return p + i;
		p += DL_STEP;
	}
	while (p < end && (unsigned char)(*p - 0x20) < 0x60 && *p != '"' &&
	       *p != '\\')
		p++;
	return p;
}

#endif
