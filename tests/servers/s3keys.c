/*
 * s3keys [-p PROFILE] [-r REFERENCE] [-g REGION] WORD... - credentials for S3,
 * as lib/s3_cred finds them.
 *
 *	get          prints "KEY SECRET TOKEN GENERATION", or "STATUS MESSAGE"
 *	renew        those of the last get were refused: prints yes or no
 *	sh COMMAND   runs it
 */
#include "s3_cred.h"

#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
tell(const struct dl_err *err)
{
	printf("%d %s\n", (int)err->status, err->msg);
	return 1;
}

static int
get(struct dl_s3_cred *c, uint64_t *generation)
{
	struct dl_s3_keys k;
	struct dl_err err = {0};

	if (dl_s3_cred_get(c, &k, generation, &err) < 0)
		return tell(&err);
	printf("%s %s %s %" PRIu64 "\n", k.access_key, k.secret_key,
	    k.session_token == NULL ? "-" : k.session_token, *generation);
	return 0;
}

int
main(int argc, char *argv[])
{
	struct dl_s3_cred_options o = {.reference = NULL};
	struct dl_err err = {0};
	struct dl_s3_cred *c;
	uint64_t generation = 0;
	int opt, r = 0;

	while ((opt = getopt(argc, argv, "p:r:g:")) != -1)
		if (opt == 'p')
			o.profile = optarg;
		else if (opt == 'r')
			o.reference = optarg;
		else if (opt == 'g')
			o.region = optarg;
		else
			return 64;
	dl_log_init("s3keys", DL_LOG_DEBUG);
	if ((c = dl_s3_cred_new(&o, &err)) == NULL)
		return tell(&err);
	for (int i = optind; i < argc; i++) {
		if (strcmp(argv[i], "get") == 0)
			r = get(c, &generation);
		else if (strcmp(argv[i], "renew") == 0)
			puts(dl_s3_cred_renew(c, generation) ? "yes" : "no");
		else if (strcmp(argv[i], "sh") == 0 && i + 1 < argc)
			r = system(argv[++i]);
		fflush(stdout);
	}
	dl_s3_cred_free(c);
	return r;
}
