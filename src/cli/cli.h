/* The commands beside `serve`, a file each: thin clients over the API, and a sample receiver. */
#pragma once
#include <stddef.h>
#include <stdio.h>

/* What a command gives back to the shell. */
enum bud_cli_exit {
	BUD_CLI_EXIT_OK = 0,
	BUD_CLI_EXIT_FAILED = 1, /* the world said no; stderr says why */
	BUD_CLI_EXIT_USAGE = 2,  /* the command line or the configuration is wrong */
};

struct bud_cli_command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

/* Without serve, which is app's. */
extern const struct bud_cli_command bud_cli_commands[];
extern const size_t bud_cli_commands_n;

/* NULL when there is no such command here. */
const struct bud_cli_command *bud_cli_find(const char *name);
/* The help of the program as a whole, serve included. */
void bud_cli_usage(FILE *out);

/* argv[0] is the command's own name. Each returns an exit code and knows `--help`. */
int bud_cli_check_config(int argc, char **argv);
int bud_cli_publish(int argc, char **argv);
int bud_cli_subscribe(int argc, char **argv);
int bud_cli_receive(int argc, char **argv);
int bud_cli_key(int argc, char **argv);
int bud_cli_policy(int argc, char **argv);
