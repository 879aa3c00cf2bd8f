/*
 * Files of ftp and sftp: have they changed?
 *
 * Neither protocol has a condition, so size and time are asked for before a
 * file that is known, and again after one that was read: what was written to in
 * between is not a document.  ftp says both.  libcurl has no way to ask sftp for
 * a size; but of an open file it takes the byte at the remembered size, and
 * there is none exactly if the size is the same, or complains if it is less.
 *
 * Their times are whole seconds: of a file that was written just now a later
 * change may not be seen, so it is not remembered.
 */
#include "fetch_private.h"

#include "clock.h"
#include "num.h"

#include <stdio.h>

#define TIME_MAX 253402300799 /* of the year 9999, the last we print */
#define SETTLED_S 3           /* the age from which a time tells one content */

struct mark {
	int64_t time; /* or -1 */
	uint64_t size;
};

static void
print_mark(const struct mark *m, char *out, size_t size)
{
	struct dl_time t = {.sec = m->time};
	char text[DL_TIME_MAX];
	size_t n = dl_time_print(&t, text);

	snprintf(
	    out, size, "%.*s %llu", (int)n, text, (unsigned long long)m->size);
}

static bool
parse_mark(struct dl_span text, struct mark *m)
{
	struct dl_err err = {0};
	struct dl_time t;
	int64_t n;
	const char *space;

	if (text.p == NULL || (space = memchr(text.p, ' ', text.len)) == NULL)
		return false;
	if (dl_time_parse(dl_span(text.p, (size_t)(space - text.p)), &t, &err) <
	    0)
		return false;
	m->time = t.sec;
	space++;
	text = dl_span(space, (size_t)(text.p + text.len - space));
	if (dl_num_count(text, &n, &err) < 0)
		return false;
	m->size = (uint64_t)n;
	return true;
}

static int64_t
file_time(struct dl_fetch *f)
{
	curl_off_t t = -1;

	curl_easy_getinfo(f->easy, CURLINFO_FILETIME_T, &t);
	return t < 0 || t > TIME_MAX ? -1 : (int64_t)t;
}

/* Is the file as m has it?  *same is told where the result is DONE. */
static enum dl_fetch_result
look(struct dl_fetch *f, const struct mark *m, bool *same, struct dl_err *err)
{
	bool sftp = f->scheme == DL_FETCH_SFTP;
	struct dl_fetch_reply *reply = f->reply, other;
	curl_off_t size = -1;
	enum dl_fetch_result r;

	f->reply = &other;
	f->look = sftp ? DL_FETCH_PAST : DL_FETCH_STAT;
	f->look_size = m->size;
	r = dl_fetch_request(f, err);
	f->look = DL_FETCH_WHOLE;
	f->reply = reply;
	*same = false;
	if (r == DL_FETCH_AGAIN && f->code == CURLE_BAD_DOWNLOAD_RESUME) {
		dl_err_clear(err);
		return DL_FETCH_DONE;
	}
	if (r != DL_FETCH_DONE)
		return r;
	curl_easy_getinfo(f->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
	*same =
	    file_time(f) == m->time &&
	    (sftp ? f->refused == 0 : size >= 0 && (uint64_t)size == m->size);
	return DL_FETCH_DONE;
}

static enum dl_fetch_result
whole(struct dl_fetch *f, struct mark *m, struct dl_err *err)
{
	enum dl_fetch_result r = dl_fetch_request(f, err);
	bool same;

	if (r != DL_FETCH_DONE)
		return r;
	m->time = file_time(f);
	m->size = f->reply->bytes;
	r = look(f, m, &same, err);
	if (r != DL_FETCH_DONE || same)
		return r;
	dl_err_temp(
	    err, "%s: the file was written to while it was read", f->label);
	return DL_FETCH_AGAIN;
}

enum dl_fetch_result
dl_fetch_remote(struct dl_fetch *f, struct dl_err *err)
{
	enum dl_fetch_result r;
	struct dl_time now;
	struct mark m;
	bool same;

	if (f->scheme == DL_FETCH_SFTP && dl_fetch_hosts(f, err) < 0)
		return dl_fetch_fail_as(err);
	if (parse_mark(f->ask->modified, &m)) {
		r = look(f, &m, &same, err);
		if (r != DL_FETCH_DONE)
			return r;
		if (same) {
			f->reply->status = 304;
			return DL_FETCH_DONE;
		}
	}
	r = whole(f, &m, err);
	dl_now(&now);
	if (r == DL_FETCH_DONE && m.time >= 0 && m.time < now.sec - SETTLED_S)
		print_mark(&m, f->reply->modified, sizeof(f->reply->modified));
	return r;
}
