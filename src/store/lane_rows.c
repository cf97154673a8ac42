/* Lists of parked and dead deliveries. Reading a page is two commands: the members with their
 * scores, then their events; of dead letters a third, in between: why they died. */
#include "store/lane_rows.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "store/keys.h"
#include "store/reply.h"
#include "store/scripts.h"

/* Events are up to 1 MiB each: a reply holds so many bytes of them, and one event more. */
#define EVENTS_BYTES (1u << 20)
/* Lanes of whomever, of which those of a subscription are looked for. */
#define SCANNED_AT_ONCE 1000

struct listing {
	struct bud_store *store;
	bud_lane_rows_fn fn;
	void *owner;
	size_t total;
	bool is_cut;            /* the command after this could not be sent */
	struct bud_buffer lane; /* of dead letters; empty: none are asked why */
	struct bud_buffer whys; /* one after the other; rows point into it */
	struct bud_lane_dead_range range;
	struct bud_lane_row after; /* of a range: rows up to this one are passed by */
	size_t skipped;
	size_t n;
	struct bud_lane_row rows[BUD_CLAIM_MAX];
};

static void finish(struct listing *listing, int err)
{
	listing->fn(listing->owner, err, listing->rows, err < 0 ? 0 : listing->n, listing->total);
	bud_buffer_finish(&listing->lane);
	bud_buffer_finish(&listing->whys);
	free(listing);
}

/* Rows whose events found no room are left for the next page. */
static void on_kept(void *owner, const redisReply *reply)
{
	struct listing *listing = owner;
	int err = bud_reply_error(reply);

	if (err == 0 && (size_t)reply->elements < listing->n)
		listing->n = (size_t)reply->elements;
	for (size_t i = 0; err == 0 && i < listing->n; i++) {
		struct bud_span kept = bud_reply_span(bud_reply_at(reply, i));
		const char *end = kept.at ? memchr(kept.at, '\n', kept.len) : NULL;
		if (!end)
			continue;
		listing->rows[i].owner = (struct bud_span){kept.at, (size_t)(end - kept.at)};
		listing->rows[i].bytes =
			(struct bud_span){end + 1, kept.len - (size_t)(end + 1 - kept.at)};
	}
	finish(listing, err);
}

static int ask_kept(struct listing *listing)
{
	struct bud_args *args = &listing->store->args;

	bud_args_text(args, BUD_KEY_KEPT);
	for (unsigned i = 0; i < BUD_PARTITIONS; i++)
		bud_args_format(args, BUD_KEY_EVENTS_FORMAT, i);
	bud_args_keys_end(args);
	bud_args_number(args, EVENTS_BYTES);
	for (size_t i = 0; i < listing->n; i++) {
		char member[BUD_MEMBER_TEXT_BYTES];
		bud_member_write(&listing->rows[i].id, member);
		bud_args_joined(args, member, (struct bud_span){NULL, 0});
	}
	return bud_store_send_script(listing->store, BUD_SCRIPT_KEPT, on_kept, listing);
}

/* They are copied: the reply with the events comes after this one is gone. */
static void on_whys(void *owner, const redisReply *reply)
{
	struct listing *listing = owner;
	int err = bud_reply_error(reply);
	size_t at = 0;

	for (size_t i = 0; err == 0 && i < listing->n; i++) {
		struct bud_span why = bud_reply_span(bud_reply_at(reply, i));
		bud_buffer_span(&listing->whys, why);
		listing->rows[i].why.len = why.len;
	}
	for (size_t i = 0; err == 0 && i < listing->n; i++) {
		struct bud_span *why = &listing->rows[i].why;
		if (why->len > 0)
			why->at = listing->whys.at + at;
		at += why->len;
	}
	if (listing->is_cut)
		finish(listing, -EAGAIN);
}

static int ask_whys(struct listing *listing)
{
	struct bud_args *args = &listing->store->args;
	size_t len = listing->lane.len;

	bud_args_text(args, "HMGET");
	bud_args_text(args, BUD_KEY_WHY);
	for (size_t i = 0; i < listing->n; i++) {
		char member[BUD_MEMBER_TEXT_BYTES];
		bud_member_write(&listing->rows[i].id, member);
		bud_buffer_text(&listing->lane, member);
		bud_args_joined(args, "", bud_buffer_as_span(&listing->lane));
		listing->lane.len = len;
	}
	return bud_store_send(listing->store, on_whys, listing);
}

static void on_total(void *owner, const redisReply *reply)
{
	struct listing *listing = owner;

	listing->total = (size_t)bud_reply_number(reply);
	if (listing->is_cut)
		finish(listing, -EAGAIN);
}

static int ask_range(struct listing *listing);

