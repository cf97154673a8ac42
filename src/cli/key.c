/* `budstikke key`: API keys, over the admin listener of a running server. */
#include "cli/cli.h"

#include <jansson.h>
#include <stdlib.h>

#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/printable.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"

#define DAY_MS INT64_C(86400000)

static const char about[] =
	"Makes, lists and revokes API keys, by which callers prove who they are when the\n"
	"setting auth.mode has \"keys\". What a caller makes belongs to its key's name. A new\n"
	"key is printed once and stored nowhere; a revoked one is refused within a quarter\n"
	"of a second on all nodes.\n";

static const char examples[] =
	"  budstikke key create --name /app/shop --scope events:publish --days 365\n"
	"  budstikke key create --name /org/ttd --scope events:subscribe --note \"for Kari\"\n"
	"  budstikke key list\n"
	"  budstikke key revoke 1f0c9a7d5b3e2846\n";

struct key {
	const char *url;
	const char *name;
	const char *note;
	struct bud_words scopes;
	int64_t days; /* 0: for ever */
	struct bud_words operands;
};

static int fail(const struct bud_error *error)
{
	fprintf(stderr, "budstikke key: %s\nSee: budstikke key --help\n", error->text);
	return BUD_CLI_EXIT_USAGE;
}

/* The answer as JSON, which the caller json_decref()s; NULL: refused, and that was told. */
static json_t *send(const struct key *key, struct bud_client_request *request, int status_wanted)
{
	bud_auto(buffer) struct bud_buffer answer = {0};
	json_t *root = NULL;
	int status;

	request->url = key->url;
	if (bud_client_send(request, &status, &answer) < 0)
		return NULL;
	if (status != status_wanted) {
		bud_client_print_refusal("budstikke key", status, &answer);
		return NULL;
	}
	root = answer.len ? json_loadb(answer.at, answer.len, 0, NULL) : json_object();
	if (!root)
		fprintf(stderr,
			"budstikke key: the answer cannot be read; is %s the admin "
			"address of budstikke serve?\n",
			key->url);
	return root;
}

static void print_row(const char *name, const char *value)
{
	bud_auto(buffer) struct bud_buffer line = {0};

	if (!value)
		return;
	bud_buffer_format(&line, "%-9s%s", name, value);
	bud_printable_make(&line);
	printf("%s\n", line.at);
}

static const char *text_of(const json_t *root, const char *name)
{
	return json_string_value(json_object_get(root, name));
}

/* jansson refuses texts that are not UTF-8. */
static int make_body(const struct key *key, char **out_body, struct bud_error *error)
{
	json_auto_t *root = json_object();
	json_t *scopes = json_array();
	char expires[25];

	json_object_set_new(root, "scopes", scopes);
	if (!key->name || key->scopes.n == 0)
		return bud_error_set(error, NULL,
			"a new key needs --name and --scope: whose it is, and what for");
	if (json_object_set_new(root, "name", json_string(key->name)) < 0 ||
		(key->note && json_object_set_new(root, "note", json_string(key->note)) < 0))
		return bud_error_set(error, NULL, "--name and --note must be UTF-8");
	for (size_t i = 0; i < key->scopes.n; i++)
		if (json_array_append_new(scopes, json_string(key->scopes.list[i])) < 0)
			return bud_error_set(error, NULL, "--scope is not UTF-8");
	if (key->days > 0) {
		bud_clock_write(bud_clock_wall_ms() + key->days * DAY_MS, expires);
		json_object_set_new(root, "expires", json_string(expires));
	}
	*out_body = json_dumps(root, JSON_COMPACT);
	return 0;
}

static int create(const struct key *key)
{
	static const char *const header = "Content-Type: application/json";
	struct bud_client_request request = {
		.path = "/api-keys", .headers = &header, .headers_n = 1};
	bud_auto(free) char *body = NULL;
	json_auto_t *answer = NULL;
	struct bud_error error;

	if (make_body(key, &body, &error) < 0)
		return fail(&error);
	request.body = bud_span(body);
	answer = send(key, &request, 201);
	if (!answer)
		return BUD_CLI_EXIT_FAILED;
	print_row("id", text_of(answer, "id"));
	print_row("name", text_of(answer, "name"));
	print_row("expires", text_of(answer, "expires"));
	print_row("key", text_of(answer, "key"));
	return BUD_CLI_EXIT_OK;
}

