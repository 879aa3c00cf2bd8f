/* What a specification says of authentication, checked offline. */
#include "auth.h"
#include "auth_text.h"

#include <strings.h>

/* The mappings of `auth`, of which there is one. */
struct kinds {
	const struct dl_conf_node *basic, *header, *query, *oauth2, *sigv4;
	const char *bearer;
};

static const char *const styles[] = {"basic", "body", NULL};

#define FIELD(key, kind, required, type, member, choices) \
	{ \
		key, kind, required, offsetof(struct type, member), choices \
	}
#define TEXT(key, required, member) \
	FIELD(key, DL_CONF_STR, required, dl_auth_spec, member, NULL)
#define END \
	{ \
		NULL, DL_CONF_STR, false, 0, NULL \
	}

static const struct dl_conf_field kind_fields[] = {
    FIELD("basic", DL_CONF_MAP, false, kinds, basic, NULL),
    FIELD("bearer", DL_CONF_STR, false, kinds, bearer, NULL),
    FIELD("header", DL_CONF_MAP, false, kinds, header, NULL),
    FIELD("query", DL_CONF_MAP, false, kinds, query, NULL),
    FIELD("oauth2", DL_CONF_MAP, false, kinds, oauth2, NULL),
    FIELD("sigv4", DL_CONF_MAP, false, kinds, sigv4, NULL),
    END,
};

static const struct dl_conf_field basic_fields[] = {
    TEXT("user", true, user),
    TEXT("password", true, password),
    END,
};

static const struct dl_conf_field pair_fields[] = {
    TEXT("name", true, name),
    TEXT("value", true, value),
    END,
};

static const struct dl_conf_field oauth2_fields[] = {
    TEXT("token_url", true, token_url),
    TEXT("client_id", true, client_id),
    TEXT("client_secret", true, client_secret),
    TEXT("scope", false, scope),
    TEXT("audience", false, audience),
    FIELD("style", DL_CONF_CHOICE, false, dl_auth_spec, style, styles),
    END,
};

static const struct dl_conf_field sigv4_fields[] = {
    TEXT("region", true, region),
    TEXT("service", true, service),
    TEXT("access_key", true, access_key),
    TEXT("secret_key", true, secret_key),
    TEXT("session_token", false, session_token),
    END,
};

/* One of the mappings, for what is checked of its members. */
struct taking {
	const struct dl_conf *c;
	const struct dl_conf_node *node;
	const char *kind;
	struct dl_err *err;
};

static int
fail(const struct taking *t, const char *key, const char *why)
{
	return dl_conf_fail(t->c, dl_conf_line_of(t->node, key), t->err,
	    "'auth.%s.%s' %s", t->kind, key, why);
}

static int
check_ref(const struct taking *t, const char *key, const char *value)
{
	struct dl_err why = {0};

	if (value == NULL || dl_secret_ref_check(value, &why) == 0)
		return 0;
	return fail(t, key, why.msg);
}

static int
check_text(const struct taking *t, const char *key, const char *value)
{
	if (value == NULL)
		return 0;
	if (*value == '\0')
		return fail(t, key, "is empty");
	if (!dl_auth_plain(dl_span_str(value)))
		return fail(t, key, "has a control character");
	return 0;
}