/* In the order of a range: by score, then by name. */
static bool is_after(const struct listing *listing, const struct bud_lane_row *row)
{
	const struct bud_lane_row *after = &listing->after;
	int64_t score = row->at_ms * 64 + row->attempt;
	int64_t after_score = after->at_ms * 64 + after->attempt;
	char name[BUD_MEMBER_TEXT_BYTES];
	char after_name[BUD_MEMBER_TEXT_BYTES];

	if (score != after_score)
		return score > after_score;
	bud_member_write(&row->id, name);
	bud_member_write(&after->id, after_name);
	return strcmp(name, after_name) > 0;
}

static void read_rows(struct listing *listing, const redisReply *reply)
{
	for (size_t i = 0; i + 1 < (size_t)reply->elements; i += 2) {
		struct bud_lane_row *row = &listing->rows[listing->n];
		int64_t score = bud_reply_number(reply->element[i + 1]);
		*row = (struct bud_lane_row){
			.at_ms = score / 64, .attempt = (unsigned)(score % 64)};
		if (bud_member_parse(bud_reply_span(reply->element[i]), &row->id) &&
			(!listing->range.after || is_after(listing, row)))
			listing->n++;
	}
}

static void on_rows(void *owner, const redisReply *reply)
{
	struct listing *listing = owner;
	int err = bud_reply_error(reply);
	int r = 0;

	if (err == 0)
		read_rows(listing, reply);
	if (err == 0 && listing->n == 0 && listing->range.after && reply->elements > 0) {
		/* So many died at the same moment. */
		listing->skipped += (size_t)reply->elements / 2;
		r = ask_range(listing);
	} else if (err < 0 || listing->n == 0) {
		finish(listing, err);
	} else if (listing->lane.len == 0) {
		r = ask_kept(listing);
	} else {
		r = ask_whys(listing);
		if (r == 0)
			listing->is_cut = ask_kept(listing) < 0;
	}
	if (r < 0)
		finish(listing, r);
}

static struct listing *create(struct bud_store *store, bud_lane_rows_fn fn, void *owner)
{
	struct listing *listing = bud_new(struct listing);

	listing->store = store;
	listing->fn = fn;
	listing->owner = owner;
	return listing;
}

static int send_total(struct listing *listing)
{
	int r = bud_store_send(listing->store, on_total, listing);

	if (r < 0) {
		bud_buffer_finish(&listing->lane);
		free(listing);
	}
	return r;
}

static bool is_bound(const struct bud_lane_page *page)
{
	return page->from_ms > 0 || page->to_ms > 0;
}

static void add_floor(struct bud_args *args, const struct bud_lane_page *page)
{
	bud_args_number(args, page->from_ms * 64);
}

static void add_ceiling(struct bud_args *args, const struct bud_lane_page *page)
{
	if (page->to_ms > 0)
		bud_args_number(args, page->to_ms * 64 - 1);
	else
		bud_args_text(args, "+inf");
}

/* The last to die first; by rank, or by when they died. */
static void add_dead_range(struct bud_args *args, const struct bud_lane_page *page)
{
	if (!is_bound(page)) {
		bud_args_number(args, (int64_t)page->offset);
		bud_args_number(args, (int64_t)(page->offset + page->limit - 1));
		bud_args_text(args, "REV");
		return;
	}
	add_ceiling(args, page);
	add_floor(args, page);
	bud_args_text(args, "BYSCORE");
	bud_args_text(args, "REV");
	bud_args_text(args, "LIMIT");
	bud_args_number(args, (int64_t)page->offset);
	bud_args_number(args, (int64_t)page->limit);
}

static void add_total(struct bud_args *args, const struct bud_lane_page *page, const char *prefix)
{
	bud_args_text(args, is_bound(page) ? "ZCOUNT" : "ZCARD");
	bud_args_joined(args, prefix, page->lane);
	if (is_bound(page)) {
		add_floor(args, page);
		add_ceiling(args, page);
	}
}

int bud_lane_rows(
	struct bud_store *store, const struct bud_lane_page *page, bud_lane_rows_fn fn, void *owner)
{
	bool is_dead = page->list == BUD_LANE_LIST_DEAD;
	const char *prefix = is_dead ? BUD_KEY_DEAD : BUD_KEY_PARKED;
	struct listing *listing = create(store, fn, owner);
	struct bud_args *args = &store->args;
	int r;

	assert(page->limit > 0 && page->limit <= BUD_CLAIM_MAX);
	assert(is_dead || !is_bound(page));
	if (is_dead) {
		bud_buffer_span(&listing->lane, page->lane);
		bud_buffer_byte(&listing->lane, ' ');
	}
	add_total(args, page, prefix);
	r = send_total(listing);
	if (r < 0)
		return r;
	bud_args_text(args, "ZRANGE");
	bud_args_joined(args, prefix, page->lane);
	if (is_dead) {
		add_dead_range(args, page);
	} else {
		bud_args_number(args, (int64_t)page->offset);
		bud_args_number(args, (int64_t)(page->offset + page->limit - 1));
	}
	bud_args_text(args, "WITHSCORES");
	listing->is_cut = bud_store_send(store, on_rows, listing) < 0;
	return 0;
}

