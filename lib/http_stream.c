#include "http_private.h"

#include "clock.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define TRIES 4
#define UNSENT (1 << 16) /* bytes of a stream that wait in the kernel */

void
dl_http_stream_end(struct dl_http_private *p)
{
	if (!p->streaming)
		return;
	p->streaming = false;
	atomic_store(&p->beat, 0);
	atomic_fetch_sub(&p->http->streams, 1);
	if (p->stream.done != NULL)
		p->stream.done(p->stream.arg);
}

static void
stream_released(void *cls)
{
	dl_http_stream_end(cls);
}

static ssize_t
stream_read(void *cls, uint64_t pos, char *to, size_t max)
{
	struct dl_http_private *p = cls;
	int tries = 0;
	ssize_t n;

	(void)pos;
	if (!p->streaming || atomic_load(&p->left) ||
	    atomic_load(&p->http->stopping) != 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	/* Often enough more is there at once, and to sleep costs more. */
	do {
		dl_http_gate_open(p);
		n = p->stream.fill(p->stream.arg, to, max);
	} while (n == 0 && atomic_load(&p->gate) == DL_HTTP_WOKEN &&
		 ++tries < TRIES);
	if (n > 0) {
		p->streamed += (uint64_t)n;
		return n;
	}
	if (n < 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (p->stream.beat_ms > 0)
		atomic_store(&p->beat, dl_clock_ms() + p->stream.beat_ms);
	dl_http_gate_sleep(p);
	return 0;
}

enum dl_http_next
dl_http_stream(struct dl_http_request *q, const struct dl_http_stream *stream)
{
	struct dl_http_private *p = q->private;
	int unsent = UNSENT;

	/* Of a slow reader the kernel would keep megabytes, and all grow old. */
	setsockopt(
	    p->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	p->stream = *stream;
	p->streaming = true;
	atomic_store(&p->left, false);
	atomic_store(&p->beat, INT64_MAX);
	atomic_fetch_add(&p->http->streams, 1);
	p->status = 200;
	p->response = MHD_create_response_from_callback(
	    MHD_SIZE_UNKNOWN, DL_HTTP_BLOCK, stream_read, p, stream_released);
	if (p->response == NULL) {
		dl_http_stream_end(p);
		return dl_http_problem(q, 500, "internal", "out of memory");
	}
	MHD_add_response_header(p->response, "Content-Type", stream->type);
	dl_http_common_headers(p);
	return DL_HTTP_ANSWERED;
}

void
dl_http_wake(struct dl_http_request *q)
{
	dl_http_gate_wake(q->private);
}

void
dl_http_resume(struct dl_http_request *q)
{
	dl_http_gate_wake(q->private);
}
