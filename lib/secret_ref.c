#include "secret_ref.h"

#include "home.h"
#include "secret.h"
#include "secret_command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMAND_MS (60 * 1000)
#define ROOM (DL_SECRET_REF_MAX + 2) /* a newline, and a byte too much */
#define CREDENTIALS "CREDENTIALS_DIRECTORY"

_Static_assert(DL_SECRET_REF_MAX == DL_SECRET_MAX,
    "what dl-secret keeps can be had by reference");

struct value {
	struct value *next;
	char *text;
	char *bytes; /* sealed, NUL-terminated */
	size_t len;
};

struct dl_secret_refs {
	const char *home, *group;
	const volatile sig_atomic_t *stop;
	struct dl_secrets *store; /* opened when it is first needed */
	struct value *values;
};

/* A value on its way: size bytes of room, n of them filled. */
struct taken {
	char *bytes;
	size_t n;
	bool whole; /* a newline at its end is part of it */
};

struct kind {
	const char *prefix;
	int (*check)(const char *rest, struct dl_err *err);
	int (*get)(struct dl_secret_refs *r, const char *rest, struct taken *t,
	    struct dl_err *err);
};

static int
check_secret(const char *rest, struct dl_err *err)
{
	const char *slash = strchr(rest, '/');

	if ((slash != NULL &&
		!dl_name_ok(dl_span(rest, (size_t)(slash - rest)))) ||
	    !dl_name_ok(dl_span_str(slash == NULL ? rest : slash + 1)))
		return dl_err_conf(err,
		    "names no secret: it is secret:NAME or secret:GROUP/NAME, "
		    "of letters, digits, '.', '_' and '-'");
	return 0;
}

static struct dl_secrets *
store(struct dl_secret_refs *r, struct dl_err *err)
{
	char home[PATH_MAX];

	if (r->store == NULL && r->home != NULL)
		r->store = dl_secrets_open(r->home, NULL, NULL, err);
	else if (r->store == NULL && dl_home(home, NULL, err) == 0)
		r->store = dl_secrets_open(home, NULL, NULL, err);
	return r->store;
}

static int
get_secret(struct dl_secret_refs *r, const char *rest, struct taken *t,
    struct dl_err *err)
{
	const char *slash = strchr(rest, '/');
	const char *name = slash == NULL ? rest : slash + 1;
	const struct dl_secret_version *v;
	struct dl_secret_box box = {.bytes = NULL};
	char group[DL_SEAL_GROUP];
	int found;

	if (slash == NULL)
		snprintf(group, sizeof(group), "%s", r->group);
	else
		snprintf(
		    group, sizeof(group), "%.*s", (int)(slash - rest), rest);
	if (store(r, err) == NULL ||
	    (found = dl_secret_read(r->store, group, name, &box, err)) < 0)
		return -1;
	v = found == 0 ? NULL : dl_secret_box_find(&box, 0);
	if (v == NULL) {
		dl_err_conf(err,
		    "there is no such secret: 'dl-secret put --group %s %s' "
		    "puts it there",
		    group, name);
	} else {
		memcpy(t->bytes, v->value.p, v->value.len);
		t->n = v->value.len;
		t->whole = true;
	}
	dl_secret_box_release(&box);
	return v == NULL ? -1 : 0;
}

static int
check_path(const char *rest, struct dl_err *err)
{
	return *rest != '\0' ? 0 : dl_err_conf(err, "names no file");
}

static int
read_fd(int fd, struct taken *t, struct dl_err *err)
{
	ssize_t r = 1;

	while (r != 0 && t->n < ROOM) {
		r = read(fd, t->bytes + t->n, ROOM - t->n);
		if (r < 0 && errno != EINTR)
			return dl_err_errno(err, "cannot be read");
		t->n += r > 0 ? (size_t)r : 0;
	}
	return 0;
}

/* As ssh has it with keys: who else could use it has it. */
static int
check_owner(const struct stat *st, struct dl_err *err)
{
	mode_t others = st->st_uid == 0 ? 0027 : 0077;

	if (st->st_uid != geteuid() && st->st_uid != 0)
		return dl_err_denied(
		    err, "belongs to another user (uid %ld)", (long)st->st_uid);
	if ((st->st_mode & others) != 0)
		return dl_err_denied(err,
		    "has mode %04o: others may use it; 'chmod 600' it, and "
		    "change the secret",
		    (unsigned)(st->st_mode & 07777));
	return 0;
}

