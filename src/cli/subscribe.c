/* `budstikke subscribe`: asks the server to push matching events to a URL. */
#include "cli/cli.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/printable.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/text.h"

static const char about[] =
	"Has the server push every event that matches to a URL, signed. Without --type,\n"
	"--source and --filter every event matches. Prints the new subscription's id and its\n"
	"signing secret, which the server never shows again. The same subscription asked for\n"
	"twice is the same one, and then no secret is shown.\n"
	"A token or an API key is taken from the environment, " BUD_CLIENT_TOKEN ".\n";

static const char examples[] =
	"  budstikke subscribe --sink https://example.com/hook\n"
	"  budstikke subscribe --sink http://127.0.0.1:9090/ \\\n"
	"    --type dialogporten.dialog.created.v1 --type dialogporten.dialog.seen.v1\n"
	"  budstikke subscribe --sink https://example.com/hook \\\n"
	"    --filter '{\"prefix\": {\"type\": \"dialogporten.dialog.\"}}'\n";

struct subscribe {
	const char *url;
	const char *sink;
	struct bud_words types;
	const char *source;
	struct bud_words filters;
	const char *name;
	const char *secret;
	int64_t timeout_ms; /* 0: the server's */
};

/* jansson refuses texts that are not UTF-8. */
static int set_text(json_t *object, const char *name, const char *text, struct bud_error *error)
{
	if (!text || json_object_set_new(object, name, json_string(text)) == 0)
		return 0;
	return bud_error_set(error, name, "--%s is not UTF-8", name);
}

static int set_types(json_t *root, const struct bud_words *types, struct bud_error *error)
{
	json_t *list = types->n > 0 ? json_array() : NULL;

	if (!list)
		return 0;
	json_object_set_new(root, "types", list);
	for (size_t i = 0; i < types->n; i++)
		if (json_array_append_new(list, json_string(types->list[i])) < 0)
			return bud_error_set(error, "types", "--type is not UTF-8");
	return 0;
}

static int set_filters(json_t *root, const struct bud_words *filters, struct bud_error *error)
{
	json_t *list = filters->n > 0 ? json_array() : NULL;

	if (!list)
		return 0;
	json_object_set_new(root, "filters", list);
	for (size_t i = 0; i < filters->n; i++) {
		json_error_t fault;
		json_t *filter = json_loads(filters->list[i], JSON_REJECT_DUPLICATES, &fault);
		if (!json_is_object(filter)) {
			json_decref(filter);
			return bud_error_set(error, "filters",
				"--filter takes a JSON object such as "
				"{\"exact\": {\"type\": \"com.example.hello\"}}, not %s",
				filters->list[i]);
		}
		json_array_append_new(list, filter);
	}
	return 0;
}

static int set_config(json_t *root, const struct subscribe *subscribe, struct bud_error *error)
{
	json_t *config = json_object();
	json_t *signing = json_object();
	int r = set_text(signing, "secret", subscribe->secret, error);

	json_object_set_new(root, "config", config);
	json_object_set_new(config, "signing", signing);
	if (!subscribe->secret)
		json_object_del(config, "signing");
	if (subscribe->timeout_ms > 0)
		json_object_set_new(config, "timeout_ms", json_integer(subscribe->timeout_ms));
	return r;
}

static int make_body(const struct subscribe *subscribe, char **out_body, struct bud_error *error)
{
	json_auto_t *root = json_pack("{s:s}", "protocol", "HTTP");
	int r;

	if (!subscribe->sink)
		return bud_error_set(error, NULL, "--sink is missing: the URL to push to");
	r = set_text(root, "sink", subscribe->sink, error);
	if (r == 0)
		r = set_text(root, "name", subscribe->name, error);
	if (r == 0)
		r = set_text(root, "source", subscribe->source, error);
	if (r == 0)
		r = set_types(root, &subscribe->types, error);
	if (r == 0)
		r = set_filters(root, &subscribe->filters, error);
	if (r == 0)
		r = set_config(root, subscribe, error);
	if (r < 0)
		return r;
	*out_body = json_dumps(root, JSON_COMPACT);
	return 0;
}

