/* The deliveries API: look up the subscription -> ask for what belongs to it -> answer. Of an event
 * no more is shown than would be delivered now: what waits for a permit is not seen either. */
#include "api/deliveries.h"

#include <stdlib.h>

#include "api/desk.h"
#include "api/failure.h"
#include "api/lookup.h"
#include "api/page.h"
#include "auth/authorize.h"
#include "auth/need.h"
#include "core/clock.h"
#include "core/error.h"
#include "event/event.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/attempts.h"
#include "store/lane_rows.h"
#include "subscription/push_config.h"
#include "subscription/subscription.h"

/* Events are up to 1 MiB each, so they are fetched in steps, of which the store gives fewer where
 * they are large, and a page ends early when it is this long; the link goes on. */
#define ROWS_PER_STEP  16
#define BODY_BYTES_MAX (4u << 20)
/* For lanes of an ordered subscription; each passes some thousand lanes of anybody by. */
#define LOOKS_MAX 200u

static void handle_attempts(void *context, struct bud_request *request);
static void handle_parked(void *context, struct bud_request *request);
static void handle_dead(void *context, struct bud_request *request);

const struct bud_route bud_deliveries_routes[] = {
	{"GET", "/subscriptions/{id}/attempts", handle_attempts, 0, BUD_NEED_SUBSCRIBE},
	{"GET", "/subscriptions/{id}/parked", handle_parked, 0, BUD_NEED_SUBSCRIBE},
	{"GET", "/subscriptions/{id}/dead", handle_dead, 0, BUD_NEED_SUBSCRIBE},
};
const size_t bud_deliveries_routes_n =
	sizeof(bud_deliveries_routes) / sizeof(bud_deliveries_routes[0]);

/* Attempts */

static void on_attempts(void *owner, int err, const struct bud_span *lines, size_t n)
{
	struct bud_request *request = owner;
	bud_auto(buffer) struct bud_buffer body = {0};

	if (err < 0) {
		bud_failure_reply(request, err);
		return;
	}
	bud_buffer_byte(&body, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			bud_buffer_byte(&body, ',');
		bud_buffer_span(&body, lines[i]);
	}
	bud_buffer_byte(&body, ']');
	bud_reply(request, 200, "application/json", bud_buffer_as_span(&body));
}

static void ask_attempts(void *owner, struct bud_request *request, struct bud_subscription *taken)
{
	struct bud_api_desk *desk = owner;
	int r = bud_attempts_list(desk->store, bud_span(taken->id), on_attempts, request);

	bud_subscription_destroy(taken);
	if (r < 0)
		bud_failure_reply(request, r);
}

static void handle_attempts(void *context, struct bud_request *request)
{
	bud_lookup_at(context, request, ask_attempts);
}

/* Parked and dead */

static const struct bud_page_rule parked_rule = {"offset", 50, BUD_CLAIM_MAX, .has_lines = true};
static const struct bud_page_rule dead_rule = {
	"offset", 50, BUD_CLAIM_MAX, .has_times = true, .has_lines = true};

/* What an ordered subscription has parked lies in a lane for each key, and nobody knows how many
 * there are: so much is looked at, and one page of it shown, lane by lane. */
struct by_key {
	bool is_so;
	struct bud_buffer lanes; /* those found, each with its NUL */
	size_t at;               /* of the next one */
	uint64_t cursor;         /* where to look on */
	bool is_whole;           /* all were found */
	unsigned looks;
	bool has_more;
};

struct listing {
	struct bud_api_desk *desk;
	struct bud_request *request;
	struct bud_subscription *subscription;
	enum bud_lane_list list;
	const struct bud_page_rule *rule;
	struct bud_page page;
	struct bud_span lane;
	size_t offset; /* of the next step */
	size_t end;    /* of the page */
	size_t total;
	struct bud_buffer body;
	bool has_items;
	struct by_key by_key;
};

static void ask_rows(struct listing *listing);
static void next_lane(struct listing *listing);

static void end(struct listing *listing)
{
	bud_subscription_destroy(listing->subscription);
	bud_buffer_finish(&listing->by_key.lanes);
	bud_buffer_finish(&listing->body);
	free(listing);
}

static void begin(struct bud_api_desk *desk, struct bud_request *request,
	struct bud_subscription *taken, enum bud_lane_list list)
{
	struct listing *listing = bud_new(struct listing);
	struct bud_error error = {0};

