/* `budstikke publish`: posts the events of files, or one made from options. A file after the
 * other; one that is refused does not keep the others back. */
#include "cli/cli.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/new_event.h"
#include "cli/printable.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/random.h"
#include "event/envelope.h"

#define ID_BYTES 16

static const char about[] =
	"Sends events (CloudEvents 1.0) to a running server and prints its answers. A FILE\n"
	"holds one event in the JSON format, or a JSON array of them, which is sent as a\n"
	"batch; - is standard input. Without a FILE, --type and --source make an event.\n"
	"Ends with 0 only when all of it was accepted (202).\n"
	"A token or an API key is taken from the environment, " BUD_CLIENT_TOKEN ".\n";

static const char examples[] =
	"  budstikke publish deploy/examples/*.json\n"
	"  budstikke publish --type com.example.hello --source /me --data '{\"n\": 1}'\n"
	"  generate-events | budstikke publish -\n";

struct publish {
	const char *url;
	bool is_binary;
	struct bud_new_event event;
	struct bud_words files;
};

/* Of a batch the others are accepted. */
static bool has_conflicts(const struct bud_buffer *answer)
{
	json_auto_t *root =
		json_loadb(answer->at ? answer->at : "", answer->len, JSON_ALLOW_NUL, NULL);

	return json_array_size(json_object_get(root, "conflicts")) > 0;
}

/* Posts; 0 when it was answered, whatever the answer. */
static int send(const struct publish *publish, const char *subject,
	const struct bud_client_request *request, int *exit_code)
{
	bud_auto(buffer) struct bud_buffer answer = {0};
	int status;
	struct bud_client_request full = *request;

	full.url = publish->url;
	full.path = "/events";
	int r = bud_client_send(&full, &status, &answer);
	if (r < 0)
		return r;
	if (status != 202) {
		bud_client_print_refusal(subject, status, &answer);
		*exit_code = BUD_CLI_EXIT_FAILED;
		return 0;
	}
	if (has_conflicts(&answer))
		*exit_code = BUD_CLI_EXIT_FAILED;
	bud_printable_make(&answer);
	printf("%s: %s\n", subject, answer.at ? answer.at : "");
	return 0;
}

static int send_structured(
	const struct publish *publish, const char *subject, struct bud_span json, int *exit_code)
{
	bool is_batch = json.len > 0 && json.at[0] == '[';
	const char *header = is_batch ? "Content-Type: application/cloudevents-batch+json"
				      : "Content-Type: application/cloudevents+json";
	struct bud_client_request request = {.headers = &header, .headers_n = 1, .body = json};

	return send(publish, subject, &request, exit_code);
}

static int send_binary(
	const struct publish *publish, const char *subject, struct bud_span json, int *exit_code)
{
	bud_auto(binary_form) struct bud_binary_form form = {0};
	struct bud_envelope envelope;
	struct bud_error error;
	int r;

	bud_envelope_init(&envelope);
	if (json.len > 0 && json.at[0] == '[')
		r = bud_error_set(&error, NULL, "a batch has no binary mode; leave out --binary");
	else
		r = bud_envelope_scan(&envelope, json, &error);
	if (r == 0)
		r = bud_binary_form_make(&envelope, &form, &error);
	bud_envelope_finish(&envelope);
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", subject, error.text);
		*exit_code = BUD_CLI_EXIT_FAILED;
		return 0;
	}
	struct bud_client_request request = {.headers = (const char *const *)form.headers,
		.headers_n = form.headers_n,
		.body = bud_buffer_as_span(&form.body)};
	return send(publish, subject, &request, exit_code);
}

static int send_json(
	const struct publish *publish, const char *subject, struct bud_span json, int *exit_code)
{
	while (json.len > 0 && memchr(" \t\r\n", json.at[0], 4)) {
		json.at++;
		json.len--;
	}
	if (publish->is_binary)
		return send_binary(publish, subject, json, exit_code);
	return send_structured(publish, subject, json, exit_code);
}

/* -EFBIG above what a server takes in one request. */
static int read_all(FILE *file, struct bud_buffer *out)
{
	for (;;) {
		char *room = bud_buffer_reserve(out, 1u << 16);
		size_t n = fread(room, 1, 1u << 16, file);

		out->len += n;
		if (ferror(file))
			return errno ? -errno : -EIO;
		if (n == 0)
			return 0;
		if (out->len > BUD_BATCH_BYTES_MAX)
			return -EFBIG;
	}
}

