/* Events of apps: https://{host}/{org}/{app}/instances/{party}/{guid}. */
#include "api/altinn_app_event.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "core/clock.h"
#include "core/limits.h"
#include "core/random.h"
#include "event/uri.h"
#include "subscription/body.h"

#define MISSING "Missing parameter values: source, subject and type cannot be null"

static char *copy_member(const json_t *root, const char *name)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)root, key, value)
	{
		if (strcasecmp(key, name) == 0 && json_string_length(value) > 0)
			return bud_strdup(json_string_value(value));
	}
	return NULL;
}

static void make_id(char out[BUD_ALTINN_ID_BYTES])
{
	char hex[33];

	bud_random_hex(hex, 16);
	hex[12] = '4'; /* RFC 9562, 5.4 */
	hex[16] = "89ab"[hex[16] & 3];
	snprintf(out, BUD_ALTINN_ID_BYTES, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
		hex + 16, hex + 20);
}

static bool is_too_long(const char *text)
{
	return text && strlen(text) > BUD_FILTER_TEXT_MAX;
}

int bud_altinn_app_event_parse(
	struct bud_altinn_app_event *app, struct bud_span json, struct bud_error *error)
{
	json_auto_t *root = NULL;
	bud_auto(buffer) struct bud_buffer resource = {0};
	char *version;
	bool has_version;
	int r = bud_body_parse(json, &root, error);

	if (r < 0)
		return r;
	version = copy_member(root, "specversion");
	has_version = version != NULL;
	free(version);
	make_id(app->id);
	app->source = copy_member(root, "source");
	app->type = copy_member(root, "type");
	app->subject = copy_member(root, "subject");
	app->alternative_subject = copy_member(root, "alternativesubject");
	if (!has_version || !app->source || !app->type || !app->subject)
		return bud_error_set(error, NULL, MISSING);
	if (is_too_long(app->source) || is_too_long(app->type) || is_too_long(app->subject) ||
		is_too_long(app->alternative_subject))
		return bud_error_set(
			error, NULL, "A value is longer than %u bytes", BUD_FILTER_TEXT_MAX);
	if (!bud_altinn_app_resource(bud_span(app->source), &resource))
		return bud_error_set(error, NULL,
			"Source must be the URL of an app or of its instance: "
			"https://{host}/{org}/{app}, without . and .. in its path");
	return 0;
}

void bud_altinn_app_event_finish(struct bud_altinn_app_event *app)
{
	free(app->source);
	free(app->type);
	free(app->subject);
	free(app->alternative_subject);
	*app = (struct bud_altinn_app_event){0};
}

struct bud_span bud_altinn_app_path(struct bud_span source)
{
	struct bud_span rest = source;
	size_t at;

	if (!bud_uri_is_absolute(source))
		return (struct bud_span){"", 0};
	(void)bud_span_take_until(&rest, ':');
	if (!bud_span_starts(rest, bud_span("//")))
		return (struct bud_span){"", 0};
	rest.at += 2;
	rest.len -= 2;
	for (at = 0; at < rest.len && !strchr("/?#", rest.at[at]); at++)
		;
	rest.at += at;
	rest.len -= at;
	for (at = 0; at < rest.len && !strchr("?#", rest.at[at]); at++)
		;
	rest.len = at;
	return bud_uri_has_dots(rest) ? (struct bud_span){"", 0} : rest;
}

bool bud_altinn_app_resource(struct bud_span source, struct bud_buffer *out)
{
	struct bud_span path = bud_altinn_app_path(source);
	struct bud_span org, app;

	if (path.len == 0)
		return false;
	(void)bud_span_take_until(&path, '/');
	org = bud_span_take_until(&path, '/');
	app = bud_span_take_until(&path, '/');
	if (org.len == 0 || app.len == 0)
		return false;
	bud_buffer_format(out, "urn:altinn:resource:app_%.*s_%.*s", (int)org.len, org.at,
		(int)app.len, app.at);
	return true;
}

/* "{party}/{guid}"; empty when the source is of no instance. */
static struct bud_span instance_of(const char *source)
{
	struct bud_span path = bud_altinn_app_path(bud_span(source));
	struct bud_span parts[5]; /* "", org, app, "instances", party; the rest is the instance */
	struct bud_span instance = {"", 0};

	for (size_t i = 0; i < 5; i++)
		parts[i] = bud_span_take_until(&path, '/');
	path = bud_span_take_until(&path, '/');
	if (parts[4].len == 0 || path.len == 0)
		return instance;
	return (struct bud_span){parts[4].at, (size_t)(path.at + path.len - parts[4].at)};
}

void bud_altinn_app_event_write(
	const struct bud_altinn_app_event *app, int64_t now_ms, struct bud_buffer *out)
{
	bud_auto(buffer) struct bud_buffer resource = {0};
	char now[25];

	bud_clock_write(now_ms, now);
	(void)bud_altinn_app_resource(bud_span(app->source), &resource);
	bud_buffer_text(out, "{\"specversion\":\"1.0\"");
	bud_buffer_member_span(out, "id", bud_span(app->id));
	bud_buffer_member_span(out, "source", bud_span(app->source));
	bud_buffer_member_span(out, "type", bud_span(app->type));
	bud_buffer_member_span(out, "subject", bud_span(app->subject));
	bud_buffer_member_span(out, "time", bud_span(now));
	bud_buffer_member_span(out, "resource", bud_buffer_as_span(&resource));
	bud_buffer_member_span(out, "resourceinstance", instance_of(app->source));
	if (app->alternative_subject)
		bud_buffer_member_span(
			out, "alternativesubject", bud_span(app->alternative_subject));
	bud_buffer_byte(out, '}');
}
