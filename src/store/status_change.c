/* A change of a status: get -> apply -> put -> told; changed meanwhile: apply to what is there now,
 * a few times. */
#include "store/status_change.h"

#include <errno.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/random.h"
#include "event/notice.h"
#include "store/note.h"
#include "store/registry.h"
#include "store/store.h"
#include "subscription/subscription.h"

#define TRIES_MAX  8
#define ETAG_BYTES 8

struct change {
	struct bud_store *store;
	char *id;
	struct bud_status_wish wish;
	bud_status_change_fn fn;
	void *owner;
	unsigned tries;
	struct bud_subscription *subscription; /* with the status as it will be */
	struct bud_buffer expected;
	struct bud_buffer status;
	struct bud_buffer notice;
	char etag[2 * ETAG_BYTES + 1];
};

static void on_put(void *owner, int err, const struct bud_put_result *result);

static char *copy_text(const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (!text)
		return NULL;
	if (len > BUD_STATUS_TEXT_MAX)
		len = BUD_STATUS_TEXT_MAX;
	while (len > 0 && !bud_utf8_is_valid(text, len))
		len--;
	return bud_strndup(text, len);
}

static void destroy(struct change *change)
{
	bud_subscription_destroy(change->subscription);
	bud_buffer_finish_secret(&change->expected);
	bud_buffer_finish_secret(&change->status);
	bud_buffer_finish(&change->notice);
	free((char *)change->wish.reason);
	free((char *)change->wish.detail);
	free(change->id);
	free(change);
}

static void end(struct change *change, int err, enum bud_status_outcome outcome)
{
	bool is_there = err == 0 && outcome != BUD_STATUS_MISSING;

	change->fn(change->owner, err, outcome, is_there ? change->subscription : NULL);
	destroy(change);
}

static void replace(char **text, const char *with)
{
	free(*text);
	*text = with ? bud_strdup(with) : NULL;
}

static void set_state(const struct change *change, struct bud_subscription_status *status)
{
	if (change->wish.keeps_state)
		return;
	status->state = change->wish.to;
	replace(&status->reason, change->wish.reason);
	replace(&status->detail, change->wish.detail);
}

static enum bud_notice_kind notice_kind(
	enum bud_subscription_state from, enum bud_subscription_state to)
{
	switch (to) {
	case BUD_SUBSCRIPTION_PENDING:
		return BUD_NOTICE_PENDING;
	case BUD_SUBSCRIPTION_PAUSED:
		return BUD_NOTICE_PAUSED;
	case BUD_SUBSCRIPTION_DISABLED:
		return BUD_NOTICE_DISABLED;
	case BUD_SUBSCRIPTION_ACTIVE:
		break;
	}
	if (from == BUD_SUBSCRIPTION_PAUSED)
		return BUD_NOTICE_RESUMED;
	if (from == BUD_SUBSCRIPTION_DISABLED)
		return BUD_NOTICE_RECOVERED;
	return BUD_NOTICE_ACTIVATED;
}

/* `subscription` has the new status by now. */
static int put(struct change *change, enum bud_subscription_state from)
{
	const struct bud_subscription *subscription = change->subscription;
	const struct bud_subscription_status *status = &subscription->status;
	struct bud_notice notice = {
		.kind = notice_kind(from, status->state),
		.subscription = subscription->id,
		.owner = subscription->owner,
		.name = subscription->name,
		.reason = status->reason,
		.detail = status->detail,
		.since_ms = status->since_ms,
		.now_ms = bud_clock_wall_ms(),
	};
	struct bud_note note;
	struct bud_status_put request = {
		.id = change->id,
		.expected = bud_buffer_as_span(&change->expected),
		.status = bud_buffer_as_span(&change->status),
		.etag = change->wish.is_silent ? "" : change->etag,
	};

	if (status->state != from) {
		bud_note_make(change->store->shard, &notice, &change->notice, &note);
		request.note = &note;
	}
	return bud_registry_put_status(change->store, &request, on_put, change);
}

