/*
 * The known_hosts file, as libssh2 can read it.
 *
 * libcurl asks a server for a key of the kind that the file has first, and
 * ssh-keyscan writes ssh-rsa first; Debian 12's libssh2 knows no RSA that newer
 * servers take.  So ssh-rsa goes to the end.  Lines that libssh2 does not
 * understand would end its reading: they are left out, as is every key that is
 * said to be revoked.  The copy is in memory, and has a path of its own.
 */
#include "fetch_private.h"

#include "io.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define HOSTS_MAX ((size_t)16 << 20)

/* The next word of *s, which is moved behind it; absent: there is none. */
static struct dl_span
next_word(struct dl_span *s)
{
	struct dl_span word = {0};

	while (s->len > 0 && (*s->p == ' ' || *s->p == '\t'))
		*s = dl_span(s->p + 1, s->len - 1);
	if (s->len == 0)
		return word;
	word.p = s->p;
	while (s->len > 0 && *s->p != ' ' && *s->p != '\t' && *s->p != '\r') {
		*s = dl_span(s->p + 1, s->len - 1);
		word.len++;
	}
	return word;
}

static struct dl_span
next_line(struct dl_span *s)
{
	const char *end = memchr(s->p, '\n', s->len);
	struct dl_span line =
	    dl_span(s->p, end == NULL ? s->len : (size_t)(end - s->p));

	s->len -= line.len + (end != NULL);
	s->p += line.len + (end != NULL);
	return line;
}

struct entry {
	bool good; /* hosts, kind, key: what libssh2 knows */
	bool revoked;
	struct dl_span kind, key;
};

static struct entry
look_at(struct dl_span line)
{
	struct entry e = {0};
	struct dl_span first = next_word(&line);

	if (first.len == 0 || *first.p == '#')
		return e;
	e.revoked = dl_span_is(first, "@revoked");
	e.good = *first.p != '@';
	if (e.revoked)
		next_word(&line);
	e.kind = next_word(&line);
	e.key = next_word(&line);
	if (e.key.len == 0)
		e.good = e.revoked = false;
	return e;
}

/* The keys that are revoked, a line each. */
static void
add_revoked(struct dl_buf *out, struct dl_span all)
{
	struct entry e;

	while (all.len > 0) {
		e = look_at(next_line(&all));
		if (!e.revoked)
			continue;
		dl_buf_span(out, e.key);
		dl_buf_addc(out, '\n');
	}
}

static bool
has_line(struct dl_span all, struct dl_span line)
{
	while (all.len > 0)
		if (dl_span_eq(next_line(&all), line))
			return true;
	return false;
}

/* Add the lines whose kind is ssh-rsa, or those whose kind is another one. */
static void
add_lines(
    struct dl_buf *out, struct dl_span all, struct dl_span revoked, bool rsa)
{
	struct dl_span line;
	struct entry e;

	while (all.len > 0) {
		line = next_line(&all);
		e = look_at(line);
		if (!e.good || dl_span_is(e.kind, "ssh-rsa") != rsa ||
		    has_line(revoked, e.key))
			continue;
		dl_buf_span(out, line);
		dl_buf_addc(out, '\n');
	}
}

static int
store(struct dl_fetch *f, struct dl_span text, struct dl_err *err)
{
	if (f->hosts_fd < 0)
		f->hosts_fd = memfd_create("known_hosts", MFD_CLOEXEC);
	if (f->hosts_fd < 0 || ftruncate(f->hosts_fd, 0) < 0 ||
	    lseek(f->hosts_fd, 0, SEEK_SET) < 0)
		return dl_err_errno(err, "cannot copy '%s'", f->known_hosts);
	return dl_write_all(f->hosts_fd, text.p, text.len, f->known_hosts, err);
}

int
dl_fetch_hosts(struct dl_fetch *f, struct dl_err *err)
{
	struct dl_buf all = {0}, revoked = {0}, out = {0};
	struct dl_span text;
	char path[64];
	int r = 0;

	/* Without one nobody is known, which is said when somebody answers. */
	if (access(f->known_hosts, F_OK) == 0 || errno != ENOENT)
		r = dl_read_file(f->known_hosts, HOSTS_MAX, &all, err);
	if (r == 0) {
		text = dl_buf_as_span(&all);
		add_revoked(&revoked, text);
		add_lines(&out, text, dl_buf_as_span(&revoked), false);
		add_lines(&out, text, dl_buf_as_span(&revoked), true);
		r = store(f, dl_buf_as_span(&out), err);
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", f->hosts_fd);
	curl_easy_setopt(f->easy, CURLOPT_SSH_KNOWNHOSTS, path);
	dl_buf_release(&all);
	dl_buf_release(&revoked);
	dl_buf_release(&out);
	return r;
}
