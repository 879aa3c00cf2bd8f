/*
 * Sleep and waking of a connection.  libmicrohttpd's suspend and resume must
 * come in turn, once each; who resumes is who turned ASLEEP into AWAKE.
 */
#include "http_private.h"

void
dl_http_gate_open(struct dl_http_private *p)
{
	atomic_store(&p->gate, DL_HTTP_AWAKE);
}

bool
dl_http_gate_take(struct dl_http_private *p)
{
	int asleep = DL_HTTP_ASLEEP;

	return atomic_compare_exchange_strong(&p->gate, &asleep, DL_HTTP_AWAKE);
}

void
dl_http_gate_wake(struct dl_http_private *p)
{
	int was = atomic_load(&p->gate);

	while (was == DL_HTTP_AWAKE)
		if (atomic_compare_exchange_weak(&p->gate, &was, DL_HTTP_WOKEN))
			return;
	if (was == DL_HTTP_ASLEEP && dl_http_gate_take(p))
		MHD_resume_connection(p->connection);
}

void
dl_http_gate_sleep(struct dl_http_private *p)
{
	int awake = DL_HTTP_AWAKE;

	/* First, since a waker resumes as soon as it sees ASLEEP. */
	MHD_suspend_connection(p->connection);
	if (!atomic_compare_exchange_strong(&p->gate, &awake, DL_HTTP_ASLEEP)) {
		atomic_store(&p->gate, DL_HTTP_AWAKE);
		MHD_resume_connection(p->connection);
		return;
	}
	/* A stop sweeps all that sleep: either it saw this one, or this does. */
	if (atomic_load(&p->http->stopping) == 2 && dl_http_gate_take(p))
		MHD_resume_connection(p->connection);
}