	listing->desk = desk;
	listing->request = request;
	listing->subscription = taken;
	listing->list = list;
	listing->rule = list == BUD_LANE_LIST_DEAD ? &dead_rule : &parked_rule;
	if (bud_page_parse(request, listing->rule, &listing->page, &error) < 0) {
		bud_reply_problem(request, 400, "bad-query", "Bad query", &error);
		end(listing);
		return;
	}
	listing->lane = bud_span(listing->subscription->id);
	listing->by_key.is_so =
		list == BUD_LANE_LIST_PARKED && listing->subscription->config->is_ordered;
	if (listing->by_key.is_so && listing->page.start > 0) {
		(void)bud_error_set(&error, "offset",
			"offset does not go with an ordered subscription: size is how many are "
			"shown of all of its keys");
		bud_reply_problem(request, 400, "bad-query", "Bad query", &error);
		end(listing);
		return;
	}
	listing->offset = (size_t)listing->page.start;
	listing->end = listing->offset + listing->page.size;
	if (!listing->page.is_lines)
		bud_buffer_text(&listing->body, "{\"items\":[");
	ask_rows(listing);
}

/* A raw line break in JSON is a blank between tokens; in lines it must be another one. */
static void add_event(struct listing *listing, struct bud_span bytes)
{
	size_t from = listing->body.len;

	if (!bytes.at) {
		bud_buffer_text(&listing->body, "null");
		return;
	}
	bud_buffer_span(&listing->body, bytes);
	for (size_t i = from; listing->page.is_lines && i < listing->body.len; i++)
		if (listing->body.at[i] == '\n' || listing->body.at[i] == '\r')
			listing->body.at[i] = ' ';
}

/* Its members stand beside the others: reason, and what the last response was. */
static void add_why(struct bud_buffer *body, struct bud_span why)
{
	if (why.len <= 2 || why.at[0] != '{')
		return;
	bud_buffer_byte(body, ',');
	bud_buffer_add(body, why.at + 1, why.len - 2);
}

static bool may_be_seen(const struct listing *listing, const struct bud_lane_row *row)
{
	struct bud_authority *authority = listing->desk->authority;
	enum bud_decision decision = BUD_DECISION_DENY;
	struct bud_event *event;

	if (bud_authority_is_open(authority) || !row->bytes.at)
		return true;
	event = bud_event_create(row->owner, row->bytes);
	if (event)
		decision = bud_authorize_delivery(authority, event,
			bud_span(listing->subscription->owner), bud_clock_wall_ms());
	bud_event_unref(event);
	/* What was attempted was permitted, though it is not known now. */
	return decision == BUD_DECISION_PERMIT ||
	       (decision == BUD_DECISION_LATER && row->attempt > 0);
}

static void add_row(struct listing *listing, const struct bud_lane_row *row)
{
	struct bud_buffer *body = &listing->body;
	bool is_seen = may_be_seen(listing, row);
	char member[BUD_MEMBER_TEXT_BYTES];
	char time[25];

	bud_clock_write(row->at_ms, time);
	bud_member_write(&row->id, member);
	if (listing->has_items && !listing->page.is_lines)
		bud_buffer_byte(body, ',');
	bud_buffer_format(body, "{\"delivery\":\"%s\",\"event\":", member);
	add_event(listing, is_seen ? row->bytes : (struct bud_span){NULL, 0});
	if (!is_seen)
		bud_buffer_text(body, ",\"withheld\":true");
	bud_buffer_format(body, ",\"attempt\":%u", row->attempt);
	if (row->at_ms > 0) /* else it waits for those before it */
		bud_buffer_format(body, ",\"%s\":\"%s\"",
			listing->list == BUD_LANE_LIST_DEAD ? "died" : "due", time);
	add_why(body, row->why);
	bud_buffer_byte(body, '}');
	if (listing->page.is_lines)
		bud_buffer_byte(body, '\n');
	listing->has_items = true;
}