static int
check_word(const struct taking *t, const char *key, const char *value,
    const char *marks, const char *why)
{
	static const char alnum[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789";
	size_t n = 0, more;

	do {
		more = strspn(value + n, alnum);
		more += strspn(value + n + more, marks);
		n += more;
	} while (more > 0);
	return n > 0 && value[n] == '\0' ? 0 : fail(t, key, why);
}

static int
check_basic(const struct taking *t, const struct dl_auth_spec *s)
{
	if (check_text(t, "user", s->user) < 0)
		return -1;
	if (strchr(s->user, ':') != NULL)
		return fail(t, "user", "has a colon, which ends it");
	return check_ref(t, "password", s->password);
}

static int
check_header(const struct taking *t, const struct dl_auth_spec *s)
{
	if (check_word(t, "name", s->name, "!#$%&'*+-.^_`|~",
		"is not the name of a header") < 0)
		return -1;
	return check_ref(t, "value", s->value);
}

static int
check_query(const struct taking *t, const struct dl_auth_spec *s)
{
	if (check_text(t, "name", s->name) < 0)
		return -1;
	return check_ref(t, "value", s->value);
}

static int
check_url(const struct taking *t, const char *text)
{
	struct dl_auth_url url = {.host = NULL};
	struct dl_err why = {0};
	int r = 0;

	if (dl_auth_url_parse(text, &url, &why) < 0)
		r = fail(t, "token_url", why.msg);
	else if (url.login)
		r = fail(t, "token_url",
		    "has a user in it: that is client_id and client_secret");
	else if (!url.https && !url.loopback)
		r = fail(t, "token_url",
		    "would send the secret in the clear: it is an https URL");
	dl_auth_url_release(&url);
	return r;
}

static int
check_oauth2(const struct taking *t, const struct dl_auth_spec *s)
{
	if (check_url(t, s->token_url) < 0 ||
	    check_text(t, "client_id", s->client_id) < 0 ||
	    check_ref(t, "client_secret", s->client_secret) < 0 ||
	    check_text(t, "scope", s->scope) < 0)
		return -1;
	return check_text(t, "audience", s->audience);
}

static int
check_sigv4(const struct taking *t, const struct dl_auth_spec *s)
{
	static const char why[] = "is letters, digits, '-', '_' and '.'";

	if (check_word(t, "region", s->region, "-_.", why) < 0 ||
	    check_word(t, "service", s->service, "-_.", why) < 0 ||
	    check_ref(t, "access_key", s->access_key) < 0 ||
	    check_ref(t, "secret_key", s->secret_key) < 0)
		return -1;
	return check_ref(t, "session_token", s->session_token);
}

static int
take_bearer(const struct dl_conf *c, const struct dl_conf_node *node,
    const char *ref, struct dl_auth_spec *spec, struct dl_err *err)
{
	struct dl_err why = {0};

	spec->kind = DL_AUTH_BEARER;
	spec->bearer = ref;
	if (dl_secret_ref_check(ref, &why) == 0)
		return 0;
	return dl_conf_fail(c, dl_conf_line_of(node, "bearer"), err,
	    "'auth.bearer' %s", why.msg);
}

static int
take_mapping(const struct dl_conf *c, const struct kinds *k,
    struct dl_auth_spec *spec, struct dl_err *err)
{
	const struct {
		const struct dl_conf_node *node;
		const char *name, *what;
		enum dl_auth_kind kind;
		const struct dl_conf_field *fields;
		int (*check)(
		    const struct taking *t, const struct dl_auth_spec *s);
	} all[] = {
	    {k->basic, "basic", "'auth.basic'", DL_AUTH_BASIC, basic_fields,
		check_basic},
	    {k->header, "header", "'auth.header'", DL_AUTH_HEADER, pair_fields,
		check_header},
	    {k->query, "query", "'auth.query'", DL_AUTH_QUERY, pair_fields,
		check_query},
	    {k->oauth2, "oauth2", "'auth.oauth2'", DL_AUTH_OAUTH2,
		oauth2_fields, check_oauth2},
	    {k->sigv4, "sigv4", "'auth.sigv4'", DL_AUTH_SIGV4, sigv4_fields,
		check_sigv4},
	};
	struct taking t = {.c = c, .err = err};
	size_t i = 0;

	while (all[i].node == NULL)
		i++;
	spec->kind = all[i].kind;
	t.node = all[i].node;
	t.kind = all[i].name;
	if (dl_conf_take(c, t.node, all[i].what, all[i].fields, spec, err) < 0)
		return -1;
	return all[i].check(&t, spec);
}

static bool
makes_authorization(const struct dl_auth_spec *s)
{
	return s->kind != DL_AUTH_QUERY &&
	       (s->kind != DL_AUTH_HEADER ||
		   strcasecmp(s->name, "authorization") == 0);
}

static bool
has_authorization(const char *const *headers)
{
	static const char name[] = "authorization:";

	for (; headers != NULL && *headers != NULL; headers++)
		if (strncasecmp(*headers, name, strlen(name)) == 0)
			return true;
	return false;
}

int
dl_auth_take(const struct dl_conf *c, const struct dl_conf_node *node,
    struct dl_auth_spec *spec, struct dl_err *err)
{
	struct kinds k = {.bearer = NULL};
	const char *const *ref_headers = spec->ref_headers;
	int n;

	*spec = (struct dl_auth_spec){.ref_headers = ref_headers};
	if (node == NULL)
		return 0;
	if (dl_conf_take(c, node, "'auth'", kind_fields, &k, err) < 0)
		return -1;
	n = (k.basic != NULL) + (k.bearer != NULL) + (k.header != NULL) +
	    (k.query != NULL) + (k.oauth2 != NULL) + (k.sigv4 != NULL);
	if (n != 1)
		return dl_conf_fail(c, dl_conf_line(node), err,
		    "'auth' is one of basic, bearer, header, query, oauth2 and "
		    "sigv4");
	if ((k.bearer != NULL ? take_bearer(c, node, k.bearer, spec, err)
			      : take_mapping(c, &k, spec, err)) < 0)
		return -1;
	if (makes_authorization(spec) && has_authorization(ref_headers))
		return dl_conf_fail(c, dl_conf_line(node), err,
		    "'auth' and the header 'Authorization' exclude each other");
	return 0;
}
