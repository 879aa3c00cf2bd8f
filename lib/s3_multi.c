/*
 * Put an object in pieces (a multipart upload).  Nobody sees it before the last
 * request, which completes it.
 */
#include "s3_private.h"

#include "s3_xml.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUND (1 << 20)        /* of a piece's size */
#define ID_MAX 2048            /* of an upload */
#define ANSWER_MAX (256 << 10) /* completing: white space comes meanwhile */
#define ABORT_GIVE_UP_MS (2 * 1000)

struct piece {
	char etag[80];
	char base64[DL_S3_BASE64];
};

struct multi {
	struct dl_s3 *s;
	const char *key;
	const struct dl_s3_body *body;
	char *id;      /* escaped */
	uint64_t size; /* of a piece; the last may be shorter */
	unsigned n;
	struct piece *pieces;

	pthread_mutex_t lock; /* of all below */
	unsigned next;
	struct dl_err err;  /* the first failure */
	atomic_bool halted; /* there is one */
};

static int
take_id(void *arg, const char *path, struct dl_span text, struct dl_err *err)
{
	struct dl_buf *id = arg;

	(void)err;
	if (strcmp(path, "InitiateMultipartUploadResult/UploadId") == 0 &&
	    text.p != NULL && text.len <= ID_MAX) {
		dl_buf_clear(id);
		dl_s3_url_escape(id, text, false);
	}
	return 0;
}

static int
begin(struct multi *m, const struct dl_s3_put *how, const char *sha256,
    struct dl_err *err)
{
	struct dl_s3_lines lines = {0};
	struct dl_buf xml = {0}, id = {0};
	const struct dl_s3_request r = {.method = "POST",
	    .key = m->key,
	    .query = "uploads=",
	    .headers = &lines,
	    .bytes = DL_SPAN(""),
	    .into = &xml,
	    .max = ANSWER_MAX,
	    .xml = "InitiateMultipartUploadResult"};
	char shown[DL_S3_SHOWN];
	struct dl_s3_answer a;
	int done;

	dl_s3_put_headers(m->s, how, sha256, &lines);
	dl_s3_lines_add(&lines, "x-amz-checksum-algorithm: SHA256");
	done = dl_s3_send(m->s, &r, &a, err);
	if (done == 0) {
		done = dl_s3_xml_parse(dl_buf_as_span(&xml), take_id, &id, err);
		if (done < 0)
			dl_err_prefix(err, "%s: the answer",
			    dl_s3_shown(m->s, m->key, shown));
		else if (id.len == 0)
			done = dl_err_temp(err, "%s: no id of an upload came",
			    dl_s3_shown(m->s, m->key, shown));
	}
	m->id = dl_strdup(dl_buf_str(&id));
	dl_s3_lines_release(&lines);
	dl_buf_release(&xml);
	dl_buf_release(&id);
	return done;
}

static int
put_piece(struct multi *m, unsigned i, struct dl_err *err)
{
	uint64_t from = (uint64_t)i * m->size;
	struct dl_s3_lines lines = {0};
	struct dl_buf query = {0};
	char hex[DL_SIGV4_HASH];
	struct dl_s3_request r = {.method = "PUT",
	    .key = m->key,
	    .headers = &lines,
	    .bytes = m->body->bytes,
	    .fd = m->body->fd,
	    .from = from,
	    .size = i + 1 < m->n ? m->size : m->body->size - from,
	    .file = m->body->name,
	    .payload = hex,
	    .etag = true,
	    .halted = &m->halted};
	struct dl_s3_answer a;
	int done = -1;

	if (r.bytes.p != NULL)
		r.bytes = dl_span(r.bytes.p + from, (size_t)r.size);
	dl_buf_printf(&query, "partNumber=%u&uploadId=%s", i + 1, m->id);
	r.query = dl_buf_str(&query);
	if (dl_s3_put_hash(
		m->body, from, r.size, hex, m->pieces[i].base64, err) == 0) {
		dl_s3_lines_add(
		    &lines, "x-amz-checksum-sha256: %s", m->pieces[i].base64);
		done = dl_s3_send(m->s, &r, &a, err);
	}
	if (done == 0)
		memcpy(m->pieces[i].etag, a.etag, sizeof(a.etag));
	dl_s3_lines_release(&lines);
	dl_buf_release(&query);
	return done;
}