static void answer(struct listing *listing)
{
	if (!listing->page.is_lines && listing->by_key.is_so)
		bud_buffer_format(&listing->body, "],\"more\":%s}",
			listing->by_key.has_more ? "true" : "false");
	else if (!listing->page.is_lines)
		bud_buffer_format(&listing->body, "],\"total\":%zu}", listing->total);
	if (!listing->by_key.is_so && listing->offset < listing->total)
		bud_page_reply_next(
			listing->request, listing->rule, &listing->page, listing->offset);
	bud_reply(listing->request, 200, bud_page_type(&listing->page),
		bud_buffer_as_span(&listing->body));
	end(listing);
}

static void fail(struct listing *listing, int err)
{
	bud_failure_reply(listing->request, err);
	end(listing);
}

static void on_lanes(void *owner, int err, uint64_t cursor, const struct bud_span *lanes, size_t n)
{
	struct listing *listing = owner;
	struct by_key *by_key = &listing->by_key;

	if (err < 0) {
		fail(listing, err);
		return;
	}
	bud_buffer_clear(&by_key->lanes);
	by_key->at = 0;
	for (size_t i = 0; i < n; i++) {
		bud_buffer_span(&by_key->lanes, lanes[i]);
		bud_buffer_byte(&by_key->lanes, '\0');
	}
	by_key->cursor = cursor;
	by_key->is_whole = cursor == 0;
	next_lane(listing);
}

static void next_lane(struct listing *listing)
{
	struct by_key *by_key = &listing->by_key;
	int r;

	if (by_key->at < by_key->lanes.len) {
		listing->lane = bud_span(by_key->lanes.at + by_key->at);
		by_key->at += listing->lane.len + 1;
		/* The page goes on, in another lane. */
		listing->end -= listing->offset;
		listing->offset = 0;
		ask_rows(listing);
	} else if (by_key->is_whole || ++by_key->looks > LOOKS_MAX) {
		by_key->has_more = !by_key->is_whole;
		answer(listing);
	} else {
		r = bud_lane_keys(listing->desk->store, bud_span(listing->subscription->id),
			by_key->cursor, on_lanes, listing);
		if (r < 0)
			fail(listing, r);
	}
}

/* After `n` rows of a lane that has `total`. */
static void go_on_by_key(struct listing *listing, size_t n, size_t total)
{
	listing->offset += n;
	if (listing->offset >= listing->end || listing->body.len >= BODY_BYTES_MAX) {
		listing->by_key.has_more = true; /* or there may be: nobody looked */
		answer(listing);
	} else if (n > 0 && listing->offset < total) {
		ask_rows(listing);
	} else {
		next_lane(listing);
	}
}

static void on_rows(void *owner, int err, const struct bud_lane_row *rows, size_t n, size_t total)
{
	struct listing *listing = owner;
	size_t step = listing->end - listing->offset;

	if (err < 0) {
		fail(listing, err);
		return;
	}
	for (size_t i = 0; i < n; i++)
		add_row(listing, &rows[i]);
	if (listing->by_key.is_so) {
		go_on_by_key(listing, n, total);
		return;
	}
	listing->total = total;
	if (step > ROWS_PER_STEP)
		step = ROWS_PER_STEP;
	listing->offset += n > 0 ? n : step;
	if (listing->offset >= total || listing->offset >= listing->end ||
		listing->body.len >= BODY_BYTES_MAX)
		answer(listing);
	else
		ask_rows(listing);
}

static void ask_rows(struct listing *listing)
{
	size_t step = listing->end - listing->offset;
	struct bud_lane_page page = {.lane = listing->lane,
		.list = listing->list,
		.offset = listing->offset,
		.limit = step < ROWS_PER_STEP ? step : ROWS_PER_STEP,
		.from_ms = listing->page.from_ms,
		.to_ms = listing->page.to_ms};
	int r = bud_lane_rows(listing->desk->store, &page, on_rows, listing);

	if (r < 0)
		fail(listing, r);
}

static void ask_parked(void *owner, struct bud_request *request, struct bud_subscription *taken)
{
	begin(owner, request, taken, BUD_LANE_LIST_PARKED);
}

static void handle_parked(void *context, struct bud_request *request)
{
	bud_lookup_at(context, request, ask_parked);
}

static void ask_dead(void *owner, struct bud_request *request, struct bud_subscription *taken)
{
	begin(owner, request, taken, BUD_LANE_LIST_DEAD);
}

static void handle_dead(void *context, struct bud_request *request)
{
	bud_lookup_at(context, request, ask_dead);
}