static int
read_path(const char *path, bool mine, struct taken *t, struct dl_err *err)
{
	struct stat st;
	int r, fd;

	/* A fifo in its place must not make us wait. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return dl_err_conf(err, "there is no such file");
	if (fd < 0)
		return dl_err_errno(err, "cannot be opened");
	if (fstat(fd, &st) < 0)
		r = dl_err_errno(err, "cannot be looked at");
	else if (!S_ISREG(st.st_mode))
		r = dl_err_conf(err, "is not a regular file");
	else if (mine && check_owner(&st, err) < 0)
		r = -1;
	else
		r = read_fd(fd, t, err);
	close(fd);
	return r;
}

static int
get_file(struct dl_secret_refs *r, const char *rest, struct taken *t,
    struct dl_err *err)
{
	(void)r;
	return read_path(rest, true, t, err);
}

static int
check_command(const char *rest, struct dl_err *err)
{
	return rest[strspn(rest, " \t\n")] != '\0'
	           ? 0
	           : dl_err_conf(err, "has no command");
}

static int
get_command(struct dl_secret_refs *r, const char *rest, struct taken *t,
    struct dl_err *err)
{
	return dl_secret_command(
	    rest, COMMAND_MS, r->stop, t->bytes, ROOM, &t->n, err);
}

static int
check_env(const char *rest, struct dl_err *err)
{
	static const char digits[] = "0123456789";
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
				      "abcdefghijklmnopqrstuvwxyz0123456789";
	size_t n = strspn(rest, letters);

	if (n == 0 || rest[n] != '\0' || strspn(rest, digits) > 0)
		return dl_err_conf(err, "names no variable");
	return 0;
}

static int
get_env(struct dl_secret_refs *r, const char *rest, struct taken *t,
    struct dl_err *err)
{
	const char *value = getenv(rest);

	(void)r;
	if (value == NULL)
		return dl_err_conf(err, "is not in the environment");
	t->n = strnlen(value, ROOM);
	memcpy(t->bytes, value, t->n);
	return 0;
}

static int
check_credential(const char *rest, struct dl_err *err)
{
	if (*rest == '\0' || strchr(rest, '/') != NULL ||
	    strcmp(rest, ".") == 0 || strcmp(rest, "..") == 0 ||
	    strlen(rest) > NAME_MAX)
		return dl_err_conf(err, "names no credential of systemd's");
	return 0;
}

/* Its directory is nobody else's, and systemd decides about modes in it. */
static int
get_credential(struct dl_secret_refs *r, const char *rest, struct taken *t,
    struct dl_err *err)
{
	const char *dir = getenv(CREDENTIALS);
	char path[PATH_MAX];

	(void)r;
	if (dir == NULL || *dir == '\0')
		return dl_err_conf(err,
		    "there is no $" CREDENTIALS
		    ": the unit says LoadCredential=%s:PATH",
		    rest);
	if (snprintf(path, sizeof(path), "%s/%s", dir, rest) >=
	    (int)sizeof(path))
		return dl_err_conf(err, "its path is too long");
	return read_path(path, false, t, err);
}

static const struct kind kinds[] = {
    {"secret:", check_secret, get_secret},
    {"file:", check_path, get_file},
    {"cmd:", check_command, get_command},
    {"env:", check_env, get_env},
    {"cred:", check_credential, get_credential},
};

/* The kind of a reference, and what is after its prefix; NULL: it is none. */
static const struct kind *
find(const char *text, const char **rest)
{
	size_t n;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		n = strlen(kinds[i].prefix);
		*rest = text + n;
		if (strncmp(text, kinds[i].prefix, n) == 0)
			return &kinds[i];
	}
	return NULL;
}

bool
dl_secret_ref_is(const char *text)
{
	const char *rest;

	return find(text, &rest) != NULL;
}

int
dl_secret_ref_check(const char *text, struct dl_err *err)
{
	const char *rest;
	const struct kind *k = find(text, &rest);

	if (k == NULL)
		return dl_err_conf(err,
		    "is a secret written out: put it into dl-secret and write "
		    "secret:NAME, or file:PATH, env:NAME, cmd:COMMAND, "
		    "cred:NAME");
	return k->check(rest, err);
}

