/* The program: finds the command and runs it. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/serve.h"
#include "cli/cli.h"

static bool is_one_of(const char *word, const char *a, const char *b)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

/* Whoever starts us may have closed them. What we open next would take their numbers, and our lines
 * would go into it. The wrong way round, so that writing still fails and is told. */
static void fill_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

static int run(int argc, char **argv)
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

/* These go on, or end as they should, when nobody reads their lines. */
static bool outlives_its_readers(int argc, char **argv)
{
	return argc > 1 && is_one_of(argv[1], "serve", "receive");
}

/* An answer that nobody got, such as a key that is shown once, must not look like one that came. */
int main(int argc, char **argv)
{
	int exit_code;

	fill_streams();
	exit_code = run(argc, argv);
	if (exit_code != BUD_CLI_EXIT_OK || outlives_its_readers(argc, argv) ||
		(fflush(stdout) == 0 && !ferror(stdout)))
		return exit_code;
	fprintf(stderr, "budstikke: what this command said could not be written\n");
	return BUD_CLI_EXIT_FAILED;
}
