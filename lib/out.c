#include "out.h"

#include "io.h"

void
dl_out_init(struct dl_out *o, int fd, const char *name)
{
	*o = (struct dl_out){.fd = fd, .name = name};
	dl_widen_pipe(fd);
}

void
dl_out_release(struct dl_out *o)
{
	dl_buf_release(&o->buf);
}

int
dl_out_flush(struct dl_out *o, struct dl_err *err)
{
	size_t n = o->buf.len;

	o->buf.len = 0;
	return n == 0 ? 0 : dl_write_all(o->fd, o->buf.p, n, o->name, err);
}