struct dl_secret_refs *
dl_secret_refs_new(
    const char *home, const char *group, const volatile sig_atomic_t *stop)
{
	struct dl_secret_refs *r = dl_calloc(1, sizeof(*r));

	r->home = home;
	r->group = group;
	r->stop = stop;
	return r;
}

static void
free_value(struct value *v)
{
	dl_seal_free(v->bytes);
	free(v->text);
	free(v);
}

void
dl_secret_refs_free(struct dl_secret_refs *r)
{
	struct value *next;

	if (r == NULL)
		return;
	for (struct value *v = r->values; v != NULL; v = next) {
		next = v->next;
		free_value(v);
	}
	dl_secrets_close(r->store);
	free(r);
}

static int
check_value(const struct taken *t, struct dl_err *err)
{
	if (t->n == 0)
		return dl_err_conf(err, "is empty");
	if (t->n > DL_SECRET_REF_MAX)
		return dl_err_conf(
		    err, "is longer than %d bytes", DL_SECRET_REF_MAX);
	if (memchr(t->bytes, '\0', t->n) != NULL)
		return dl_err_conf(err, "has a NUL in it");
	return 0;
}

/* A command may have secrets among its words, though others can see them. */
static void
name_it(const char *text, struct dl_err *err)
{
	static const char name[] = "cmd:";
	size_t n = strlen(name), word;

	if (strncmp(text, name, n) != 0) {
		dl_err_prefix(err, "'%s'", text);
		return;
	}
	word = strcspn(text + n, " \t\n=\"'$`;|&<>()");
	if (text[n + word] == '\0' || text[n + word] == ' ')
		dl_err_prefix(err, "'%.*s%s'", (int)(n + word), text,
		    text[n + word] == '\0' ? "" : " …");
	else
		dl_err_prefix(err, "'cmd:…'");
}

static struct value *
get(struct dl_secret_refs *r, const char *text, struct dl_err *err)
{
	const char *rest;
	const struct kind *k = find(text, &rest);
	struct taken t = {.bytes = NULL};
	struct value *v = NULL;
	char *bytes;

	if (dl_secret_ref_check(text, err) < 0)
		return NULL;
	if (dl_seal_start(err) < 0 ||
	    (t.bytes = dl_seal_alloc(ROOM, err)) == NULL)
		return NULL;
	if (k->get(r, rest, &t, err) < 0)
		goto out;
	if (!t.whole && t.n > 0 && t.bytes[t.n - 1] == '\n')
		t.n--;
	if (check_value(&t, err) < 0 ||
	    (bytes = dl_seal_alloc(t.n + 1, err)) == NULL)
		goto out;
	memcpy(bytes, t.bytes, t.n);
	v = dl_calloc(1, sizeof(*v));
	v->text = dl_strdup(text);
	v->bytes = bytes;
	v->len = t.n;
out:
	dl_seal_free(t.bytes);
	if (v == NULL)
		name_it(text, err);
	return v;
}

/* Where the value of text is kept, or the end of them all. */
static struct value **
kept(struct dl_secret_refs *r, const char *text)
{
	struct value **at = &r->values;

	while (*at != NULL && strcmp((*at)->text, text) != 0)
		at = &(*at)->next;
	return at;
}

int
dl_secret_ref_get(struct dl_secret_refs *r, const char *text,
    struct dl_span *value, struct dl_err *err)
{
	struct value **at = kept(r, text);

	if (*at == NULL && (*at = get(r, text, err)) == NULL)
		return -1;
	*value = dl_span((*at)->bytes, (*at)->len);
	return 0;
}

void
dl_secret_ref_forget(struct dl_secret_refs *r, const char *text)
{
	struct value **at = kept(r, text), *gone = *at;

	if (gone == NULL)
		return;
	*at = gone->next;
	free_value(gone);
}

bool
dl_secret_ref_renew(struct dl_secret_refs *r, const char *text)
{
	struct value **at = kept(r, text), *v;
	struct dl_err err = {0};

	if (*at == NULL || (v = get(r, text, &err)) == NULL)
		return false;
	if (dl_span_eq(
		dl_span(v->bytes, v->len), dl_span((*at)->bytes, (*at)->len))) {
		free_value(v);
		return false;
	}
	v->next = (*at)->next;
	free_value(*at);
	*at = v;
	return true;
}
