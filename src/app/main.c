/* The program: finds the command and runs it. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "app/serve.h"
#include "cli/cli.h"

static bool is_one_of(const char *word, const char *a, const char *b)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "--help";
	const struct bud_cli_command *command = bud_cli_find(name);

	if (strcmp(name, "serve") == 0)
		return bud_serve(argc - 1, argv + 1);
	if (command)
		return command->run(argc - 1, argv + 1);
	if (is_one_of(name, "--version", "version")) {
		printf("budstikke %s\n", BUD_VERSION);
		return BUD_CLI_EXIT_OK;
	}
	if (is_one_of(name, "--help", "help")) {
		bud_cli_usage(stdout);
		return argc > 1 ? BUD_CLI_EXIT_OK : BUD_CLI_EXIT_USAGE;
	}
	fprintf(stderr, "budstikke: there is no command \"%s\"\n\n", name);
	bud_cli_usage(stderr);
	return BUD_CLI_EXIT_USAGE;
}
