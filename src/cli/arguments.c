/* Command lines. The table is read twice: to set what was given, and to write the help. */
#include "cli/arguments.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "core/error.h"
#include "core/text.h"

#define HELP_COLUMN 26

void bud_words_finish(struct bud_words *words)
{
	free(words->list);
	*words = (struct bud_words){0};
}

void bud_words_auto(struct bud_words *words)
{
	bud_words_finish(words);
}

static void add_word(struct bud_words *words, const char *word)
{
	words->list = bud_realloc(words->list, (words->n + 1) * sizeof(*words->list));
	words->list[words->n++] = word;
}

/* Reading */

static int set_number(const struct bud_option *option, const char *text, struct bud_error *error)
{
	uint64_t number;

	if (!bud_span_number(bud_span(text), (uint64_t)option->max, &number) ||
		(int64_t)number < option->min)
		return bud_error_set(error, option->name,
			"%s takes a whole number from %" PRId64 " to %" PRId64 ", not \"%s\"",
			option->name, option->min, option->max, text);
	*(int64_t *)option->out = (int64_t)number;
	return 0;
}

static int set_option(const struct bud_option *option, const char *text, struct bud_error *error)
{
	switch (option->kind) {
	case BUD_OPTION_SWITCH:
		*(bool *)option->out = true;
		return 0;
	case BUD_OPTION_TEXT:
		*(const char **)option->out = text;
		return 0;
	case BUD_OPTION_NUMBER:
		return set_number(option, text, error);
	case BUD_OPTION_LIST:
		add_word(option->out, text);
		return 0;
	}
	return -EINVAL;
}

static const struct bud_option *find(const struct bud_arguments *arguments, struct bud_span name)
{
	for (size_t i = 0; i < arguments->options_n; i++)
		if (bud_span_is(name, arguments->options[i].name))
			return &arguments->options[i];
	return NULL;
}

/* argv[i] is an option. Returns how many words it took, or -EINVAL. */
static int take_option(
	const struct bud_arguments *arguments, char **argv, int i, struct bud_error *error)
{
	const char *word = argv[i];
	const char *equals = strchr(word, '=');
	struct bud_span name = {word, equals ? (size_t)(equals - word) : strlen(word)};
	const struct bud_option *option = find(arguments, name);
	const char *value = equals ? equals + 1 : argv[i + 1];
	int r;

	if (!option)
		return bud_error_set(error, NULL, "there is no option %.*s", (int)name.len, word);
	if (option->kind == BUD_OPTION_SWITCH && equals)
		return bud_error_set(error, option->name, "%s takes no value", option->name);
	if (option->kind != BUD_OPTION_SWITCH && !value)
		return bud_error_set(
			error, option->name, "%s needs a value: %s", option->name, option->value);
	r = set_option(option, value, error);
	if (r < 0)
		return r;
	return option->kind == BUD_OPTION_SWITCH || equals ? 1 : 2;
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int take_operand(
	const struct bud_arguments *arguments, const char *word, struct bud_error *error)
{
	if (!arguments->operands)
		return bud_error_set(error, NULL,
			"\"%s\" is one word too many: each value follows its --option", word);
	add_word(arguments->operands, word);
	return 0;
}

int bud_arguments_parse(
	const struct bud_arguments *arguments, int argc, char **argv, struct bud_error *error)
{
	bool has_ended = false; /* the options, by "--" */
	int i = 1;

	while (i < argc) {
		bool is_option = !has_ended && argv[i][0] == '-' && argv[i][1] != '\0';
		int r = 1;

		if (is_option && is_help(argv[i]))
			return 1;
		if (is_option && strcmp(argv[i], "--") == 0)
			has_ended = true;
		else if (is_option)
			r = take_option(arguments, argv, i, error);
		else if (take_operand(arguments, argv[i], error) < 0)
			return -EINVAL;
		if (r < 0)
			return r;
		i += r;
	}
	return 0;
}

/* The help */

static void write_option(const struct bud_option *option, struct bud_buffer *out)
{
	size_t start = out->len;
	const char *line = option->help;
	const char *more = option->kind == BUD_OPTION_LIST ? "..." : "";

	bud_buffer_format(out, "  %s%s%s%s", option->name, option->value ? " " : "",
		option->value ? option->value : "", more);
	if (out->len - start >= HELP_COLUMN) {
		bud_buffer_byte(out, '\n');
		start = out->len;
	}
	/* A help of several lines stays in its column. */
	for (;;) {
		const char *end = strchr(line, '\n');
		size_t len = end ? (size_t)(end - line) : strlen(line);

		bud_buffer_format(out, "%*s%.*s\n", (int)(HELP_COLUMN - (out->len - start)), "",
			(int)len, line);
		if (!end)
			return;
		line = end + 1;
		start = out->len;
	}
}

void bud_arguments_write_help(const struct bud_arguments *arguments, struct bud_buffer *out)
{
	static const struct bud_option help = {
		"--help", BUD_OPTION_SWITCH, NULL, NULL, "Say this and do nothing.", 0, 0};

	bud_buffer_format(
		out, "Usage: budstikke %s\n\n%s\nOptions:\n", arguments->usage, arguments->about);
	for (size_t i = 0; i < arguments->options_n; i++)
		write_option(&arguments->options[i], out);
	write_option(&help, out);
	if (arguments->examples)
		bud_buffer_format(out, "\nExamples:\n%s", arguments->examples);
}

bool bud_arguments_take(const struct bud_arguments *arguments, int argc, char **argv, int *out_exit)
{
	bud_auto(buffer) struct bud_buffer help = {0};
	struct bud_error error;
	int r = bud_arguments_parse(arguments, argc, argv, &error);

	if (r < 0) {
		fprintf(stderr, "budstikke %s: %s\nSee: budstikke %s --help\n", argv[0], error.text,
			argv[0]);
		*out_exit = BUD_CLI_EXIT_USAGE;
		return false;
	}
	if (r == 0)
		return true;
	bud_arguments_write_help(arguments, &help);
	fwrite(help.at, 1, help.len, stdout);
	*out_exit = BUD_CLI_EXIT_OK;
	return false;
}
