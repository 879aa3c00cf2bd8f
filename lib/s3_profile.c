#include "s3_profile.h"

#include "buf.h"
#include "s3_file.h"
#include "seal.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#define BLANKS " \t\r\v\f"

enum kind { PROFILE, SERVICES, BARE, OTHER };

struct section {
	enum kind kind;
	bool plain; /* [default] of config, which [profile default] replaces */
	const char *name;
	unsigned line;
};

struct entry {
	size_t section;
	const char *outer; /* what it is a setting of, or NULL */
	const char *name, *value;
	unsigned line;
};

/* A file; names and values are in its text. */
struct file {
	enum dl_s3_profile_file which;
	char *path;
	char *text; /* sealed, or NULL: there is no file */
	struct section *sections;
	struct entry *entries;
	size_t nsections, nentries;

	/* Of the last setting that is not of another one: */
	size_t last; /* of entries; meaningless where open is false */
	size_t indent;
	bool open;
};

struct dl_s3_profiles {
	struct file files[2];
};

/* Room for one more in an array that doubles. */
static void *
more(void *p, size_t n, size_t size)
{
	return (n & (n - 1)) == 0 ? dl_realloc(p, (n == 0 ? 1 : 2 * n) * size)
	                          : p;
}

/* Without the blanks at both ends, in place. */
static char *
trim(char *p)
{
	size_t n;

	p += strspn(p, BLANKS);
	n = strlen(p);
	while (n > 0 && strchr(BLANKS, p[n - 1]) != NULL)
		n--;
	p[n] = '\0';
	return p;
}

/* Cut what is after blanks and a '#' or ';', and trim the rest. */
static char *
trim_value(char *p)
{
	for (char *at = p; *at != '\0'; at++)
		if ((*at == '#' || *at == ';') && at > p &&
		    strchr(BLANKS, at[-1]) != NULL) {
			*at = '\0';
			break;
		}
	return trim(p);
}

/* "[a b]" and "[a "b"]": the word before the name, and the name. */
static char *
take_name(char *text, const char *word)
{
	size_t n = strlen(word);
	char *name, quote;

	if (strncmp(text, word, n) != 0 || strspn(text + n, BLANKS) == 0)
		return NULL;
	name = trim(text + n);
	quote = *name;
	n = strlen(name);
	if ((quote == '"' || quote == '\'') && n >= 2 && name[n - 1] == quote) {
		name[n - 1] = '\0';
		name++;
	}
	return *name == '\0' ? NULL : name;
}

static int
take_section(struct file *f, char *line, unsigned n, struct dl_err *err)
{
	char *end = strchr(line, ']'), *text = line + 1, *name;
	struct section s = {.line = n, .kind = OTHER};

	if (end != NULL)
		*end++ = '\0';
	if (end == NULL ||
	    (*end != '\0' && *end != '#' && *end != ';' &&
		strchr(BLANKS, *end) == NULL) ||
	    *trim_value(end) != '\0' || *(text = trim(text)) == '\0')
		return dl_err_conf(
		    err, "%s:%u: expected [SECTION] alone", f->path, n);
	s.name = text;
	if (f->which == DL_S3_CREDENTIALS)
		s.kind = PROFILE;
	else if (strcmp(text, "default") == 0) {
		s.kind = PROFILE;
		s.plain = true;
	} else if ((name = take_name(text, "profile")) != NULL) {
		s.kind = PROFILE;
		s.name = name;
	} else if ((name = take_name(text, "services")) != NULL) {
		s.kind = SERVICES;
		s.name = name;
	} else if (strpbrk(text, BLANKS) == NULL)
		s.kind = BARE;
	f->sections = more(f->sections, f->nsections, sizeof(s));
	f->sections[f->nsections++] = s;
	f->open = false;
	return 0;
}

