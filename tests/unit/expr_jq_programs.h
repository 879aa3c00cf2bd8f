/*
 * The programs of expr_jq.c, read from the files of the folder expr_jq.
 *
 * One program a line; after it, each behind a tab, documents of its own.  All
 * programs are run on the shared documents too, which are a file's lines.
 *
 *	#topic NAME     the programs that follow; `~` after it: all may fall back
 *	~PROGRAM        it may be left to libjq, where all others may not
 *	!PROGRAM        only on its own documents: it would not end on others
 *	¶               a newline in a program
 *
 * The file `refused` has what is no program of jq 1.6; `exact` what is right
 * where jq 1.6 rounds: a program, a document, and its output.
 */
#ifndef DL_EXPR_JQ_PROGRAMS_H
#define DL_EXPR_JQ_PROGRAMS_H

#include "buf.h"
#include "io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUTS 32
#define TOPICS 64
#define LIST_MAX (1 << 20)
#define PARAGRAPH "\xc2\xb6"

struct program {
	char *text;
	char *inputs[INPUTS];
	int ninputs;
	int topic;
	bool own;  /* only on its own inputs */
	bool free; /* may be left to libjq */
};

struct list {
	struct program *programs;
	size_t n;
	char *topics[TOPICS];
	int ntopics;
	char **documents, **refused, **exact;
	size_t ndocuments, nrefused, nexact;
};

/* What a file of the folder holds; it stays for the process's life. */
static char *
list_file(const char *name)
{
	struct dl_buf path = {0}, text = {0};
	struct dl_err err = {0};

	dl_buf_printf(&path, "%.*s/%s",
	    (int)(strlen(__FILE__) - strlen("_programs.h")), __FILE__, name);
	if (dl_read_file(dl_buf_str(&path), LIST_MAX, &text, &err) < 0)
		fail_msg("%s", err.msg);
	dl_buf_release(&path);
	return (char *)dl_buf_str(&text);
}

/* The lines of text, in place, but empty ones: the next one, or NULL. */
static char *
list_line(char **text)
{
	char *line;

	while ((line = strsep(text, "\n")) != NULL)
		if (line[0] != '\0')
			return line;
	return NULL;
}

/* `¶` stands for a newline: the text only grows shorter. */
static void
list_newlines(char *text)
{
	char *p;

	while ((p = strstr(text, PARAGRAPH)) != NULL) {
		*p = '\n';
		memmove(p + 1, p + 2, strlen(p + 2) + 1);
	}
}

static struct program
list_program(char *line, int topic, bool free_topic)
{
	struct program p = {.topic = topic, .free = free_topic};
	char *input;

	for (; *line == '~' || *line == '!'; line++) {
		p.free |= *line == '~';
		p.own |= *line == '!';
	}
	p.text = strsep(&line, "\t");
	list_newlines(p.text);
	while ((input = strsep(&line, "\t")) != NULL) {
		assert_true(p.ninputs < INPUTS);
		p.inputs[p.ninputs++] = input;
	}
	return p;
}

static void
list_add(struct list *l, const char *file)
{
	const char *mark = "#topic ";
	char *text = list_file(file), *line;
	bool free_topic = false;

	while ((line = list_line(&text)) != NULL) {
		if (strncmp(line, mark, strlen(mark)) == 0) {
			assert_true(l->ntopics < TOPICS);
			line += strlen(mark);
			l->topics[l->ntopics++] = strsep(&line, " ");
			free_topic = line != NULL;
			continue;
		}
		assert_true(l->ntopics > 0);
		l->programs =
		    dl_realloc(l->programs, (l->n + 1) * sizeof(*l->programs));
		l->programs[l->n++] =
		    list_program(line, l->ntopics - 1, free_topic);
	}
}

static void
list_lines(const char *file, char ***lines, size_t *n)
{
	char *text = list_file(file), *line;

	while ((line = list_line(&text)) != NULL) {
		*lines = dl_realloc(*lines, (*n + 1) * sizeof(**lines));
		(*lines)[(*n)++] = line;
	}
}

/* Everything, read once. */
static const struct list *
list_read(void)
{
	static const char *const files[] = {"paths", "made", "logic", "values",
	    "text", "update", "names", "lists", "whole"};
	static struct list l;
	size_t i;

	if (l.n > 0)
		return &l;
	list_lines("documents", &l.documents, &l.ndocuments);
	list_lines("refused", &l.refused, &l.nrefused);
	list_lines("exact", &l.exact, &l.nexact);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		list_add(&l, files[i]);
	return &l;
}

#endif
