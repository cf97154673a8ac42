/* Trying a receiver: subscription looked up -> event made of our defaults and what the body gives
 * -> checked as any other -> parked -> 202. */
#include "api/test_event.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/desk.h"
#include "api/failure.h"
#include "api/json_body.h"
#include "api/lookup.h"
#include "auth/need.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/random.h"
#include "event/envelope.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/append.h"
#include "store/store.h"
#include "store/test_event.h"
#include "subscription/push_config.h"
#include "subscription/subscription.h"

#define TYPE     "no.budstikke.test.v1"
#define SOURCE   "/budstikke"
#define MARK     "budstikketest" /* an extension attribute: a receiver may look at it */
#define ID_BYTES 16

struct trial {
	struct bud_request *request;
	enum bud_subscription_state state;
	struct bud_buffer answer;
};

static void handle_test(void *context, struct bud_request *request);

const struct bud_route bud_test_event_routes[] = {
	{"POST", "/subscriptions/{id}/test", handle_test, BUD_API_BODY_BYTES_MAX,
		BUD_NEED_SUBSCRIBE},
};
const size_t bud_test_event_routes_n =
	sizeof(bud_test_event_routes) / sizeof(bud_test_event_routes[0]);

static json_t *make_default(const struct bud_subscription *subscription)
{
	char id[2 * ID_BYTES + 1];
	char time[25];

	bud_random_hex(id, ID_BYTES);
	bud_clock_write(bud_clock_wall_ms(), time);
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "specversion", "1.0", "id", id, "source",
		SOURCE, "type", TYPE, "subject", subscription->id, "time", time);
}

/* The caller's members replace ours; the mark stays. False: refused, and that was answered. */
static bool make_event(
	struct bud_request *request, json_t *event, struct bud_envelope *envelope, char **out_text)
{
	static const char *const members[] = {"event", NULL};
	json_auto_t *body = bud_json_body_take(request, members);
	const json_t *given = json_object_get(body, "event");
	char member[BUD_ERROR_MEMBER_MAX];
	struct bud_error error = {0};

	if (!body)
		return false;
	if (given && !json_is_object(given)) {
		(void)bud_error_set(&error, "event",
			"event must be an object: a CloudEvent, of "
			"which what is missing is filled in");
		bud_json_body_refuse(request, &error);
		return false;
	}
	json_object_update(event, (json_t *)given);
	json_object_set_new(event, MARK, json_true());
	*out_text = json_dumps(event, JSON_COMPACT);
	if (bud_envelope_scan(envelope, bud_span(*out_text), &error) == 0)
		return true;
	snprintf(member, sizeof(member), "event%s%.100s", *error.member ? "." : "", error.member);
	memcpy(error.member, member, sizeof(member));
	bud_json_body_refuse(request, &error);
	return false;
}

static void end(struct trial *trial)
{
	bud_buffer_finish(&trial->answer);
	free(trial);
}

static void write_answer(struct trial *trial, const struct bud_envelope *envelope)
{
	struct bud_buffer *out = &trial->answer;

	bud_buffer_text(out, "{\"id\":");
	bud_buffer_json(out, envelope->id);
	bud_buffer_text(out, ",\"source\":");
	bud_buffer_json(out, envelope->source);
	bud_buffer_text(out, ",\"type\":");
	bud_buffer_json(out, envelope->type);
	bud_buffer_format(out, ",\"state\":\"%s\"}", bud_subscription_state_word(trial->state));
}

static void on_parked(void *owner, int err, const struct bud_member *id)
{
	struct trial *trial = owner;

	(void)id;
	if (err < 0)
		bud_failure_reply(trial->request, err);
	else
		bud_reply(trial->request, 202, "application/json",
			bud_buffer_as_span(&trial->answer));
	end(trial);
}

static void park(struct bud_api_desk *desk, struct bud_request *request,
	const struct bud_subscription *subscription, const struct bud_envelope *envelope)
{
	struct trial *trial = bud_new(struct trial);
	struct bud_append_key key = {envelope->source, envelope->id,
		envelope->partitionkey.at ? envelope->partitionkey : envelope->subject};
	struct bud_append_event made;
	int r;

	trial->request = request;
	trial->state = subscription->status.state;
	write_answer(trial, envelope);
	bud_append_prepare(
		desk->store->shard, &key, bud_span(subscription->owner), envelope->json, &made);
	/* Also of an ordered subscription: it stands in nobody's order. */
	struct bud_test_event event = {
		made.partition, bud_span(subscription->id), made.owner, made.bytes};
	r = bud_test_event_park(desk->store, &event, on_parked, trial);
	if (r == 0)
		return;
	bud_failure_reply(request, r);
	end(trial);
}

static void try_it(void *owner, struct bud_request *request, struct bud_subscription *taken)
{
	bud_auto(subscription) struct bud_subscription *subscription = taken;
	json_auto_t *event = make_default(subscription);
	struct bud_envelope envelope;
	char *text = NULL;

	bud_envelope_init(&envelope);
	if (make_event(request, event, &envelope, &text))
		park(owner, request, subscription, &envelope);
	bud_envelope_finish(&envelope);
	free(text);
}

static void handle_test(void *context, struct bud_request *request)
{
	bud_lookup_at(context, request, try_it);
}