static void
lower(char *p)
{
	for (; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
}

static int
take_entry(struct file *f, char *line, unsigned n, const char *outer,
    struct dl_err *err)
{
	struct entry e = {.outer = outer, .line = n};
	char *eq = strchr(line, '='), *name = line;

	if (eq != NULL)
		*eq = '\0';
	if (eq == NULL || *(name = trim(line)) == '\0')
		return dl_err_conf(err,
		    outer == NULL ? "%s:%u: expected [SECTION], or NAME = VALUE"
				  : "%s:%u: expected NAME = VALUE",
		    f->path, n);
	if (f->nsections == 0)
		return dl_err_conf(err,
		    "%s:%u: expected [SECTION] before the first setting",
		    f->path, n);
	lower(name);
	e.section = f->nsections - 1;
	e.name = name;
	e.value = trim_value(eq + 1);
	f->entries = more(f->entries, f->nentries, sizeof(e));
	f->entries[f->nentries++] = e;
	return 0;
}

/* A line that is indented further than the setting before it. */
static int
take_inner(struct file *f, char *line, unsigned n, struct dl_err *err)
{
	const struct entry *outer = &f->entries[f->last];

	if (*outer->value != '\0')
		return dl_err_conf(err,
		    "%s:%u: is indented, and so would be of '%s' in line %u, "
		    "which has a value: take the blanks away",
		    f->path, n, outer->name, outer->line);
	return take_entry(f, line, n, outer->name, err);
}

static int
take_line(struct file *f, char *line, unsigned n, struct dl_err *err)
{
	size_t indent = strspn(line, BLANKS);
	char *text = line + indent;

	if (*text == '\0' || *text == '#' || *text == ';')
		return 0;
	if (f->open && indent > f->indent)
		return take_inner(f, text, n, err);
	if (*text == '[')
		return take_section(f, text, n, err);
	if (take_entry(f, text, n, NULL, err) < 0)
		return -1;
	f->last = f->nentries - 1;
	f->indent = indent;
	f->open = true;
	return 0;
}

/* Where both are there, [profile default] is meant. */
static void
pass_over_plain(struct file *f)
{
	bool named = false;

	for (size_t i = 0; i < f->nsections; i++)
		named =
		    named ||
		    (f->sections[i].kind == PROFILE && !f->sections[i].plain &&
			strcmp(f->sections[i].name, "default") == 0);
	for (size_t i = 0; named && i < f->nsections; i++)
		if (f->sections[i].plain)
			f->sections[i].kind = OTHER;
}

static int
parse(struct file *f, struct dl_err *err)
{
	char *p = f->text, *end;

	if (strncmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3;
	for (unsigned n = 1; p != NULL; p = end, n++) {
		if ((end = strchr(p, '\n')) != NULL)
			*end++ = '\0';
		if (take_line(f, p, n, err) < 0)
			return -1;
	}
	pass_over_plain(f);
	return 0;
}

/* What the variable says, or the file of this name in ~/.aws. */
static char *
path_of(const char *variable, const char *name)
{
	const char *home = getenv("HOME"), *given = getenv(variable);
	const struct passwd *pw;
	struct dl_buf b = {0};

	if (home == NULL || *home == '\0')
		home = (pw = getpwuid(getuid())) == NULL ? "/" : pw->pw_dir;
	if (given == NULL || *given == '\0')
		dl_buf_printf(&b, "%s/.aws/%s", home, name);
	else if (strncmp(given, "~/", 2) == 0)
		dl_buf_printf(&b, "%s%s", home, given + 1);
	else
		dl_buf_adds(&b, given);
	dl_buf_str(&b);
	return b.p;
}

static int
read_file(struct file *f, enum dl_s3_profile_file which, struct dl_err *err)
{
	size_t len;
	int r;

	f->which = which;
	f->path = which == DL_S3_CREDENTIALS
	              ? path_of("AWS_SHARED_CREDENTIALS_FILE", "credentials")
	              : path_of("AWS_CONFIG_FILE", "config");
	r = dl_s3_file_read(f->path, DL_S3_PROFILE_MAX, &f->text, &len, err);
	return r <= 0 ? r : parse(f, err);
}

struct dl_s3_profiles *
dl_s3_profiles_read(struct dl_err *err)
{
	struct dl_s3_profiles *p = dl_calloc(1, sizeof(*p));

	if (read_file(&p->files[0], DL_S3_CREDENTIALS, err) < 0 ||
	    read_file(&p->files[1], DL_S3_CONFIG, err) < 0) {
		dl_s3_profiles_free(p);
		return NULL;
	}
	return p;
}

void
dl_s3_profiles_free(struct dl_s3_profiles *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < 2; i++) {
		dl_seal_free(p->files[i].text);
		free(p->files[i].path);
		free(p->files[i].sections);
		free(p->files[i].entries);
	}
	free(p);
}

const char *
dl_s3_profiles_path(
    const struct dl_s3_profiles *p, enum dl_s3_profile_file file)
{
	return p->files[file].path;
}

static unsigned
line_of(const struct file *f, enum kind kind, const char *name)
{
	for (size_t i = 0; i < f->nsections; i++)
		if (f->sections[i].kind == kind &&
		    strcmp(f->sections[i].name, name) == 0)
			return f->sections[i].line;
	return 0;
}

bool
dl_s3_profile_has(const struct dl_s3_profiles *p, const char *name)
{
	return line_of(&p->files[DL_S3_CREDENTIALS], PROFILE, name) > 0 ||
	       line_of(&p->files[DL_S3_CONFIG], PROFILE, name) > 0;
}

unsigned
dl_s3_profile_bare(const struct dl_s3_profiles *p, const char *name)
{
	return line_of(&p->files[DL_S3_CONFIG], BARE, name);
}

/* Is e the setting that is called key? */
static bool
is_called(const struct entry *e, const char *key)
{
	size_t n;

	if (e->outer == NULL)
		return strcmp(e->name, key) == 0;
	n = strlen(e->outer);
	return strncmp(key, e->outer, n) == 0 && key[n] == '.' &&
	       strcmp(key + n + 1, e->name) == 0;
}

static bool
find(const struct file *f, enum kind kind, const char *name, const char *key,
    struct dl_s3_setting *s)
{
	const struct section *of;
	const struct entry *e;

	for (size_t i = f->nentries; i-- > 0;) {
		e = &f->entries[i];
		of = &f->sections[e->section];
		if (of->kind != kind || strcmp(of->name, name) != 0 ||
		    !is_called(e, key))
			continue;
		*s = (struct dl_s3_setting){
		    .value = e->value, .path = f->path, .line = e->line};
		return *e->value != '\0';
	}
	return false;
}

bool
dl_s3_profile_in(const struct dl_s3_profiles *p, enum dl_s3_profile_file file,
    const char *name, const char *key, struct dl_s3_setting *s)
{
	return find(&p->files[file], PROFILE, name, key, s);
}

bool
dl_s3_profile_get(const struct dl_s3_profiles *p, const char *name,
    const char *key, struct dl_s3_setting *s)
{
	return dl_s3_profile_in(p, DL_S3_CREDENTIALS, name, key, s) ||
	       dl_s3_profile_in(p, DL_S3_CONFIG, name, key, s);
}

bool
dl_s3_profile_service(const struct dl_s3_profiles *p, const char *name,
    const char *key, struct dl_s3_setting *s)
{
	return find(&p->files[DL_S3_CONFIG], SERVICES, name, key, s);
}
