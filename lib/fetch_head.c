/* The head of an answer. */
#include "fetch_private.h"

#include "clock.h"
#include "retry.h"

#include <strings.h>

/* Copy a header's value to out, or "" if there is none or it is too long. */
static void
copy_header(struct dl_fetch *f, const char *name, char *out, size_t size)
{
	struct curl_header *h;

	out[0] = '\0';
	if (curl_easy_header(f->easy, name, 0, CURLH_HEADER, -1, &h) ==
		CURLHE_OK &&
	    strlen(h->value) < size)
		memcpy(out, h->value, strlen(h->value) + 1);
}

/* All headers of that name are one list. */
static void
copy_links(struct dl_fetch *f, struct dl_fetch_reply *reply)
{
	struct curl_header *h;
	size_t len = 0, n;

	for (size_t i = 0; curl_easy_header(f->easy, "Link", i, CURLH_HEADER,
			       -1, &h) == CURLHE_OK;
	     i++) {
		n = strlen(h->value);
		if (len + 2 + n > DL_FETCH_LINK_MAX) {
			reply->link_cut = true;
			return;
		}
		if (len > 0) {
			memcpy(reply->link + len, ", ", 2);
			len += 2;
		}
		memcpy(reply->link + len, h->value, n + 1);
		len += n;
	}
}

static bool
encoding_known(const char *value)
{
	static const char *const known[] = {
	    "gzip", "x-gzip", "deflate", "identity"};
	size_t n, i;

	for (; *value != '\0'; value += n) {
		value += strspn(value, ", \t");
		n = strcspn(value, ", \t");
		for (i = 0; n > 0 && i < 4; i++)
			if (strlen(known[i]) == n &&
			    strncasecmp(value, known[i], n) == 0)
				break;
		if (n > 0 && i == 4)
			return false;
	}
	return true;
}

/* libcurl unpacks whatever it knows, asked for or not. */
static bool
packed_otherwise(struct dl_fetch *f)
{
	struct curl_header *h;

	for (size_t i = 0; curl_easy_header(f->easy, "Content-Encoding", i,
			       CURLH_HEADER, -1, &h) == CURLHE_OK;
	     i++)
		if (!encoding_known(h->value))
			return true;
	return false;
}

void
dl_fetch_head_take(struct dl_fetch *f)
{
	struct dl_fetch_reply *reply = f->reply;
	struct dl_time now;
	char after[128];
	long status = 0;

	if (f->began)
		return;
	f->began = true;
	reply->status = 200;
	if (f->scheme != DL_FETCH_HTTP)
		return;
	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	reply->status = (int)status;
	copy_header(f, "Content-Type", reply->type, sizeof(reply->type));
	copy_header(f, "ETag", reply->etag, sizeof(reply->etag));
	copy_header(
	    f, "Last-Modified", reply->modified, sizeof(reply->modified));
	copy_header(f, "Retry-After", after, sizeof(after));
	copy_links(f, reply);
	dl_now(&now);
	reply->after_ms = dl_retry_after(dl_span_str(after), &now);
	f->packed = packed_otherwise(f);
}

size_t
dl_fetch_head_line(char *p, size_t size, size_t n, void *arg)
{
	struct dl_fetch *f = arg;
	long status = 0;

	n *= size;
	f->came_ms = dl_clock_ms();
	f->head_bytes += n;
	if (f->head_bytes > DL_FETCH_HEADERS_MAX) {
		dl_err_data(f->err,
		    "%s: the answer's headers are longer than "
		    "%d bytes",
		    f->label, DL_FETCH_HEADERS_MAX);
		f->failed = true;
		return 0;
	}
	if (n <= 2 && (n == 0 || p[0] == '\r' || p[0] == '\n')) {
		curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
		f->headed = status / 100 != 1;
		f->flowing = status / 100 == 2;
	}
	return n;
}
