/* Bodies of explanations. An event that has a type or a specversion is given whole. */
#include "api/explain_body.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/page.h"
#include "auth/identity.h"
#include "event/envelope.h"
#include "event/event.h"
#include "store/grants.h"
#include "subscription/body.h"

static int read_subscription(
	const json_t *json, struct bud_explain_body *body, struct bud_error *error)
{
	const json_t *value = json_object_get(json, "subscription");
	size_t len = json_string_length(value);

	if (!json_is_string(value) || len == 0 || len > BUD_SUBSCRIPTION_ID_MAX ||
		bud_grant_key_is(bud_span(json_string_value(value))))
		return bud_error_set(
			error, "subscription", "subscription must be the id of a subscription");
	memcpy(body->subscription, json_string_value(value), len);
	body->subscription[len] = '\0';
	return 0;
}

static int read_given(const json_t *event, const char *owner, struct bud_explain_body *body,
	struct bud_error *error)
{
	bud_auto(free) char *text = json_dumps(event, JSON_COMPACT);
	struct bud_envelope envelope;
	char member[BUD_ERROR_MEMBER_MAX];
	int r;

	bud_envelope_init(&envelope);
	r = bud_envelope_scan(&envelope, bud_span(text), error);
	if (r == 0)
		body->event = bud_event_create(bud_span(owner), envelope.json);
	bud_envelope_finish(&envelope);
	if (r == 0)
		return 0;
	snprintf(member, sizeof(member), "event%s%.100s", *error->member ? "." : "", error->member);
	memcpy(error->member, member, sizeof(member));
	return r;
}

static int read_text(
	const json_t *event, const char *name, struct bud_span *out_text, struct bud_error *error)
{
	const json_t *value = json_object_get(event, name);
	char member[32];

	snprintf(member, sizeof(member), "event.%s", name);
	if (!json_is_string(value) || json_string_length(value) == 0)
		return bud_error_set(error, member,
			"%s must be a text that is not empty: give the source and id of a retained "
			"event, or a whole CloudEvent",
			member);
	*out_text = (struct bud_span){json_string_value(value), json_string_length(value)};
	return 0;
}

static int read_time(
	const json_t *event, const char *name, int64_t *out_wall_ms, struct bud_error *error)
{
	const json_t *value = json_object_get(event, name);
	const char *text = json_string_value(value);
	char member[32];

	snprintf(member, sizeof(member), "event.%s", name);
	return value ? bud_page_time(member, bud_span(text ? text : ""), out_wall_ms, error) : 0;
}

static int read_named(const json_t *event, struct bud_explain_body *body, struct bud_error *error)
{
	static const char *const known[] = {"id", "source", "from", "to", NULL};
	int r = bud_body_check(event, "event", known, error);

	if (r == 0)
		r = read_text(event, "id", &body->id, error);
	if (r == 0)
		r = read_text(event, "source", &body->source, error);
	if (r == 0)
		r = read_time(event, "from", &body->from_ms, error);
	if (r == 0)
		r = read_time(event, "to", &body->to_ms, error);
	if (r == 0 && body->to_ms != 0 && body->from_ms >= body->to_ms)
		return bud_error_set(error, "event.to", "event.to must be later than event.from");
	return r;
}

int bud_explain_body_parse(const json_t *json, const char *owner, struct bud_explain_body *out_body,
	struct bud_error *error)
{
	static const char *const known[] = {"event", "subscription", "publisher", NULL};
	const struct bud_body_text rule = {"publisher", BUD_IDENTITY_NAME_MAX};
	bud_auto(free) char *publisher = NULL;
	const json_t *event = json_object_get(json, "event");
	struct bud_explain_body body = {.event = NULL};
	int r = bud_body_check(json, "", known, error);

	if (r == 0)
		r = read_subscription(json, &body, error);
	if (r == 0)
		r = bud_body_text(json_object_get(json, "publisher"), &rule, &publisher, error);
	if (r == 0 && !json_is_object(event))
		r = bud_error_set(error, "event",
			"event must be an object: a CloudEvent, or the source and id of one; or "
			"give filters for a dry run");
	if (r == 0)
		r = json_object_get(event, "type") || json_object_get(event, "specversion")
			    ? read_given(event, publisher ? publisher : owner, &body, error)
			    : read_named(event, &body, error);
	if (r == 0)
		*out_body = body;
	return r;
}
