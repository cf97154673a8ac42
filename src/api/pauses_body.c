/* Bodies of pauses. */
#include "api/pauses_body.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch/host.h"
#include "store/pauses.h"
#include "subscription/body.h"

#define TEXT_MAX      512
#define HOST_MAX      253
#define FOR_S_MAX     (366 * 86400)
#define PORT_MAX      65535
#define PORT_SECURE   "443"
#define PORT_PLAIN    "80"
#define HOST_TEXT_MAX (HOST_MAX + sizeof(":65535"))

static int refuse_host(struct bud_error *error)
{
	return bud_error_set(error, "host",
		"host must be a name in ASCII or an address, as in the sink (IPv6 in brackets), "
		"such as \"example.com\" or \"example.com:8443\"");
}

static bool is_name(struct bud_span name)
{
	bool is_bracketed = name.len > 2 && name.at[0] == '[' && name.at[name.len - 1] == ']';
	const char *allowed = is_bracketed ? "[0123456789abcdefABCDEF:.]" : "-.";

	if (name.len == 0 || name.len > HOST_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!(isascii(name.at[i]) && strchr(allowed, name.at[i])) &&
			(is_bracketed || !isascii(name.at[i]) || !isalnum(name.at[i])))
			return false;
	return true;
}

/* As one of a sink is named. */
static void add_host(struct bud_pauses_body *body, struct bud_span name, const char *port)
{
	bud_auto(buffer) struct bud_buffer sink = {0};
	struct bud_buffer *id = &body->ids[body->n++];

	bud_buffer_text(&sink, "https://");
	bud_buffer_span(&sink, name);
	bud_buffer_format(&sink, ":%s", port);
	bud_buffer_text(id, BUD_PAUSE_HOST);
	bud_host_write(bud_buffer_as_span(&sink), id);
}

static int read_host(const char *text, struct bud_pauses_body *body, struct bud_error *error)
{
	struct bud_span name = bud_span(text);
	const char *colon = strrchr(text, ':');
	uint64_t port;

	if (colon && !strchr(colon, ']')) {
		struct bud_span digits = bud_span(colon + 1);
		name.len = (size_t)(colon - text);
		if (!is_name(name) || !bud_span_number(digits, PORT_MAX, &port) || port == 0 ||
			digits.at[0] == '0')
			return refuse_host(error);
		add_host(body, name, colon + 1);
		return 0;
	}
	if (!is_name(name))
		return refuse_host(error);
	add_host(body, name, PORT_SECURE);
	add_host(body, name, PORT_PLAIN);
	return 0;
}

static int refuse_target(const char *member, struct bud_error *error)
{
	return bud_error_set(error, member,
		"give exactly one of \"all\": true, \"owner\": \"...\" and \"host\": \"...\"");
}

static int read_text(
	const json_t *root, const char *name, size_t max, char **out, struct bud_error *error)
{
	const struct bud_body_text rule = {name, max};

	return bud_body_text(json_object_get(root, name), &rule, out, error);
}

static int read_target(const json_t *root, struct bud_pauses_body *body, struct bud_error *error)
{
	static const char *const targets[] = {"all", "owner", "host"};
	bud_auto(free) char *text = NULL;
	const char *target = NULL;
	int r;

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		if (!json_object_get(root, targets[i]))
			continue;
		if (target)
			return refuse_target(targets[i], error);
		target = targets[i];
	}
	if (!target)
		return refuse_target("all", error);
	if (strcmp(target, "all") == 0) {
		if (!json_is_true(json_object_get(root, "all")))
			return refuse_target("all", error);
		bud_buffer_text(&body->ids[body->n++], BUD_PAUSE_ALL);
		return 0;
	}
	r = read_text(root, target, HOST_TEXT_MAX, &text, error);
	if (r < 0)
		return r;
	if (!text)
		return refuse_target(target, error);
	if (strcmp(target, "host") == 0)
		return read_host(text, body, error);
	bud_buffer_format(&body->ids[body->n++], BUD_PAUSE_OWNER "%s", text);
	return 0;
}

static int read_for(const json_t *root, struct bud_pauses_body *body, struct bud_error *error)
{
	const json_t *value = json_object_get(root, "for_s");
	json_int_t for_s = json_integer_value(value);

	if (!value)
		return 0;
	if (!json_is_integer(value) || for_s < 1 || for_s > FOR_S_MAX)
		return bud_error_set(error, "for_s",
			"for_s must be a whole number of seconds from 1 to %d; without it the "
			"pause stands until it is resumed",
			FOR_S_MAX);
	body->for_ms = for_s * 1000;
	return 0;
}

int bud_pauses_body_parse(struct bud_span json, bool is_pause, struct bud_pauses_body *out_body,
	struct bud_error *error)
{
	static const char *const pause[] = {"all", "owner", "host", "reason", "for_s", NULL};
	static const char *const resume[] = {"all", "owner", "host", NULL};
	json_auto_t *root = NULL;
	struct bud_pauses_body body = {.n = 0};
	int r = bud_body_parse(json, &root, error);

	if (r == 0)
		r = bud_body_check(root, "", is_pause ? pause : resume, error);
	if (r == 0)
		r = read_target(root, &body, error);
	if (r == 0)
		r = read_text(root, "reason", TEXT_MAX, &body.reason, error);
	if (r == 0)
		r = read_for(root, &body, error);
	if (r < 0)
		bud_pauses_body_finish(&body);
	else
		*out_body = body;
	return r;
}

void bud_pauses_body_finish(struct bud_pauses_body *body)
{
	for (size_t i = 0; i < BUD_PAUSES_IDS_MAX; i++)
		bud_buffer_finish(&body->ids[i]);
	free(body->reason);
}
