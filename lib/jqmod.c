#include "jqmod.h"

#include "buf.h"
#include "io.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define MODULES 64           /* files looked into, each time it is imported */
#define MODULE_MAX (1 << 20) /* bytes of one */

struct walk {
	const char *root; /* the folder, all links followed */
	int files;
	bool told; /* the module at fault is named */
};

static int check(
    struct walk *w, const char *program, size_t *body, struct dl_err *err);

static bool
word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (c >= '0' && c <= '9');
}

static const char *
blank(const char *p)
{
	for (; *p != '\0'; p++) {
		if (*p == '#')
			p += strcspn(p, "\n");
		else if (strchr(" \t\r\n", *p) == NULL)
			break;
		if (*p == '\0')
			break;
	}
	return p;
}

/* Past word at p, or NULL if it isn't there. */
static const char *
word(const char *p, const char *w)
{
	size_t n = strlen(w);

	return strncmp(p, w, n) == 0 && !word_byte(p[n]) && p[n] != ':'
	           ? blank(p + n)
	           : NULL;
}

/* Past the ';' that ends a directive, strings and comments passed over. */
static const char *
past_semicolon(const char *p)
{
	for (; *p != '\0' && *p != ';'; p++) {
		if (*p == '#') {
			p = blank(p) - 1;
		} else if (*p == '"') {
			for (p++; *p != '\0' && *p != '"'; p++)
				if (*p == '\\' && p[1] != '\0')
					p++;
			if (*p == '\0')
				return NULL;
		}
	}
	return *p == ';' ? blank(p + 1) : NULL;
}

static bool
goes_up(const char *path)
{
	const char *p = path;
	size_t n;

	for (; *p != '\0'; p += n + (p[n] == '/')) {
		n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.')
			return true;
	}
	return false;
}

/* The file, and the modules that it asks for itself. */
static int
check_file(struct walk *w, const char *path, struct dl_err *err)
{
	size_t n = strlen(w->root), len = strlen(path), body;
	struct dl_buf text = {0};
	char real[PATH_MAX];
	int r = -1;

	if (realpath(path, real) == NULL)
		return 0; /* not there: libjq will say what it looked for */
	if (strncmp(real, w->root, n) != 0 || (n > 1 && real[n] != '/'))
		return dl_err_conf(
		    err, "the module %s is outside the program's folder", real);
	if (len < 3 || strcmp(path + len - 3, ".jq") != 0)
		return 0;
	if (++w->files > MODULES)
		return dl_err_conf(err,
		    "more than %d imports, or imports in a circle", MODULES);
	if (dl_read_file(real, MODULE_MAX, &text, err) == 0) {
		if (text.len > 0 && memchr(text.p, '\0', text.len) != NULL)
			dl_err_conf(err, "a NUL is in the module");
		else
			r = check(w, dl_buf_str(&text), &body, err);
		if (r < 0 && !w->told)
			dl_err_prefix(err, "%s", path);
		w->told = r < 0;
	}
	dl_buf_release(&text);
	return r;
}

/* One place where libjq may look for a module. */
static int
check_place(struct walk *w, const char *name, const char *more,
    const char *suffix, struct dl_err *err)
{
	char path[PATH_MAX];
	int n;

	n = snprintf(
	    path, sizeof(path), "%s/%s%s%s", w->root, name, more, suffix);
	if (n < 0 || (size_t)n >= sizeof(path))
		return dl_err_conf(err, "the name \"%s\" is too long", name);
	return check_file(w, path, err);
}

static int
check_module(struct walk *w, const char *name, struct dl_err *err)
{
	const char *last = strrchr(name, '/');
	char again[NAME_MAX + 2];
	const char *const mores[] = {"", "/jq/main", again};
	size_t i;

	if (name[0] == '/' || name[0] == '~' || goes_up(name))
		return dl_err_conf(err,
		    "the module \"%s\" is outside the program's folder", name);
	snprintf(again, sizeof(again), "/%s", last == NULL ? name : last + 1);
	for (i = 0; i < sizeof(mores) / sizeof(mores[0]); i++)
		if (check_place(w, name, mores[i], ".jq", err) < 0 ||
		    check_place(w, name, mores[i], ".json", err) < 0)
			return -1;
	return 0;
}

/* One directive, at the string that names the module; past it, or NULL. */
static const char *
check_import(struct walk *w, const char *p, struct dl_err *err)
{
	size_t n = *p == '"' ? strcspn(p + 1, "\"\\") : 0;
	char name[NAME_MAX + 1];
	const char *q;

	if (*p != '"' || p[1 + n] != '"' || n > NAME_MAX) {
		dl_err_conf(err, "an import needs a plain string as its path");
		return NULL;
	}
	memcpy(name, p + 1, n);
	name[n] = '\0';
	p = blank(p + n + 2);
	if ((q = word(p, "as")) != NULL) {
		q = *q == '$' ? blank(q + 1) : q;
		while (word_byte(*q))
			q++;
		p = blank(q);
	}
	if (*p != ';') {
		dl_err_conf(err,
		    "the import of \"%s\" must end in ';': modules come from "
		    "the program's folder, and may not say where else",
		    name);
		return NULL;
	}
	if (w->root == NULL) {
		dl_err_conf(err,
		    "this program has no folder to import \"%s\" from", name);
		return NULL;
	}
	return check_module(w, name, err) < 0 ? NULL : blank(p + 1);
}

static int
check(struct walk *w, const char *program, size_t *body, struct dl_err *err)
{
	const char *p = blank(program), *q;

	if ((q = word(p, "module")) != NULL) {
		if ((q = past_semicolon(q)) == NULL)
			return dl_err_conf(err, "'module' needs a ';'");
		p = q;
	}
	while (
	    (q = word(p, "import")) != NULL || (q = word(p, "include")) != NULL)
		if ((p = check_import(w, q, err)) == NULL)
			return -1;
	*body = (size_t)(p - program);
	return 0;
}

int
dl_jqmod_check(
    const char *program, const char *dir, size_t *body, struct dl_err *err)
{
	char real[PATH_MAX];
	struct walk w = {0};

	if (dir != NULL && realpath(dir, real) == NULL)
		return dl_err_conf(
		    err, "cannot find the program's folder '%s'", dir);
	if (dir != NULL)
		w.root = real;
	return check(&w, program, body, err);
}
