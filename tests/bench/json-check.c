/*
 * json-check FILE [ROUNDS]: validate each line of FILE, ROUNDS times (10 if not
 * given), and print how many megabytes a second of processor time that makes.
 */
#include "json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "json-check: %s: %s\n", what, why);
	exit(1);
}

static struct dl_span
map(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) < 0)
		die(path, strerror(errno));
	if (st.st_size == 0)
		die(path, "nothing in it");
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		die(path, strerror(errno));
	close(fd);
	return dl_span(p, (size_t)st.st_size);
}

static void
check_lines(struct dl_span text, const char *path)
{
	const char *end = dl_span_end(text), *p = text.p, *nl;
	struct dl_err err = {0};

	for (; p < end; p = nl + 1) {
		if ((nl = memchr(p, '\n', (size_t)(end - p))) == NULL)
			nl = end;
		if (nl > p &&
		    dl_json_check(dl_span(p, (size_t)(nl - p)), &err) < 0)
			die(path, err.msg);
	}
}

static double
processor_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 10;
	struct dl_span text;
	double start;

	if (argc < 2 || rounds < 1)
		die("usage", "json-check FILE [ROUNDS]");
	text = map(argv[1]);
	check_lines(text, argv[1]); /* into memory */
	start = processor_seconds();
	for (int i = 0; i < rounds; i++)
		check_lines(text, argv[1]);
	printf("%.0f\n",
	    (double)text.len * rounds / 1e6 / (processor_seconds() - start));
	return 0;
}
