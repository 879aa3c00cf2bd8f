#include "crew.h"

#include "buf.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKER_FD 3
#define ORDER_WORK 'w' /* another block is there for you */
#define ORDER_GO_ON 'g'

struct dl_crew_worker {
	pid_t pid; /* 0: has been waited for */
	int fd;
	int given; /* blocks that it was given, and has not finished */
	int at;    /* the first of them; a worker's own: the one at hand */
	bool gone;
};

/* A page of its own for each, for they are written all the time. */
struct dl_crew_desk {
	_Alignas(4096) volatile uint64_t line;
	volatile uint64_t lens[DL_CREW_BLOCKS];
};

int
dl_crew_size(int64_t n, struct dl_err *err)
{
	cpu_set_t set;
	int have = 1;

	if (n > DL_CREW_MOST)
		return dl_err_usage(err,
		    "'-j %lld' is too much: 1 to %d, or 0 for all processors",
		    (long long)n, DL_CREW_MOST);
	if (n > 0)
		return (int)n;
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		have = CPU_COUNT(&set);
	return have < DL_CREW_MOST ? have : DL_CREW_MOST;
}

/*
 * Blocks have room for what hardly ever comes: a page that nobody has touched
 * takes no memory.
 */
static int
map_blocks(struct dl_crew *c, struct dl_err *err)
{
	size_t desks = (size_t)c->workers * sizeof(*c->desk);
	size_t each = (DL_CREW_IN + 4095) / 4096 * 4096 + DL_CREW_PIECE;
	char *p;

	c->shared_len = desks + (size_t)c->blocks * each;
	p = mmap(NULL, c->shared_len, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return dl_err_errno(
		    err, "no memory for %d workers", c->workers);
	c->shared = p;
	c->desk = c->shared;
	p += desks;
	for (int i = 0; i < c->blocks; i++, p += each) {
		c->block[i].out = p;
		c->block[i].in = p + DL_CREW_PIECE;
	}
	return 0;
}

/* What a worker has of its parent: memory, standard error, and a socket. */
static void
become_worker(struct dl_crew *c, int me, int fd)
{
	int null;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	if (fd != WORKER_FD)
		dup2(fd, WORKER_FD);
	close_range(WORKER_FD + 1, ~0U, 0);
	/* Not before: there may have been no descriptor left. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	close(null);
	c->me = me;
	c->worker[me] = (struct dl_crew_worker){.fd = WORKER_FD, .at = -1};
}

static int
start_worker(struct dl_crew *c, int i, struct dl_err *err)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return dl_err_errno(err, "cannot make a socket");
	if ((pid = fork()) < 0) {
		dl_err_errno(err, "cannot start a worker");
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	if (pid == 0) {
		become_worker(c, i, pair[1]);
		return 1;
	}
	close(pair[1]);
	c->worker[i] =
	    (struct dl_crew_worker){.pid = pid, .fd = pair[0], .at = i};
	return 0;
}

int
dl_crew_start(struct dl_crew *c, int workers, struct dl_err *err)
{
	int r = 0;

	*c = (struct dl_crew){.workers = workers};
	c->blocks = workers * DL_CREW_BLOCKS;
	c->worker = dl_calloc((size_t)workers, sizeof(*c->worker));
	c->block = dl_calloc((size_t)c->blocks, sizeof(*c->block));
	/* Where nobody waits for children, their status is thrown away. */
	signal(SIGCHLD, SIG_DFL);
	if (map_blocks(c, err) < 0)
		r = -1;
	for (int i = 0; i < workers && r == 0; i++)
		r = start_worker(c, i, err);
	if (r < 0)
		dl_crew_end(c);
	return r;
}

static int
wait_for(struct dl_crew_worker *w)
{
	int status = 0;

	while (waitpid(w->pid, &status, 0) < 0)
		if (errno != EINTR)
			break;
	w->pid = 0;
	return status;
}

void
dl_crew_end(struct dl_crew *c)
{
	for (int i = 0; i < c->workers; i++) {
		struct dl_crew_worker *w = &c->worker[i];

		if (w->pid == 0)
			continue;
		if (w->given > 0)
			kill(w->pid, SIGKILL);
		close(w->fd);
		wait_for(w);
	}
	if (c->shared != NULL)
		munmap(c->shared, c->shared_len);
	free(c->worker);
	free(c->block);
	*c = (struct dl_crew){0};
}

static int
next_index(const struct dl_crew *c)
{
	return (c->oldest + c->on_way) % c->blocks;
}

struct dl_crew_block *
dl_crew_spare(struct dl_crew *c)
{
	if (c->short_handed || c->on_way == c->blocks ||
	    c->bytes > (size_t)c->workers * DL_CREW_AHEAD)
		return NULL;
	return &c->block[next_index(c)];
}

bool
dl_crew_idle(const struct dl_crew *c)
{
	return c->worker[next_index(c) % c->workers].given == 0;
}

/* A worker that cannot be told will be found gone when it is listened to. */
static void
order(struct dl_crew_worker *w, char what)
{
	if (!w->gone)
		(void)!send(w->fd, &what, 1, MSG_NOSIGNAL);
}

void
dl_crew_give(struct dl_crew *c)
{
	int i = next_index(c), me = i % c->workers;
	struct dl_crew_block *b = &c->block[i];

	c->desk[me].lens[i / c->workers] = b->long_bytes > 0 ? 0 : b->len;
	c->bytes += b->len;
	c->on_way++;
	c->worker[me].given++;
	order(&c->worker[me], ORDER_WORK);
}

struct dl_crew_block *
dl_crew_oldest(const struct dl_crew *c)
{
	return c->on_way == 0 ? NULL : &c->block[c->oldest];
}

/* How a worker ended that should not have. */
static int
mourn(struct dl_crew_worker *w, struct dl_err *err)
{
	int status = wait_for(w);

	close(w->fd);
	if (WIFSIGNALED(status))
		return dl_err_temp(err, "a worker was ended by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) == 0)
		return dl_err_bug(err, "a worker ended too early");
	err->status = (enum dl_exit)WEXITSTATUS(status);
	return -1;
}

int
dl_crew_take(struct dl_crew *c, struct dl_crew_piece *p, struct dl_err *err)
{
	struct dl_crew_block *b = dl_crew_oldest(c);
	int i = c->oldest % c->workers;

	if (b != NULL && b->ready) {
		*p = b->piece;
		return 1;
	}
	p->lines = b == NULL ? 0 : c->desk[i].line;
	if (b == NULL && c->short_handed)
		for (i = 0; !c->worker[i].gone;)
			i++;
	return c->worker[i].gone ? mourn(&c->worker[i], err) : 0;
}

/* Give back the memory that a long line took. */
static void
trim(struct dl_crew_block *b)
{
	size_t keep = 2 * DL_CREW_FILL;

	if (b->len > keep || b->long_bytes > 0)
		madvise(
		    b->in + keep, DL_CREW_IN / 4096 * 4096 - keep, MADV_REMOVE);
}

void
dl_crew_done(struct dl_crew *c)
{
	struct dl_crew_block *b = &c->block[c->oldest];

	b->ready = false;
	if (b->piece.more) {
		order(&c->worker[c->oldest % c->workers], ORDER_GO_ON);
		return;
	}
	c->bytes -= b->len;
	trim(b);
	b->len = 0;
	b->long_bytes = 0;
	c->oldest = (c->oldest + 1) % c->blocks;
	c->on_way--;
}

void
dl_crew_poll(const struct dl_crew *c, struct pollfd *to)
{
	for (int i = 0; i < c->workers; i++)
		to[i] = (struct pollfd){
		    .fd = c->worker[i].gone ? -1 : c->worker[i].fd,
		    .events = POLLIN};
}

/*
 * That a worker died with orders that it had not read is told before what it
 * had said, and once.
 */
static ssize_t
receive(const struct dl_crew_worker *w, struct dl_crew_piece *p)
{
	ssize_t n = recv(w->fd, p, sizeof(*p), MSG_DONTWAIT);

	if (n < 0 && errno == ECONNRESET)
		n = recv(w->fd, p, sizeof(*p), MSG_DONTWAIT);
	return n;
}

/* One message of a worker: false, there is none, or it makes no sense. */
static bool
hear_one(struct dl_crew *c, struct dl_crew_worker *w)
{
	struct dl_crew_block *b = &c->block[w->at];
	struct dl_crew_piece p;
	ssize_t n = receive(w, &p);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n != sizeof(p) || w->given == 0 || b->ready ||
	    p.bytes > DL_CREW_PIECE || p.notes > DL_CREW_PIECE - p.bytes) {
		w->gone = c->short_handed = true;
		kill(w->pid, SIGKILL);
		return false;
	}
	b->piece = p;
	b->ready = true;
	if (!p.more) {
		w->given--;
		w->at = (w->at + c->workers) % c->blocks;
	}
	return true;
}

void
dl_crew_hear(struct dl_crew *c, const struct pollfd *came)
{
	for (int i = 0; i < c->workers; i++)
		if (came[i].revents != 0 && !c->worker[i].gone)
			while (hear_one(c, &c->worker[i]))
				;
}

/* Wait for an order; others that come meanwhile are for later. */
static int
await(struct dl_crew_worker *w, char what)
{
	ssize_t n;
	char got;

	while (what != ORDER_WORK || w->given == 0) {
		n = recv(w->fd, &got, 1, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n != 1)
			return -1;
		if (got == ORDER_WORK)
			w->given++;
		else
			return 0;
	}
	w->given--;
	return 0;
}

int
dl_crew_next(struct dl_crew *c, struct dl_span *in, char **out)
{
	struct dl_crew_worker *w = &c->worker[c->me];
	struct dl_crew_block *b;

	c->desk[c->me].line = 0;
	if (await(w, ORDER_WORK) < 0)
		return 0;
	w->at = w->at < 0 ? c->me : (w->at + c->workers) % c->blocks;
	b = &c->block[w->at];
	*in = dl_span(b->in, c->desk[c->me].lens[w->at / c->workers]);
	*out = b->out;
	return 1;
}

void
dl_crew_at(struct dl_crew *c, uint64_t line)
{
	c->desk[c->me].line = line;
}

int
dl_crew_put(struct dl_crew *c, const struct dl_crew_piece *p)
{
	struct dl_crew_worker *w = &c->worker[c->me];

	if (send(w->fd, p, sizeof(*p), MSG_NOSIGNAL) != (ssize_t)sizeof(*p))
		return -1;
	return p->more ? await(w, ORDER_GO_ON) : 0;
}
