/* `budstikke policy test`: what a policy file says to a question, and by which rule. */
#include "cli/cli.h"

#include <string.h>

#include "auth/authorize.h"
#include "auth/identity.h"
#include "auth/policy.h"
#include "cli/arguments.h"
#include "core/clock.h"
#include "core/error.h"

/* As a shell asks: the decision is the exit code. */
#define EXIT_DENY  3
#define EXIT_LATER 4

struct asked {
	const char *who;
	const char *action;
	const char *resource;
	const char *type;
	const char *subject;
	const char *publisher;
	struct bud_words scopes;
	bool has_point;
};

static const char about[] =
	"Checks a policy file, and says what it decides and by which rule. Without --who it\n"
	"only checks the file. What is not given, of --resource, --type, --subject and\n"
	"--publisher, may be anything, as when somebody subscribes before there is an event.\n"
	"Grants, which are in the server, are not known here.\n"
	"Ends with 0 for permit, 3 for deny, 4 for later (--point, and it would be asked),\n"
	"1 when the file is wrong.\n";

static const char examples[] =
	"  budstikke policy test policy.json --who /org/skd --action subscribe \\\n"
	"    --resource urn:altinn:resource:app_ttd_apps-test \\\n"
	"    --type app.instance.process.completed --subject /party/51326198\n";

static struct bud_span span_of(const char *text)
{
	return text ? bud_span(text) : (struct bud_span){NULL, 0};
}

static int print(const struct bud_ruling *ruling)
{
	printf("%s\t%s", bud_decision_word(ruling->decision), ruling->rule);
	if (ruling->scope[0] != '\0')
		printf(" needs the scope %s", ruling->scope);
	putchar('\n');
	if (fflush(stdout) != 0)
		return BUD_CLI_EXIT_FAILED;
	switch (ruling->decision) {
	case BUD_DECISION_PERMIT:
		return BUD_CLI_EXIT_OK;
	case BUD_DECISION_LATER:
		return EXIT_LATER;
	case BUD_DECISION_DENY:
		break;
	}
	return EXIT_DENY;
}

/* Takes the policy. */
static int ask(const struct asked *asked, enum bud_action action, struct bud_policy *policy)
{
	struct bud_authority *authority = bud_authority_create(
		&(struct bud_authority_options){.has_point = asked->has_point});
	struct bud_identity *identity = bud_identity_create(BUD_AUTHENTICATED_TOKEN, asked->who);
	struct bud_question question = {
		.action = action,
		.who = bud_span(asked->who),
		.publisher = span_of(asked->publisher),
		.resource = span_of(asked->resource),
		.type = span_of(asked->type),
		.subject = span_of(asked->subject),
		.now_ms = bud_clock_wall_ms(),
	};
	struct bud_ruling ruling;

	/* Without any they pass, as they do when an event is delivered. */
	for (size_t i = 0; i < asked->scopes.n; i++)
		bud_identity_add_scope(identity, bud_span(asked->scopes.list[i]));
	if (asked->scopes.n > 0)
		question.identity = identity;
	bud_authority_set_policy(authority, policy);
	(void)bud_authorize(authority, &question, &ruling);
	bud_identity_unref(identity);
	bud_authority_destroy(authority);
	return print(&ruling);
}

static int refuse(const char *text, int exit_code)
{
	fprintf(stderr, "budstikke policy: %s\n", text);
	return exit_code;
}

static int run(const struct asked *asked, const char *file)
{
	struct bud_policy *policy = NULL;
	struct bud_error error = {0};
	enum bud_action action =
		asked->action ? bud_action_of(bud_span(asked->action)) : BUD_ACTION_SUBSCRIBE;

	if (action == BUD_ACTIONS)
		return refuse("--action must be publish, subscribe or read", BUD_CLI_EXIT_USAGE);
	if (bud_policy_load(file, &policy, &error) < 0)
		return refuse(error.text, BUD_CLI_EXIT_FAILED);
	if (asked->who)
		return ask(asked, action, policy);
	bud_policy_destroy(policy);
	puts("the policy is fine");
	return BUD_CLI_EXIT_OK;
}

int bud_cli_policy(int argc, char **argv)
{
	bud_auto(words) struct bud_words operands = {0};
	struct asked asked = {0};
	const struct bud_option options[] = {
		{"--who", BUD_OPTION_TEXT, &asked.who, "NAME", "The identity, /org/skd.", 0, 0},
		{"--action", BUD_OPTION_TEXT, &asked.action, "ACTION",
			"publish, subscribe (the default) or read.", 0, 0},
		{"--resource", BUD_OPTION_TEXT, &asked.resource, "URN", "The event's resource.", 0,
			0},
		{"--type", BUD_OPTION_TEXT, &asked.type, "TYPE", "The event's type.", 0, 0},
		{"--subject", BUD_OPTION_TEXT, &asked.subject, "SUBJECT",
			"The event's subject: the party.", 0, 0},
		{"--publisher", BUD_OPTION_TEXT, &asked.publisher, "NAME",
			"Who published the event.", 0, 0},
		{"--scope", BUD_OPTION_LIST, &asked.scopes, "SCOPE",
			"A scope of the identity; none given: they are not asked for.", 0, 0},
		{"--point", BUD_OPTION_SWITCH, &asked.has_point, NULL,
			"There is a decision point, too.", 0, 0},
	};
	const struct bud_arguments arguments = {"policy test FILE [OPTION]...", about, options,
		sizeof(options) / sizeof(options[0]), examples, &operands};
	int exit_code;

	if (!bud_arguments_take(&arguments, argc, argv, &exit_code)) {
		bud_words_finish(&asked.scopes);
		return exit_code;
	}
	if (operands.n == 2 && strcmp(operands.list[0], "test") == 0)
		exit_code = run(&asked, operands.list[1]);
	else
		exit_code = refuse("say: policy test FILE [OPTION]...", BUD_CLI_EXIT_USAGE);
	bud_words_finish(&asked.scopes);
	return exit_code;
}