static int read_file(const char *name, struct bud_buffer *out)
{
	FILE *file;

	if (strcmp(name, "-") == 0)
		return read_all(stdin, out);
	file = fopen(name, "rbe");
	if (!file)
		return -errno;
	int r = read_all(file, out);
	(void)fclose(file);
	return r;
}

static int send_file(const struct publish *publish, const char *name, int *exit_code)
{
	bud_auto(buffer) struct bud_buffer json = {0};
	const char *subject = strcmp(name, "-") == 0 ? "stdin" : name;
	int r = read_file(name, &json);

	if (r < 0) {
		fprintf(stderr, "%s: %s\n", subject,
			r == -EFBIG ? "larger than a batch may be, 4 MiB; send it in parts"
				    : strerror(-r));
		*exit_code = BUD_CLI_EXIT_FAILED;
		return 0;
	}
	return send_json(publish, subject, bud_buffer_as_span(&json), exit_code);
}

static int send_new(const struct publish *publish, int *exit_code)
{
	bud_auto(buffer) struct bud_buffer json = {0};
	struct bud_new_event event = publish->event;
	struct bud_error error;
	char id[2 * ID_BYTES + 1];

	if (!event.id) {
		bud_random_hex(id, ID_BYTES);
		event.id = id;
	}
	event.wall_ms = bud_clock_wall_ms();
	if (bud_new_event_write(&event, &json, &error) < 0) {
		fprintf(stderr, "budstikke publish: %s\n", error.text);
		*exit_code = BUD_CLI_EXIT_USAGE;
		return 0;
	}
	return send_json(publish, event.id, bud_buffer_as_span(&json), exit_code);
}

/* What must hold between options. */
static int check(const struct publish *publish, struct bud_error *error)
{
	const struct bud_new_event *event = &publish->event;
	bool makes_one = event->id || event->source || event->type || event->subject || event->data;

	if (publish->files.n > 0 && makes_one)
		return bud_error_set(error, NULL,
			"give files, or --type and --source for a new event, not both");
	if (publish->files.n == 0 && !makes_one)
		return bud_error_set(
			error, NULL, "nothing to publish: give files, - or --type and --source");
	if (publish->files.n == 0 && (!event->type || !event->source))
		return bud_error_set(error, NULL, "a new event needs --type and --source");
	return 0;
}

static int run(const struct publish *publish)
{
	int exit_code = BUD_CLI_EXIT_OK;
	struct bud_error error;
	int r = 0;

	if (check(publish, &error) < 0) {
		fprintf(stderr, "budstikke publish: %s\nSee: budstikke publish --help\n",
			error.text);
		return BUD_CLI_EXIT_USAGE;
	}
	if (publish->files.n == 0)
		r = send_new(publish, &exit_code);
	/* Without a server the other files need not be tried. */
	for (size_t i = 0; i < publish->files.n && r == 0; i++)
		r = send_file(publish, publish->files.list[i], &exit_code);
	return r < 0 ? BUD_CLI_EXIT_FAILED : exit_code;
}

int bud_cli_publish(int argc, char **argv)
{
	struct publish publish = {.url = BUD_CLIENT_URL};
	const struct bud_option options[] = {
		{"--url", BUD_OPTION_TEXT, &publish.url, "URL",
			"The server; otherwise " BUD_CLIENT_URL ".", 0, 0},
		{"--binary", BUD_OPTION_SWITCH, &publish.is_binary, NULL,
			"Send attributes as headers, and the data as the body.", 0, 0},
		{"--type", BUD_OPTION_TEXT, &publish.event.type, "TYPE",
			"Make an event of this type,", 0, 0},
		{"--source", BUD_OPTION_TEXT, &publish.event.source, "URI", "from this source,", 0,
			0},
		{"--subject", BUD_OPTION_TEXT, &publish.event.subject, "TEXT",
			"about this subject,", 0, 0},
		{"--id", BUD_OPTION_TEXT, &publish.event.id, "ID",
			"with this id (otherwise a random one),", 0, 0},
		{"--data", BUD_OPTION_TEXT, &publish.event.data, "JSON",
			"and this data. Its time is now.", 0, 0},
	};
	const struct bud_arguments arguments = {"publish [OPTION]... [FILE|-]...", about, options,
		sizeof(options) / sizeof(options[0]), examples, &publish.files};
	int exit_code;

	if (bud_arguments_take(&arguments, argc, argv, &exit_code))
		exit_code = run(&publish);
	bud_words_finish(&publish.files);
	return exit_code;
}
