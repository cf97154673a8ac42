/* `budstikke check-config`: the effective configuration, or what is wrong with it. */
#include "cli/cli.h"

#include <unistd.h>

#include "access/issuers_file.h"
#include "access/parties.h"
#include "access/services.h"
#include "auth/issuers.h"
#include "auth/policy.h"
#include "cli/arguments.h"
#include "config/config.h"
#include "crypto/seal.h"
#include "lifecycle/secrets.h"

static const char about[] =
	"Prints the configuration that serve would use with the same file, environment\n"
	"and --set: every setting, and where it came from. Passwords are shown as ***.\n"
	"Ends with 2 and says what would be right when something is wrong.\n";

static const char examples[] =
	"  budstikke check-config --config /etc/budstikke/budstikke.conf\n"
	"  BUDSTIKKE_WORKERS=2 budstikke check-config --set server.listen=127.0.0.1:0\n"
	"  budstikke check-config --template > budstikke.conf\n";

/* A file that could not be written whole must not look like one that was. */
static int print(const struct bud_buffer *text)
{
	if (fwrite(text->at, 1, text->len, stdout) == text->len && fflush(stdout) == 0)
		return BUD_CLI_EXIT_OK;
	perror("budstikke check-config");
	return BUD_CLI_EXIT_FAILED;
}

/* What the configuration names, as serve reads and checks it. */
static int check_files(const struct bud_config *config, struct bud_error *error)
{
	struct bud_sealer *sealer = NULL;
	struct bud_issuers *issuers = NULL;
	struct bud_policy *policy = NULL;
	struct bud_parties *parties = NULL;
	int r = bud_secrets_load(config, &sealer, error);

	if (r == 0)
		r = bud_issuers_load(config, &issuers, error);
	if (r == 0)
		r = bud_services_check(config, error);
	if (r == 0 && config->auth.policy_file[0] != '\0')
		r = bud_policy_load(config->auth.policy_file, &policy, error);
	if (r == 0 && config->auth.parties_file[0] != '\0')
		r = bud_parties_load(config->auth.parties_file, &parties, error);
	bud_parties_destroy(parties);
	bud_policy_destroy(policy);
	bud_issuers_unref(issuers);
	bud_sealer_destroy(sealer);
	return r;
}

int bud_cli_check_config(int argc, char **argv)
{
	bud_auto(words) struct bud_words sets = {0};
	bud_auto(buffer) struct bud_buffer text = {0};
	struct bud_config_sources sources = {.environment = environ};
	bool wants_template = false;
	const struct bud_option options[] = {
		{"--config", BUD_OPTION_TEXT, &sources.file, "FILE", "Read this file.", 0, 0},
		{"--set", BUD_OPTION_LIST, &sets, "KEY=VALUE",
			"Set one setting; wins over the file and the environment.", 0, 0},
		{"--template", BUD_OPTION_SWITCH, &wants_template, NULL,
			"Print a file with every setting, its meaning and its default.", 0, 0},
	};
	const struct bud_arguments arguments = {"check-config [--config FILE] [--set KEY=VALUE]...",
		about, options, sizeof(options) / sizeof(options[0]), examples, NULL};
	struct bud_config config;
	struct bud_error error;
	int exit_code;
	int r;

	if (!bud_arguments_take(&arguments, argc, argv, &exit_code))
		return exit_code;
	if (wants_template) {
		bud_config_write_template(&text);
		return print(&text);
	}
	sources.sets = sets.list;
	sources.sets_n = sets.n;
	r = bud_config_load(&sources, &config, &error);
	if (r == 0)
		r = check_files(&config, &error);
	if (r < 0) {
		fprintf(stderr, "budstikke check-config: %s\n", error.text);
		return BUD_CLI_EXIT_USAGE;
	}
	bud_config_write(&config, &text);
	return print(&text);
}
