/*
 * The two files in which AWS's tools keep what is configured, INI files:
 *
 *	credentials   $AWS_SHARED_CREDENTIALS_FILE, or ~/.aws/credentials:
 *	              [NAME] is a profile
 *	config        $AWS_CONFIG_FILE, or ~/.aws/config: [default] and
 *	              [profile NAME] are profiles, [services NAME] is what
 *	              profiles refer to; other sections are passed over
 *
 * A section has lines "name = value"; names are taken in lower case.  Where a
 * value is empty, the lines after it that are indented further are settings of
 * its own: "s3 =", "  addressing_style = path" is "s3.addressing_style" here.
 * Lines that begin with '#' or ';' are comments, and what is after white space
 * and one of them.  A section may come again: of two values the later one
 * counts.
 *
 * A file that is not there is as an empty one.  Its bytes stay in memory for
 * secrets, and messages say the file and the line, never what is in it but for
 * names of settings and profiles.
 */
#ifndef DL_S3_PROFILE_H
#define DL_S3_PROFILE_H

#include "err.h"

#include <stdbool.h>

#define DL_S3_PROFILE_MAX (256 << 10) /* bytes of a file */

enum dl_s3_profile_file { DL_S3_CREDENTIALS, DL_S3_CONFIG };

struct dl_s3_setting {
	const char *value;
	const char *path; /* of the file, for messages */
	unsigned line;
};

struct dl_s3_profiles;

/* Read both files.  DL_EXIT_CONF: what is in them can't be understood. */
struct dl_s3_profiles *dl_s3_profiles_read(struct dl_err *err);
void dl_s3_profiles_free(struct dl_s3_profiles *p); /* NULL does nothing */

const char *dl_s3_profiles_path(
    const struct dl_s3_profiles *p, enum dl_s3_profile_file file);

/* Is there a profile of this name, in one of the files? */
bool dl_s3_profile_has(const struct dl_s3_profiles *p, const char *name);

/*
 * Does config have a section [NAME] that no tool takes for a profile, since it
 * has to be [profile NAME] there?  Its line, or 0.
 */
unsigned dl_s3_profile_bare(const struct dl_s3_profiles *p, const char *name);

/*
 * A profile's setting, if it is there and not empty; key is "name" or
 * "outer.name".  What is set lives as long as p.
 */
bool dl_s3_profile_in(const struct dl_s3_profiles *p,
    enum dl_s3_profile_file file, const char *name, const char *key,
    struct dl_s3_setting *s);

/* The same of credentials, or else of config. */
bool dl_s3_profile_get(const struct dl_s3_profiles *p, const char *name,
    const char *key, struct dl_s3_setting *s);

/* The same of [services NAME]. */
bool dl_s3_profile_service(const struct dl_s3_profiles *p, const char *name,
    const char *key, struct dl_s3_setting *s);

#endif