/* A thread: pieces, until there are none or one has failed. */
static void *
work(void *arg)
{
	struct multi *m = arg;
	struct dl_err err = {0};
	unsigned i;

	for (;;) {
		pthread_mutex_lock(&m->lock);
		i = atomic_load(&m->halted) ? m->n : m->next++;
		pthread_mutex_unlock(&m->lock);
		if (i >= m->n)
			return NULL;
		if (put_piece(m, i, &err) < 0)
			break;
	}
	pthread_mutex_lock(&m->lock);
	if (!atomic_exchange(&m->halted, true))
		m->err = err;
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

/* This thread is one of those that work, and all of them if there's no more. */
static int
put_pieces(struct multi *m, int jobs, struct dl_err *err)
{
	pthread_t threads[DL_S3_JOBS_MAX];
	sigset_t all, old;
	int n = 0;

	if (jobs > DL_S3_JOBS_MAX)
		jobs = DL_S3_JOBS_MAX;
	if ((unsigned)jobs > m->n)
		jobs = (int)m->n;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (n < jobs - 1 && pthread_create(&threads[n], NULL, work, m) == 0)
		n++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	work(m);
	while (n > 0)
		pthread_join(threads[--n], NULL);
	if (!atomic_load(&m->halted))
		return 0;
	*err = m->err;
	return -1;
}

static void
escape_xml(struct dl_buf *b, const char *text)
{
	for (; *text != '\0'; text++)
		if (strchr("<>&\"'", *text) != NULL)
			dl_buf_printf(b, "&#%d;", *text);
		else
			dl_buf_addc(b, *text);
}

static void
list_pieces(const struct multi *m, struct dl_buf *b)
{
	dl_buf_adds(b, "<CompleteMultipartUpload xmlns=\""
		       "http://s3.amazonaws.com/doc/2006-03-01/\">");
	for (unsigned i = 0; i < m->n; i++) {
		dl_buf_printf(
		    b, "<Part><PartNumber>%u</PartNumber><ETag>&quot;", i + 1);
		escape_xml(b, m->pieces[i].etag);
		dl_buf_printf(b,
		    "&quot;</ETag><ChecksumSHA256>%s</ChecksumSHA256></Part>",
		    m->pieces[i].base64);
	}
	dl_buf_adds(b, "</CompleteMultipartUpload>");
}

/* 0 it is there; 1 another object is; -1. */
static int
complete(struct multi *m, bool create, const char *sha256, struct dl_err *err)
{
	struct dl_s3_lines lines = {0};
	struct dl_buf query = {0}, xml = {0}, got = {0};
	char hex[DL_SIGV4_HASH], shown[DL_S3_SHOWN];
	struct dl_s3_request r = {.method = "POST",
	    .key = m->key,
	    .headers = &lines,
	    .payload = hex,
	    .expect = DL_S3_NO_UPLOAD | (create ? DL_S3_PRESENT : 0),
	    .into = &got,
	    .max = ANSWER_MAX,
	    .xml = "CompleteMultipartUploadResult"};
	struct dl_s3_answer a;
	int done;

	dl_buf_printf(&query, "uploadId=%s", m->id);
	r.query = dl_buf_str(&query);
	list_pieces(m, &xml);
	r.bytes = dl_buf_as_span(&xml);
	r.size = xml.len;
	dl_sigv4_hash(r.bytes, hex);
	dl_s3_lines_add(&lines, "Content-Type: application/xml");
	if (create)
		dl_s3_lines_add(&lines, "If-None-Match: *");
	done = dl_s3_send(m->s, &r, &a, err);
	if (done == 0 && a.status / 100 != 2) {
		/* It may be ours, of a try whose answer was lost. */
		done = a.lost ? dl_s3_put_mine(m->s, m->key, sha256, err) : 0;
		if (done == 0 && strcmp(a.code, "NoSuchUpload") == 0)
			done = dl_err_temp(err,
			    "%s: the upload is gone: somebody has aborted it",
			    dl_s3_shown(m->s, m->key, shown));
		else if (done >= 0)
			done = !done;
	}
	dl_s3_lines_release(&lines);
	dl_buf_release(&query);
	dl_buf_release(&xml);
	dl_buf_release(&got);
	return done;
}

static void
abandon(struct multi *m)
{
	struct dl_err ignored = {0};
	struct dl_buf query = {0};
	struct dl_s3_request r = {.method = "DELETE",
	    .key = m->key,
	    .expect = DL_S3_NO_UPLOAD | DL_S3_ABSENT,
	    .give_up_ms = ABORT_GIVE_UP_MS};
	struct dl_s3_answer a;

	/* If this fails too, it is found by dl_s3_uploads() later. */
	dl_buf_printf(&query, "uploadId=%s", m->id);
	r.query = dl_buf_str(&query);
	dl_s3_send(m->s, &r, &a, &ignored);
	dl_buf_release(&query);
}

/* 1 an object has the key, 0 none has, -1. */
static int
taken(struct multi *m, struct dl_err *err)
{
	struct dl_s3_object o;

	return dl_s3_head(m->s, m->key, &o, err);
}

static void
cut(struct multi *m)
{
	m->size = m->body->size / DL_S3_PIECES + 1;
	m->size = (m->size + ROUND - 1) / ROUND * ROUND;
	if (m->size < DL_S3_PIECE)
		m->size = DL_S3_PIECE;
	m->n = (unsigned)((m->body->size + m->size - 1) / m->size);
	m->pieces = dl_calloc(m->n, sizeof(*m->pieces));
}

int
dl_s3_multi(struct dl_s3 *s, const char *key, const struct dl_s3_body *body,
    const struct dl_s3_put *how, const char *sha256, struct dl_err *err)
{
	struct multi m = {.s = s, .key = key, .body = body};
	int done = 0;

	pthread_mutex_init(&m.lock, NULL);
	/* Before all the bytes have gone; the completion asks once more. */
	if (how->create)
		done = taken(&m, err);
	if (done == 0 && (done = begin(&m, how, sha256, err)) == 0) {
		cut(&m);
		done =
		    put_pieces(&m, how->jobs > 0 ? how->jobs : DL_S3_JOBS, err);
		/* Not all services look at If-None-Match then. */
		if (done == 0 && how->create)
			done = taken(&m, err);
		if (done == 0)
			done = complete(&m, how->create, sha256, err);
		if (done != 0)
			abandon(&m);
	}
	pthread_mutex_destroy(&m.lock);
	free(m.id);
	free(m.pieces);
	return done;
}