/* Swaps the new status in. */
static void take_status(struct change *change, struct bud_subscription_status *status)
{
	struct bud_subscription *subscription = change->subscription;

	if (status->state != subscription->status.state)
		status->since_ms = bud_clock_wall_ms();
	bud_status_finish(&subscription->status);
	subscription->status = *status;
	bud_buffer_clear(&change->status);
	bud_status_write(status, &change->status);
}

static enum bud_status_outcome judge(const struct change *change, enum bud_subscription_state state)
{
	const struct bud_status_wish *wish = &change->wish;

	if (wish->from & BUD_STATUS_IS(state))
		return BUD_STATUS_DONE;
	return !wish->keeps_state && state == wish->to ? BUD_STATUS_ALREADY : BUD_STATUS_REFUSED;
}

static int load(struct change *change, const struct bud_registry_value *value)
{
	struct bud_subscription_defaults defaults = {
		.timeout_ms = change->wish.timeout_ms, .sealer = bud_store_sealer(change->store)};
	struct bud_error error;
	int r;

	bud_subscription_destroy(bud_move(change->subscription));
	r = bud_subscription_load(value->record, &defaults, &change->subscription, &error);
	if (r < 0)
		return r;
	bud_subscription_set_beside(change->subscription,
		&(struct bud_subscription_beside){value->serial, value->etag, value->status});
	bud_buffer_clear(&change->expected);
	bud_buffer_span(&change->expected, value->status);
	return 0;
}

static void apply(struct change *change, const struct bud_registry_value *value)
{
	struct bud_subscription_status status;
	enum bud_subscription_state from;
	enum bud_status_outcome outcome;
	int r = load(change, value);

	if (r < 0) {
		end(change, r, BUD_STATUS_MISSING);
		return;
	}
	from = change->subscription->status.state;
	outcome = judge(change, from);
	if (outcome != BUD_STATUS_DONE) {
		end(change, 0, outcome);
		return;
	}
	bud_status_copy(&change->subscription->status, &status);
	set_state(change, &status);
	if (change->wish.edit && !change->wish.edit(change->owner, change->subscription, &status)) {
		bud_status_finish(&status);
		end(change, 0, BUD_STATUS_REFUSED);
		return;
	}
	take_status(change, &status);
	if (bud_span_equals(
		    bud_buffer_as_span(&change->status), bud_buffer_as_span(&change->expected))) {
		end(change, 0, BUD_STATUS_ALREADY);
		return;
	}
	r = put(change, from);
	if (r < 0)
		end(change, r, BUD_STATUS_MISSING);
}

static void on_put(void *owner, int err, const struct bud_put_result *result)
{
	struct change *change = owner;

	if (err < 0) {
		end(change, err, BUD_STATUS_MISSING);
	} else if (result->outcome == BUD_PUT_CHANGED) {
		if (++change->tries < TRIES_MAX)
			apply(change, &result->value);
		else
			end(change, -EBUSY, BUD_STATUS_MISSING);
	} else if (result->outcome == BUD_PUT_OK) {
		if (!change->wish.is_silent)
			replace(&change->subscription->etag, change->etag);
		end(change, 0, BUD_STATUS_DONE);
	} else {
		end(change, 0, BUD_STATUS_MISSING);
	}
}

static void on_value(void *owner, int err, const struct bud_registry_value *value)
{
	struct change *change = owner;

	if (err < 0 || !value || value->record.len == 0)
		end(change, err, BUD_STATUS_MISSING);
	else
		apply(change, value);
}

int bud_status_change(struct bud_store *store, const char *id, const struct bud_status_wish *wish,
	bud_status_change_fn fn, void *owner)
{
	struct change *change = bud_new(struct change);
	int r;

	change->store = store;
	change->id = bud_strdup(id);
	change->wish = *wish;
	change->wish.reason = copy_text(wish->reason);
	change->wish.detail = copy_text(wish->detail);
	change->fn = fn;
	change->owner = owner;
	bud_random_hex(change->etag, ETAG_BYTES);
	r = bud_registry_get(store, id, on_value, change);
	if (r < 0)
		destroy(change);
	return r;
}
