/* The table of commands, and the help of the program. */
#include "cli/cli.h"

#include <string.h>

const struct bud_cli_command bud_cli_commands[] = {
	{"publish", bud_cli_publish, "send events to a running server"},
	{"subscribe", bud_cli_subscribe, "have matching events pushed to a URL"},
	{"receive", bud_cli_receive, "be such a URL: print webhooks, check their signatures"},
	{"key", bud_cli_key, "make, list and revoke API keys"},
	{"policy", bud_cli_policy, "ask a policy file who may do what"},
	{"check-config", bud_cli_check_config, "show the configuration that serve would use"},
};
const size_t bud_cli_commands_n = sizeof(bud_cli_commands) / sizeof(bud_cli_commands[0]);

const struct bud_cli_command *bud_cli_find(const char *name)
{
	for (size_t i = 0; i < bud_cli_commands_n; i++)
		if (strcmp(bud_cli_commands[i].name, name) == 0)
			return &bud_cli_commands[i];
	return NULL;
}

void bud_cli_usage(FILE *out)
{
	fputs("budstikke " BUD_VERSION ": publish a CloudEvent, and a signed webhook arrives.\n\n"
	      "Usage: budstikke COMMAND [OPTION]...\n\nCommands:\n",
		out);
	fprintf(out, "  %-14s%s\n", "serve", "run the server: take events in, push webhooks out");
	for (size_t i = 0; i < bud_cli_commands_n; i++)
		fprintf(out, "  %-14s%s\n", bud_cli_commands[i].name, bud_cli_commands[i].summary);
	fputs("\n  --version     print the version\n"
	      "  --help        print this; budstikke COMMAND --help tells about one command\n\n"
	      "A first try, in three terminals:\n"
	      "  budstikke serve --set delivery.allow_http=yes \\\n"
	      "                  --set delivery.allow_networks=127.0.0.0/8\n"
	      "  budstikke receive\n"
	      "  budstikke subscribe --sink http://127.0.0.1:9090/ &&\n"
	      "    budstikke publish --type com.example.hello --source /me --data '{\"n\":1}'\n",
		out);
}
