/*
 * One failure: what happened, in one line for a person, and the exit status
 * that says of which kind it is.
 *
 * A function that can fail takes a struct dl_err * last and fills it once: the
 * first message wins, since what fails later is usually its consequence.  It
 * returns -1 (or NULL); every dl_err_*() below returns -1 for that purpose.
 * The message has no newline, does not name the tool, and is cut at its limit
 * of DL_ERR_MAX bytes; control characters in it are shown as '?'.
 */
#ifndef DL_ERR_H
#define DL_ERR_H

#include <stdarg.h>

#define DL_ERR_MAX 1024

/* After sysexits.h, where a name there fits. */
enum dl_exit {
	DL_EXIT_OK = 0,      /* done */
	DL_EXIT_NO = 1,      /* ran well, the answer is no */
	DL_EXIT_USAGE = 64,  /* wrong options or operands */
	DL_EXIT_DATA = 65,   /* the records are wrong */
	DL_EXIT_BUG = 70,    /* our own fault */
	DL_EXIT_TEMP = 75,   /* network, lock, space, I/O: run it again */
	DL_EXIT_DENIED = 77, /* not allowed */
	DL_EXIT_CONF = 78    /* a specification or a program is wrong */
};

struct dl_err {
	enum dl_exit status; /* DL_EXIT_OK: nothing has failed */
	char msg[DL_ERR_MAX];
};

#define DL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

int dl_err_data(struct dl_err *err, const char *fmt, ...) DL_PRINTF(2, 3);
int dl_err_temp(struct dl_err *err, const char *fmt, ...) DL_PRINTF(2, 3);
int dl_err_conf(struct dl_err *err, const char *fmt, ...) DL_PRINTF(2, 3);
int dl_err_denied(struct dl_err *err, const char *fmt, ...) DL_PRINTF(2, 3);
int dl_err_usage(struct dl_err *err, const char *fmt, ...) DL_PRINTF(2, 3);
int dl_err_bug(struct dl_err *err, const char *fmt, ...) DL_PRINTF(2, 3);

/*
 * A failed system call: the message is what the caller says, then errno's
 * text ("cannot open 'x': No such file or directory").  EACCES, EPERM and EROFS
 * are DL_EXIT_DENIED; a path that can't be right as it stands (a file where a
 * directory is meant, or the other way round) is DL_EXIT_CONF; everything else
 * DL_EXIT_TEMP.
 */
int dl_err_errno(struct dl_err *err, const char *fmt, ...) DL_PRINTF(2, 3);

/* Forget what failed, so that err can be used for the next record. */
void dl_err_clear(struct dl_err *err);

/* Put "WHERE: " before the message, cutting its end if it grows too long. */
void dl_err_prefix(struct dl_err *err, const char *fmt, ...) DL_PRINTF(2, 3);

#endif
