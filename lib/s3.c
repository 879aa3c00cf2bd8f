#include "s3_private.h"

#include "seal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static const char *
first(const char *a, const char *b)
{
	return a != NULL && *a != '\0' ? a : b;
}

static int
find_ca(struct dl_s3 *s, struct dl_err *err)
{
	const char *ca =
	    first(s->o.ca, dl_s3_cred_setting(s->cred, "ca_bundle"));

	if (ca == NULL || *ca == '\0')
		return 0;
	if (access(ca, R_OK) < 0)
		return dl_err_conf(err, "cannot open the CA's file '%s': %s",
		    ca, strerror(errno));
	s->ca = dl_strdup(ca);
	return 0;
}

static int
find_style(struct dl_s3 *s, enum dl_s3_style *style, struct dl_err *err)
{
	const char *text = dl_s3_cred_setting(s->cred, "addressing_style");

	*style = s->o.style;
	if (*style != DL_S3_STYLE_AUTO || text == NULL ||
	    strcmp(text, "auto") == 0)
		return 0;
	if (strcmp(text, "path") == 0)
		*style = DL_S3_STYLE_PATH;
	else if (strcmp(text, "virtual") == 0)
		*style = DL_S3_STYLE_VIRTUAL;
	else
		return dl_err_conf(err,
		    "'addressing_style' of the profile is '%.40s': it has to "
		    "be path, virtual or auto",
		    text);
	return 0;
}

/* What would change a header into something else. */
static int
check_texts(const struct dl_s3_options *o, struct dl_err *err)
{
	const char *const v[] = {
	    o->sse, o->sse_key_id, o->storage_class, o->tags};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		for (const char *p = v[i]; p != NULL && *p != '\0'; p++)
			if ((unsigned char)*p <= ' ' || *p >= 127)
				return dl_err_conf(err,
				    "'%.60s' has characters in it that can't "
				    "be in a header",
				    v[i]);
	if (o->sse != NULL && strcmp(o->sse, "AES256") != 0 &&
	    strncmp(o->sse, "aws:kms", 7) != 0)
		return dl_err_conf(err,
		    "'%.60s' is no encryption of S3: AES256 or aws:kms",
		    o->sse);
	if (o->sse_key_id != NULL &&
	    (o->sse == NULL || strncmp(o->sse, "aws:kms", 7) != 0))
		return dl_err_conf(
		    err, "a key's id is for the encryption aws:kms alone");
	return 0;
}

static int
configure(struct dl_s3 *s, const char *address, struct dl_err *err)
{
	const struct dl_s3_cred_options cred = {.reference = s->o.credentials,
	    .profile = s->o.profile,
	    .home = s->o.home,
	    .region = s->o.region,
	    .ca = s->o.ca,
	    .stop = s->o.stop};
	enum dl_s3_style style;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return dl_err_temp(err, "libcurl cannot start");
	if (dl_s3_url_address(s, address, err) < 0 ||
	    check_texts(&s->o, err) < 0 || dl_seal_start(err) < 0 ||
	    (s->cred = dl_s3_cred_new(&cred, err)) == NULL)
		return -1;
	s->region = dl_strdup(first(s->o.region,
	    first(dl_s3_cred_setting(s->cred, "region"), "us-east-1")));
	if (find_ca(s, err) < 0 || find_style(s, &style, err) < 0)
		return -1;
	return dl_s3_url_endpoint(s,
	    first(s->o.endpoint,
		first(dl_s3_cred_setting(s->cred, "endpoint_url"), NULL)),
	    style, err);
}

struct dl_s3 *
dl_s3_new(const char *address, const struct dl_s3_options *options,
    struct dl_err *err)
{
	struct dl_s3 *s = dl_calloc(1, sizeof(*s));

	s->o = *options;
	if (s->o.give_up_ms <= 0)
		s->o.give_up_ms = DL_S3_GIVE_UP_MS;
	pthread_mutex_init(&s->lock, NULL);
	if (configure(s, address, err) == 0)
		return s;
	dl_s3_free(s);
	return NULL;
}

void
dl_s3_free(struct dl_s3 *s)
{
	struct dl_s3_link *l;

	if (s == NULL)
		return;
	while ((l = s->idle) != NULL) {
		s->idle = *dl_s3_link_next(l);
		dl_s3_link_free(l);
	}
	dl_sigv4_free(s->signer);
	dl_s3_cred_free(s->cred);
	pthread_mutex_destroy(&s->lock);
	free(s->bucket);
	free(s->prefix);
	free(s->name);
	free(s->endpoint);
	free(s->host);
	free(s->base);
	free(s->region);
	free(s->ca);
	free(s);
}

const char *
dl_s3_name(const struct dl_s3 *s)
{
	return s->name;
}

const char *
dl_s3_endpoint(const struct dl_s3 *s)
{
	return s->endpoint;
}