static void print_key(const json_t *one)
{
	bud_auto(buffer) struct bud_buffer line = {0};
	const json_t *scopes = json_object_get(one, "scopes");
	const char *expires = text_of(one, "expires");
	const char *note = text_of(one, "note");

	bud_buffer_format(&line, "%s  %s ", text_of(one, "id"), text_of(one, "name"));
	for (size_t i = 0; i < json_array_size(scopes); i++)
		bud_buffer_format(&line, " %s", json_string_value(json_array_get(scopes, i)));
	if (expires)
		bud_buffer_format(&line, "  until %s", expires);
	if (note)
		bud_buffer_format(&line, "  (%s)", note);
	bud_printable_make(&line);
	printf("%s\n", line.at);
}

static int list(const struct key *key)
{
	struct bud_client_request request = {.method = "GET", .path = "/api-keys"};
	json_auto_t *answer = send(key, &request, 200);
	const json_t *keys = json_object_get(answer, "keys");

	if (!answer)
		return BUD_CLI_EXIT_FAILED;
	for (size_t i = 0; i < json_array_size(keys); i++)
		print_key(json_array_get(keys, i));
	return BUD_CLI_EXIT_OK;
}

static int revoke(const struct key *key, const char *id)
{
	bud_auto(buffer) struct bud_buffer path = {0};
	struct bud_client_request request = {.method = "DELETE"};
	json_auto_t *answer = NULL;
	struct bud_error error;

	if (!*id || strspn(id, "0123456789abcdef") != strlen(id)) {
		(void)bud_error_set(&error, NULL,
			"revoke takes a key's id, the 16 digits behind bsk_, and not the key");
		return fail(&error);
	}
	bud_buffer_format(&path, "/api-keys/%s", id);
	request.path = path.at;
	answer = send(key, &request, 204);
	if (!answer)
		return BUD_CLI_EXIT_FAILED;
	print_row("revoked", id);
	return BUD_CLI_EXIT_OK;
}

static int run(const struct key *key)
{
	const char *const *words = key->operands.list;
	size_t n = key->operands.n;
	struct bud_error error;

	if (n == 1 && strcmp(words[0], "create") == 0)
		return create(key);
	if (n == 1 && strcmp(words[0], "list") == 0)
		return list(key);
	if (n == 2 && strcmp(words[0], "revoke") == 0)
		return revoke(key, words[1]);
	(void)bud_error_set(&error, NULL, "say create, list or revoke ID");
	return fail(&error);
}

int bud_cli_key(int argc, char **argv)
{
	struct key key = {.url = BUD_CLIENT_ADMIN_URL};
	const struct bud_option options[] = {
		{"--url", BUD_OPTION_TEXT, &key.url, "URL",
			"The server's admin address; otherwise " BUD_CLIENT_ADMIN_URL ".", 0, 0},
		{"--name", BUD_OPTION_TEXT, &key.name, "NAME",
			"Whose a new key is: /org/ttd, /app/shop, local.", 0, 0},
		{"--scope", BUD_OPTION_LIST, &key.scopes, "SCOPE",
			"What it is for: events:publish, events:subscribe, events:read.", 0, 0},
		{"--days", BUD_OPTION_NUMBER, &key.days, "N",
			"How long it is good; otherwise for ever.", 1, 36500},
		{"--note", BUD_OPTION_TEXT, &key.note, "TEXT", "A note for people.", 0, 0},
	};
	const struct bud_arguments arguments = {"key create|list|revoke [OPTION]... [ID]", about,
		options, sizeof(options) / sizeof(options[0]), examples, &key.operands};
	int exit_code;

	if (bud_arguments_take(&arguments, argc, argv, &exit_code))
		exit_code = run(&key);
	bud_words_finish(&key.scopes);
	bud_words_finish(&key.operands);
	return exit_code;
}
