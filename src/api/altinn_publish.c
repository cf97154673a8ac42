/* Publishing as Altinn takes it. POST /events: scanned, its resource checked -> ingest -> 200.
 * POST /app: an event made of the body -> ingest -> 201 with its id. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "api/altinn.h"
#include "api/altinn_answer.h"
#include "api/altinn_app_event.h"
#include "api/altinn_handlers.h"
#include "api/altinn_urn.h"
#include "api/failure.h"
#include "api/json_body.h"
#include "auth/identity.h"
#include "core/clock.h"
#include "core/error.h"
#include "event/envelope.h"
#include "event/mode.h"
#include "http/reply.h"
#include "http/request.h"
#include "ingest/ingest.h"

/* With it Altinn asks nobody whether the resource is the publisher's. */
#define SCOPE_ADMIN "altinn:events.publish.admin"

struct call {
	struct bud_request *request;
	struct bud_altinn_app_event app; /* of POST /app */
	bool is_app;
};

static void on_taken(
	void *owner, int err, enum bud_ingest_outcome outcome, const struct bud_error *error);

static void end(struct call *call)
{
	bud_altinn_app_event_finish(&call->app);
	free(call);
}

/* As ASP.NET says what is wrong with a body. */
static void answer_invalid(struct bud_request *request, const char *text)
{
	bud_auto(buffer) struct bud_buffer body = {0};
	struct bud_error error;

	(void)bud_error_set(&error, NULL, "%s", text);
	bud_reply_write_problem(
		&body, 400, "bad-request", "One or more validation errors occurred.", &error);
	body.len--; /* before the closing brace */
	bud_buffer_text(&body, ",\"errors\":{\"RequestBody\":[");
	bud_buffer_json(&body, bud_span(error.text));
	bud_buffer_text(&body, "]}}");
	bud_reply(request, 400, "application/problem+json", bud_buffer_as_span(&body));
}

static void answer_refused(struct bud_request *request, int err, const struct bud_error *error)
{
	if (err == -EACCES)
		bud_altinn_answer_problem(request, 403, error->text);
	else if (err == -EAGAIN)
		bud_failure_reply_unavailable(request, error->text);
	else if (err == -ENOTCONN)
		bud_failure_reply(request, err);
	else if (err == -E2BIG)
		bud_altinn_answer_problem(request, 413, error->text);
	else
		answer_invalid(request, error->text);
}

static void take(
	struct bud_altinn_api *api, struct call *call, const struct bud_ingest_event *event)
{
	struct bud_error error = {0};
	int r;

	r = bud_ingest_take(api->ingest, event, on_taken, call, &error);
	if (r == 0)
		return;
	if (r != -EDQUOT)
		answer_refused(call->request, r, &error);
	end(call);
}

/* As a header may have it: a proxy that refuses the answer has the event published again. */
static void write_location(const char *subject, struct bud_buffer *out)
{
	for (const char *at = subject; *at; at++) {
		if (*at > ' ' && *at <= '~')
			bud_buffer_byte(out, *at);
		else
			bud_buffer_format(out, "%%%02X", (unsigned char)*at);
	}
}

static void answer_app(struct call *call)
{
	bud_auto(buffer) struct bud_buffer body = {0};
	bud_auto(buffer) struct bud_buffer location = {0};

	write_location(call->app.subject, &location);
	bud_reply_header(call->request, "Location", location.at);
	bud_buffer_json(&body, bud_span(call->app.id));
	bud_reply(call->request, 201, "application/json", bud_buffer_as_span(&body));
}

static void answer_taken(struct call *call, enum bud_ingest_outcome outcome)
{
	if (outcome == BUD_INGEST_CONFLICT)
		bud_altinn_answer_problem(call->request, 409,
			"An event with this source and id and other content was accepted before; a "
			"new event needs a new id.");
	else if (call->is_app)
		answer_app(call);
	else
		bud_reply(call->request, 200, NULL, (struct bud_span){"", 0});
}

static void on_taken(
	void *owner, int err, enum bud_ingest_outcome outcome, const struct bud_error *error)
{
	struct call *call = owner;

	if (err == 0)
		answer_taken(call, outcome);
	else if (error)
		answer_refused(call->request, err, error);
	else if (err != -EDQUOT) /* that is answered */
		bud_failure_reply(call->request, err);
	end(call);
}

/* POST /events */

/* Altinn's text where an attribute is missing, else ours. */
static void say_invalid(const struct bud_error *error, struct bud_error *out)
{
	if (error->member[0] && strstr(error->text, "is missing"))
		(void)bud_error_set(out, NULL,
			"CloudEvent is missing required attributes: %s (Parameter 'data')",
			error->member);
	else
		*out = *error;
}

