/* A command line and its help, from one table of options. Pure: nothing is printed. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/alloc.h"

struct bud_buffer; /* core/text.h */
struct bud_error;  /* core/error.h */

/* Borrowed from argv; the array is owned. Starts as {0}. */
struct bud_words {
	const char **list;
	size_t n;
};

void bud_words_finish(struct bud_words *words);
void bud_words_auto(struct bud_words *words);

enum bud_option_kind {
	BUD_OPTION_SWITCH, /* bool */
	BUD_OPTION_TEXT,   /* const char *, borrowed from argv */
	BUD_OPTION_NUMBER, /* int64_t from min to max */
	BUD_OPTION_LIST,   /* struct bud_words: may be given several times */
};

struct bud_option {
	const char *name; /* with its dashes, "--sink" */
	enum bud_option_kind kind;
	void *out;         /* what it sets; untouched, that is the default, when not given */
	const char *value; /* its name in the help, "URL"; NULL for a switch */
	const char *help;
	int64_t min;
	int64_t max;
};

/* All borrowed. */
struct bud_arguments {
	const char *usage; /* behind "budstikke ", "publish [OPTION]... FILE..." */
	const char *about; /* whole lines */
	const struct bud_option *options;
	size_t options_n;
	const char *examples;       /* whole lines, or NULL */
	struct bud_words *operands; /* NULL: the command takes none */
};

/* `--name value` and `--name=value`; what stands behind `--` is no option, nor is `-` alone.
 * 0: all is set. 1: `--help` was asked for. -EINVAL: `error` says what would be right. */
BUD_MUST_CHECK int bud_arguments_parse(
	const struct bud_arguments *arguments, int argc, char **argv, struct bud_error *error);
/* Appends the help: usage, what it does, the options in two columns, examples. */
void bud_arguments_write_help(const struct bud_arguments *arguments, struct bud_buffer *out);
/* The two together for a command: false when it is over, with its exit code (cli.h) in *out_exit
 * and the help or the error printed. */
BUD_MUST_CHECK bool bud_arguments_take(
	const struct bud_arguments *arguments, int argc, char **argv, int *out_exit);
