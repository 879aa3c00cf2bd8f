/* The sections of a specification: mappings that a module each knows. */
#include "source_spec_private.h"

#include "secret_ref.h"
#include "source_secret.h"

static const struct dl_conf_field tls_fields[] = {
    {"ca", DL_CONF_STR, false, offsetof(struct dl_tls, ca), NULL},
    {"cert", DL_CONF_STR, false, offsetof(struct dl_tls, cert), NULL},
    {"key", DL_CONF_STR, false, offsetof(struct dl_tls, key), NULL},
    {"key_password", DL_CONF_STR, false, offsetof(struct dl_tls, key_password),
	NULL},
    {NULL, DL_CONF_STR, false, 0, NULL},
};

static int
take_tls(struct dl_source_spec *s, struct dl_err *err)
{
	const struct dl_conf_node *map = s->tls_map;
	struct dl_err why = {0};

	if (map == NULL)
		return 0;
	if (dl_conf_take(s->conf, map, "tls", tls_fields, &s->tls, err) < 0)
		return -1;
	if ((s->tls.cert == NULL) != (s->tls.key == NULL))
		return dl_conf_fail(s->conf, dl_conf_line(map), err,
		    "'cert' and 'key' of 'tls' belong together");
	if (s->tls.key_password != NULL &&
	    dl_secret_ref_check(s->tls.key_password, &why) < 0)
		return dl_conf_fail(s->conf,
		    dl_conf_line_of(map, "key_password"), err,
		    "'key_password' %s", why.msg);
	return 0;
}

/* Its server is asked by a body: nothing in the URL has to prove anything. */
static int
check_token_url(const struct dl_source_spec *s, struct dl_err *err)
{
	const struct dl_conf_node *node = s->auth_map, *child;
	const char *what = s->auth.token_url == NULL
	                       ? NULL
	                       : dl_source_secret_url(s->auth.token_url);
	const char *name;

	if (what == NULL)
		return 0;
	child = dl_conf_child(node, 0, &name);
	return dl_conf_fail(s->conf, dl_conf_line_of(child, "token_url"), err,
	    "'auth.oauth2.token_url' has %s in it, written out: that is "
	    "'client_secret' (for instance secret:NAME)",
	    what);
}

int
dl_source_spec_sections(struct dl_source_spec *s, struct dl_err *err)
{
	s->auth.ref_headers = s->ref_headers;
	if (take_tls(s, err) < 0 ||
	    dl_limits_take(s->conf, s->limits_map, &s->limits, err) < 0 ||
	    dl_mqtt_take(s->conf, s->mqtt_map, &s->mqtt, err) < 0)
		return -1;
	if (dl_auth_take(s->conf, s->auth_map, &s->auth, err) < 0)
		return -1;
	return check_token_url(s, err);
}