static void print_row(const char *name, const char *value)
{
	bud_auto(buffer) struct bud_buffer line = {0};

	if (!value)
		return;
	bud_buffer_format(&line, "%-8s%s", name, value);
	bud_printable_make(&line);
	printf("%s\n", line.at);
}

static int print_answer(int status, const struct bud_buffer *answer)
{
	json_auto_t *root = answer->len ? json_loadb(answer->at, answer->len, 0, NULL) : NULL;
	const char *id = json_string_value(json_object_get(root, "id"));
	const json_t *signing = json_object_get(json_object_get(root, "config"), "signing");
	const char *secret = json_string_value(json_object_get(signing, "secret"));

	if ((status != 200 && status != 201) || !id) {
		bud_client_print_refusal("budstikke subscribe", status, answer);
		return BUD_CLI_EXIT_FAILED;
	}
	print_row("id", id);
	print_row("sink", json_string_value(json_object_get(root, "sink")));
	print_row("secret", secret);
	if (status == 200)
		print_row("note", "it was there already; its secret is not shown again");
	return BUD_CLI_EXIT_OK;
}

static int run(const struct subscribe *subscribe)
{
	static const char *const header = "Content-Type: application/json";
	bud_auto(buffer) struct bud_buffer answer = {0};
	struct bud_error error;
	char *body = NULL;
	int status;

	if (make_body(subscribe, &body, &error) < 0) {
		fprintf(stderr, "budstikke subscribe: %s\nSee: budstikke subscribe --help\n",
			error.text);
		return BUD_CLI_EXIT_USAGE;
	}
	struct bud_client_request request = {.url = subscribe->url,
		.path = "/subscriptions",
		.headers = &header,
		.headers_n = 1,
		.body = bud_span(body)};
	int r = bud_client_send(&request, &status, &answer);
	free(body);
	return r < 0 ? BUD_CLI_EXIT_FAILED : print_answer(status, &answer);
}

int bud_cli_subscribe(int argc, char **argv)
{
	struct subscribe subscribe = {.url = BUD_CLIENT_URL};
	const struct bud_option options[] = {
		{"--sink", BUD_OPTION_TEXT, &subscribe.sink, "URL", "Where to push to.", 0, 0},
		{"--url", BUD_OPTION_TEXT, &subscribe.url, "URL",
			"The server; otherwise " BUD_CLIENT_URL ".", 0, 0},
		{"--type", BUD_OPTION_LIST, &subscribe.types, "TYPE",
			"Only events of this type, or of one of these.", 0, 0},
		{"--source", BUD_OPTION_TEXT, &subscribe.source, "URI",
			"Only events from this source.", 0, 0},
		{"--filter", BUD_OPTION_LIST, &subscribe.filters, "JSON",
			"Only events that pass these filters, as the API takes them.", 0, 0},
		{"--name", BUD_OPTION_TEXT, &subscribe.name, "TEXT", "A name for people.", 0, 0},
		{"--secret", BUD_OPTION_TEXT, &subscribe.secret, "SECRET",
			"Sign with this one (whsec_...); otherwise the server makes one.", 0, 0},
		{"--timeout-ms", BUD_OPTION_NUMBER, &subscribe.timeout_ms, "N",
			"How long one attempt may take.", BUD_TIMEOUT_MS_MIN, BUD_TIMEOUT_MS_MAX},
	};
	const struct bud_arguments arguments = {"subscribe --sink URL [OPTION]...", about, options,
		sizeof(options) / sizeof(options[0]), examples, NULL};
	int exit_code;

	if (bud_arguments_take(&arguments, argc, argv, &exit_code))
		exit_code = run(&subscribe);
	bud_words_finish(&subscribe.types);
	bud_words_finish(&subscribe.filters);
	return exit_code;
}