static void on_lane_keys(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	bud_lane_keys_fn fn = (bud_lane_keys_fn)call.fn;
	const redisReply *found = bud_reply_at(reply, 1);
	size_t n = found ? (size_t)found->elements / 2 : 0;
	struct bud_span *lanes = bud_alloc((n + 1) * sizeof(*lanes));
	int err = bud_reply_error(reply);
	uint64_t cursor = 0;

	if (err == 0 &&
		!bud_span_number(bud_reply_span(bud_reply_at(reply, 0)), UINT64_MAX, &cursor))
		err = -EPROTO;
	for (size_t i = 0; err == 0 && i < n; i++)
		lanes[i] = bud_reply_span(found->element[2 * i]);
	fn(call.owner, err, cursor, lanes, err == 0 ? n : 0);
	free(lanes);
}

int bud_lane_keys(struct bud_store *store, struct bud_span subscription, uint64_t cursor,
	bud_lane_keys_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, "ZSCAN");
	bud_args_text(args, BUD_KEY_DUE);
	bud_args_format(args, "%llu", (unsigned long long)cursor);
	bud_args_text(args, "MATCH");
	bud_args_format(args, "%.*s/*", (int)subscription.len, subscription.at);
	bud_args_text(args, "COUNT");
	bud_args_number(args, SCANNED_AT_ONCE);
	return bud_store_call_sent(call, bud_store_send(store, on_lane_keys, call));
}

static int ask_range(struct listing *listing)
{
	const struct bud_lane_dead_range *range = &listing->range;
	struct bud_args *args = &listing->store->args;
	/* `lane` ends with a space. */
	struct bud_span subscription = {listing->lane.at, listing->lane.len - 1};

	bud_args_text(args, "ZRANGE");
	bud_args_joined(args, BUD_KEY_DEAD, subscription);
	if (range->after)
		bud_args_number(args, listing->after.at_ms * 64 + listing->after.attempt);
	else
		bud_args_number(args, range->from_ms * 64);
	bud_args_number(args, range->to_ms * 64 + 63);
	bud_args_text(args, "BYSCORE");
	bud_args_text(args, "LIMIT");
	bud_args_number(args, (int64_t)listing->skipped);
	bud_args_number(args, (int64_t)range->limit);
	bud_args_text(args, "WITHSCORES");
	return bud_store_send(listing->store, on_rows, listing);
}

int bud_lane_dead_range(struct bud_store *store, const struct bud_lane_dead_range *range,
	bud_lane_rows_fn fn, void *owner)
{
	struct listing *listing = create(store, fn, owner);
	struct bud_args *args = &store->args;
	int r;

	assert(range->limit > 0 && range->limit <= BUD_CLAIM_MAX);
	listing->range = *range;
	if (range->after)
		listing->after = *range->after;
	bud_buffer_span(&listing->lane, range->subscription);
	bud_buffer_byte(&listing->lane, ' ');
	bud_args_text(args, "ZCOUNT");
	bud_args_joined(args, BUD_KEY_DEAD, range->subscription);
	bud_args_number(args, range->from_ms * 64);
	bud_args_number(args, range->to_ms * 64 + 63);
	r = send_total(listing);
	if (r < 0)
		return r;
	listing->is_cut = ask_range(listing) < 0;
	return 0;
}

static void on_members(void *owner, const redisReply *reply)
{
	struct bud_store_call call = bud_store_call_take(owner);
	struct bud_member ids[BUD_CLAIM_MAX];
	int err = bud_reply_error(reply);
	size_t n = 0;

	for (size_t i = 0; err == 0 && i < (size_t)reply->elements && n < BUD_CLAIM_MAX; i++)
		if (bud_member_parse(bud_reply_span(reply->element[i]), &ids[n]))
			n++;
	((bud_members_fn)call.fn)(call.owner, err, ids, n);
}

int bud_lane_parked(struct bud_store *store, struct bud_span lane, bud_members_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, "ZRANGE");
	bud_args_joined(args, BUD_KEY_PARKED, lane);
	bud_args_text(args, "0");
	bud_args_number(args, BUD_CLAIM_MAX - 1);
	return bud_store_call_sent(call, bud_store_send(store, on_members, call));
}

int bud_lane_dead_before(struct bud_store *store, struct bud_span lane, int64_t cutoff_ms,
	bud_members_fn fn, void *owner)
{
	struct bud_store_call *call = bud_store_call_create((void (*)(void))fn, owner);
	struct bud_args *args = &store->args;

	bud_args_text(args, "ZRANGE");
	bud_args_joined(args, BUD_KEY_DEAD, lane);
	bud_args_text(args, "-inf");
	bud_args_number(args, cutoff_ms * 64);
	bud_args_text(args, "BYSCORE");
	bud_args_text(args, "LIMIT");
	bud_args_text(args, "0");
	bud_args_number(args, BUD_CLAIM_MAX);
	return bud_store_call_sent(call, bud_store_send(store, on_members, call));
}