static bool check_resource(struct bud_span resource, struct bud_error *error)
{
	if (!resource.at)
		(void)bud_error_set(error, NULL, "A 'resource' property must be defined.");
	else if (!bud_altinn_urn_is_valid(resource))
		(void)bud_error_set(error, NULL, "'Resource' must be a valid urn.");
	else
		return true;
	return false;
}

/* The event as it is stored: of an app by its older name, with the resource of today. */
static void write_event(
	const struct bud_envelope *envelope, struct bud_span resource, struct bud_buffer *out)
{
	static const char old[] = "urn:altinn:resource:altinnapp.";
	bud_auto(buffer) struct bud_buffer app = {0};
	const char *end = envelope->json.at + envelope->json.len;

	if (!bud_span_starts(resource, bud_span(old)) || resource.at < envelope->json.at ||
		resource.at >= end || !bud_altinn_app_resource(envelope->source, &app)) {
		bud_buffer_span(out, envelope->json);
		return;
	}
	bud_buffer_add(out, envelope->json.at, (size_t)(resource.at - envelope->json.at));
	bud_buffer_span(out, bud_buffer_as_span(&app));
	bud_buffer_add(out, resource.at + resource.len, (size_t)(end - resource.at) - resource.len);
}

/* Appends what is to be stored. */
static int read_event(struct bud_span body, struct bud_buffer *out, struct bud_error *error)
{
	struct bud_envelope *envelope = bud_new(struct bud_envelope);
	const struct bud_attribute *found;
	struct bud_span resource = {0};
	struct bud_error fault = {0};
	int r;

	bud_envelope_init(envelope);
	r = bud_envelope_scan(envelope, body, &fault);
	if (r < 0) {
		say_invalid(&fault, error);
	} else {
		found = bud_envelope_find(envelope, bud_span("resource"));
		if (found)
			resource = found->value;
		if (check_resource(resource, error))
			write_event(envelope, resource, out);
		else
			r = -EINVAL;
	}
	bud_envelope_finish(envelope);
	free(envelope);
	return r;
}

void bud_altinn_handle_publish(void *context, struct bud_request *request)
{
	const struct bud_identity *identity = bud_request_identity(request);
	bud_auto(buffer) struct bud_buffer json = {0};
	struct bud_ingest_event event = {.request = request,
		.publisher = identity,
		.is_permitted = bud_identity_has_scope(identity, SCOPE_ADMIN)};
	struct bud_error error = {0};
	struct call *call;
	int r;

	if (request->content_type.len == 0 ||
		bud_mode_of(request->content_type) != BUD_MODE_STRUCTURED) {
		bud_altinn_answer_problem(
			request, 415, "The body must be application/cloudevents+json.");
		return;
	}
	r = read_event(request->body, &json, &error);
	if (r < 0) {
		answer_refused(request, r, &error);
		return;
	}
	call = bud_new(struct call);
	call->request = request;
	event.json = bud_buffer_as_span(&json);
	take(context, call, &event);
}

/* POST /app */

/* Altinn compares a prefix; here it ends where a part of the path does. */
static bool is_issuers(const struct bud_identity *platform, const struct bud_altinn_app_event *app)
{
	struct bud_span path = bud_altinn_app_path(bud_span(app->source));
	bud_auto(buffer) struct bud_buffer prefix = {0};

	bud_buffer_format(&prefix, "/%s", platform->issuer);
	return bud_span_starts(path, bud_buffer_as_span(&prefix)) &&
	       (path.len == prefix.len || path.at[prefix.len] == '/');
}

static void refuse_issuer(const struct call *call)
{
	bud_auto(buffer) struct bud_buffer text = {0};

	bud_buffer_format(&text, "%s is not authorized to create events for %s",
		call->request->platform->issuer, call->app.source);
	bud_altinn_answer_text(call->request, 401, text.at);
}

void bud_altinn_handle_app_publish(void *context, struct bud_request *request)
{
	const struct bud_identity *platform = request->platform;
	bud_auto(buffer) struct bud_buffer json = {0};
	struct bud_ingest_event event = {.request = request,
		.publisher = platform ? platform : bud_request_identity(request),
		.is_permitted = platform != NULL};
	struct bud_error error = {0};
	struct call *call;

	if (!bud_json_body_check_type(request))
		return;
	call = bud_new(struct call);
	call->request = request;
	call->is_app = true;
	if (bud_altinn_app_event_parse(&call->app, request->body, &error) < 0) {
		bud_altinn_answer_problem(request, 400, error.text);
		end(call);
		return;
	}
	if (platform && !is_issuers(platform, &call->app)) {
		refuse_issuer(call);
		end(call);
		return;
	}
	bud_altinn_app_event_write(&call->app, bud_clock_wall_ms(), &json);
	event.json = bud_buffer_as_span(&json);
	take(context, call, &event);
}
