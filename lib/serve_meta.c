/* GET /healthz and /readyz: is it alive, and can it answer? */
#include "serve.h"

enum dl_http_next
dl_serve_healthz(struct dl_serve_call *call)
{
	dl_buf_adds(&call->q->out, "ok\n");
	dl_http_header(call->q, "Cache-Control", "no-store");
	return dl_http_answer(call->q, 200, "text/plain; charset=utf-8", false);
}

enum dl_http_next
dl_serve_readyz(struct dl_serve_call *call)
{
	struct dl_serve *s = call->s;
	const char *why = NULL;

	if (!atomic_load_explicit(&s->ready, memory_order_acquire))
		why = "there is no twin yet";
	else if (s->jwks != NULL && !dl_jwks_ready(s->jwks))
		why = "the keys of tokens were not fetched yet";
	if (why == NULL)
		return dl_serve_healthz(call);
	dl_http_header(call->q, "Retry-After", "1");
	return dl_http_problem(call->q, 503, "not-ready", "%s", why);
}
