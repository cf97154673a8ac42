/* The verifier. pending one seen: WAITING -> due: lock taken -> key written -> asked -> answer
 * written -> WAITING, until the follower tells that it is pending no more.
 *
 * The lock lasts until the next question is due, so one node asks, and after a crash another goes
 * on with the schedule, which follows from how long the subscription has been pending. */
#include "lifecycle/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "access/sink_target.h"
#include "config/config.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/map.h"
#include "core/random.h"
#include "lifecycle/ask.h"
#include "lifecycle/turns.h"
#include "store/lock.h"
#include "store/status_change.h"
#include "subscription/consent.h"
#include "subscription/sealing.h"
#include "subscription/subscription.h"

#define TICK_MS         500
#define MINUTE_MS       60000
#define ASKING_MAX      32u
#define LOW_RATE        1u
#define KEY_MS          ((int64_t)24 * 60 * MINUTE_MS)
#define KEY_LEAST_MS    ((int64_t)60 * MINUTE_MS)
#define LOCK_BYTES      (BUD_SUBSCRIPTION_ID_MAX + 40)
#define LACKING_MINUTES 10
#define FAULT_MINUTES   0.1 /* after a fault of ours, not of the receiver */

struct pending {
	struct bud_turn turn; /* while it runs something is under way: it stays */
	struct bud_verifier *verifier;
	char *id;
	int64_t since_ms; /* pending since; another one is another question */
	int64_t asked_since_ms;
	int64_t wait_ms;  /* until the next question */
	bool is_over;     /* pending no more */
	bool lacks_token; /* to be asked with; the follower tells when there is one */
	bool is_free;     /* nobody needs to be asked any more: it is due at once */
	bool was_free;    /* the same when it was begun */
	/* The question under way. */
	char *sink;
	bool agrees;
	bool is_low; /* it does not, and gets little */
	uint32_t rate_per_min;
};

struct bud_verifier {
	struct bud_verify_options options;
	uv_timer_t timer;
	struct bud_map all; /* pending by id */
	struct bud_turns turns;
};

static void on_timer(uv_timer_t *timer);
static void ask(struct pending *pending);
static void on_locked(void *owner, int err, int64_t number);
static void prepare(struct pending *pending);
static void on_prepared(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription);
static void on_answer(void *owner, const struct bud_answer *answer);
static void on_written(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription);

struct bud_verifier *bud_verifier_open(const struct bud_verify_options *options)
{
	struct bud_verifier *verifier = bud_new(struct bud_verifier);
	int64_t tick_ms = options->tick_ms ? options->tick_ms : TICK_MS;

	verifier->options = *options;
	if (verifier->options.minute_ms == 0)
		verifier->options.minute_ms = MINUTE_MS;
	bud_turns_init(&verifier->turns, ASKING_MAX, tick_ms, bud_clock_mono_ms());
	uv_timer_init(options->loop, &verifier->timer);
	verifier->timer.data = verifier;
	uv_timer_start(&verifier->timer, on_timer, (uint64_t)tick_ms, (uint64_t)tick_ms);
	return verifier;
}

static void destroy(struct pending *pending)
{
	bud_turn_leave(&pending->verifier->turns, &pending->turn);
	free(pending->sink);
	free(pending->id);
	free(pending);
}

static void on_closed(uv_handle_t *handle)
{
	struct bud_verifier *verifier = handle->data;
	size_t position = 0;
	struct pending *pending;

	while ((pending = bud_map_next(&verifier->all, &position)))
		destroy(pending);
	bud_map_finish(&verifier->all);
	bud_turns_finish(&verifier->turns);
	free(verifier);
}

void bud_verifier_close(struct bud_verifier *verifier)
{
	if (verifier)
		uv_close((uv_handle_t *)&verifier->timer, on_closed);
}

static void end(struct pending *pending)
{
	pending->is_over = true;
	if (pending->turn.is_running)
		return; /* rest() comes */
	bud_map_remove(&pending->verifier->all, bud_span(pending->id));
	destroy(pending);
}

/* The follower tells of a token; this is for what it told too early to be seen. */
static int64_t lacking_due_ms(const struct bud_verifier *verifier)
{
	return bud_clock_mono_ms() + LACKING_MINUTES * verifier->options.minute_ms;
}

/* What was under way is done: look again in a while. */
static void rest(struct pending *pending, int64_t wait_ms)
{
	int64_t due_ms = bud_clock_mono_ms() + wait_ms;

	if (pending->lacks_token)
		due_ms = lacking_due_ms(pending->verifier);
	else if (pending->asked_since_ms != pending->since_ms ||
		 pending->is_free != pending->was_free)
		due_ms = 0; /* that was another question */
	free(bud_move(pending->sink));
	bud_turn_wait(&pending->verifier->turns, &pending->turn, due_ms, pending->wait_ms > 0);
	if (pending->is_over)
		end(pending);
}

static struct pending *create(
	struct bud_verifier *verifier, const struct bud_subscription *subscription)
{
	struct pending *pending = bud_new(struct pending);

	pending->verifier = verifier;
	pending->id = bud_strdup(subscription->id);
	bud_map_put(&verifier->all, bud_span(pending->id), pending);
	bud_turn_join(&verifier->turns, &pending->turn, subscription->owner);
	return pending;
}

static bool is_free(
	const struct bud_verifier *verifier, const struct bud_subscription *subscription)
{
	enum bud_verify_rule rule = verifier->options.config->delivery.verify;

	return bud_consent_method(rule, subscription) == BUD_VERIFY_OFF;
}

static bool lacks_token(
	const struct bud_verifier *verifier, const struct bud_subscription *subscription)
{
	return !is_free(verifier, subscription) &&
	       bud_sink_lacks_token(subscription, bud_clock_wall_ms());
}

/* What it is now: another question is due at once, and so is one whose token has come. */
static void look_at(struct pending *pending, const struct bud_subscription *subscription)
{
	struct bud_verifier *verifier = pending->verifier;
	struct bud_turn *turn = &pending->turn;
	bool is_other = pending->since_ms != subscription->status.since_ms;
	bool lacked_token = pending->lacks_token;
	bool was_free = pending->is_free;

	pending->is_over = false;
	pending->is_free = is_free(verifier, subscription);
	pending->since_ms = subscription->status.since_ms;
	pending->lacks_token = lacks_token(verifier, subscription);
	if (turn->is_running)
		return; /* rest() comes */
	if (pending->lacks_token)
		bud_turn_wait(&verifier->turns, turn, lacking_due_ms(verifier), turn->is_repeat);
	else if (is_other || lacked_token || pending->is_free != was_free)
		bud_turn_wait(&verifier->turns, turn, 0, turn->is_repeat);
}

void bud_verifier_on_changed(
	struct bud_verifier *verifier, const struct bud_subscription *subscription)
{
	bool is_pending = subscription->status.state == BUD_SUBSCRIPTION_PENDING;
	struct pending *pending = bud_map_get(&verifier->all, bud_span(subscription->id));

	if (!pending && is_pending)
		pending = create(verifier, subscription);
	if (pending && is_pending)
		look_at(pending, subscription);
	else if (pending)
		end(pending);
}

void bud_verifier_on_deleted(struct bud_verifier *verifier, const char *id)
{
	struct pending *pending = bud_map_get(&verifier->all, bud_span(id));

	if (pending)
		end(pending);
}

static void on_timer(uv_timer_t *timer)
{
	struct bud_verifier *verifier = timer->data;
	int64_t now_ms = bud_clock_mono_ms();
	struct bud_turn *turn;

	if (!bud_store_is_up(verifier->options.store))
		return;
	while ((turn = bud_turns_next(&verifier->turns, now_ms)))
		ask(bud_container(turn, struct pending, turn));
}

/* 1 min, 5 min, 30 min, 2 h, then 12 h. */
static int64_t wait_of(const struct pending *pending)
{
	static const int minutes[] = {1, 5, 30, 120};
	int64_t minute_ms = pending->verifier->options.minute_ms;
	int64_t left_ms = bud_clock_wall_ms() - pending->since_ms;

	for (size_t i = 0; i < sizeof(minutes) / sizeof(minutes[0]); i++) {
		left_ms -= minutes[i] * minute_ms;
		if (left_ms < 0)
			return minutes[i] * minute_ms;
	}
	return 720 * minute_ms;
}

static struct bud_span lock_of(const struct pending *pending, char out[LOCK_BYTES])
{
	int len = snprintf(
		out, LOCK_BYTES, "verify:%s:%lld", pending->id, (long long)pending->since_ms);

	return (struct bud_span){out, (size_t)len};
}

static int64_t fault_ms(const struct pending *pending)
{
	return (int64_t)(FAULT_MINUTES * (double)pending->verifier->options.minute_ms);
}

static void ask(struct pending *pending)
{
	struct bud_verifier *verifier = pending->verifier;
	char lock[LOCK_BYTES];

	pending->asked_since_ms = pending->since_ms;
	pending->was_free = pending->is_free;
	pending->wait_ms = wait_of(pending);
	if (pending->is_free) { /* the lock is for the next question, of which there is none */
		prepare(pending);
		return;
	}
	/* Over before our own next question, whose time the other clock may see earlier. */
	if (bud_lock_take(verifier->options.store, lock_of(pending, lock),
		    pending->wait_ms - pending->wait_ms / 20, on_locked, pending) < 0)
		rest(pending, fault_ms(pending));
}

/* A fault of ours: let anybody try again soon. */
static void fail(struct pending *pending)
{
	char lock[LOCK_BYTES];

	(void)bud_lock_give(pending->verifier->options.store, lock_of(pending, lock));
	rest(pending, fault_ms(pending));
}

/* A key that has an hour left stays: an answer to an earlier question may use it. */
static bool write_key(void *owner, const struct bud_subscription *subscription,
	struct bud_subscription_status *status)
{
	const struct pending *pending = owner;
	const struct bud_config *config = pending->verifier->options.config;
	int64_t now_ms = bud_clock_wall_ms();
	char key[BUD_CONSENT_KEY_BYTES];

	if (status->since_ms != pending->since_ms || config->delivery.callback_url[0] == '\0' ||
		bud_consent_method(config->delivery.verify, subscription) !=
			BUD_VERIFY_CLOUDEVENTS ||
		bud_consent_key_until(subscription) >= now_ms + KEY_LEAST_MS)
		return status->since_ms == pending->since_ms;
	bud_consent_make_key(now_ms + KEY_MS, key);
	free(status->callback_key);
	status->callback_key = bud_sealing_close_text(subscription, "callback_key", key);
	explicit_bzero(key, sizeof(key));
	return true;
}

static void prepare(struct pending *pending)
{
	struct bud_verifier *verifier = pending->verifier;
	struct bud_status_wish wish = {
		.from = BUD_STATUS_IS(BUD_SUBSCRIPTION_PENDING),
		.keeps_state = true,
		.is_silent = true,
		.timeout_ms = (uint32_t)verifier->options.config->delivery.timeout_ms,
		.edit = write_key,
	};

	if (bud_status_change(verifier->options.store, pending->id, &wish, on_prepared, pending) <
		0)
		fail(pending);
}

static void on_locked(void *owner, int err, int64_t number)
{
	struct pending *pending = owner;
	struct bud_verifier *verifier = pending->verifier;

	if (err < 0 || pending->is_over)
		rest(pending, fault_ms(pending));
	else if (number == 0) /* another node asks; should it die, we go on */
		rest(pending, pending->wait_ms < verifier->options.minute_ms
				      ? pending->wait_ms
				      : verifier->options.minute_ms);
	else
		prepare(pending);
}

static void write_answer(struct pending *pending, const struct bud_answer *answer);

static void on_prepared(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription)
{
	struct pending *pending = owner;
	const struct bud_verify_options *options = &pending->verifier->options;
	struct bud_ask_means means = {options->fetch, options->config, options->keyring};
	struct bud_ask_then then = {on_answer, pending};
	struct bud_error error = {0};
	int r;

	if (err < 0) {
		fail(pending);
		return;
	}
	if (outcome != BUD_STATUS_DONE && outcome != BUD_STATUS_ALREADY) {
		rest(pending, pending->wait_ms); /* the follower tells what it is now */
		return;
	}
	pending->lacks_token = lacks_token(pending->verifier, subscription);
	if (pending->lacks_token) { /* its time is over */
		fail(pending);
		return;
	}
	pending->sink = bud_strdup(subscription->sink);
	if (is_free(pending->verifier, subscription)) {
		/* The rule is another one now, so nobody needs to be asked. */
		write_answer(pending, &(struct bud_answer){.agrees = true});
		return;
	}
	r = bud_ask_start(&means, subscription, &then, &error);
	if (r == -EINVAL)
		write_answer(pending, &(struct bud_answer){.why = error.text});
	else if (r < 0)
		fail(pending);
}

static void on_answer(void *owner, const struct bud_answer *answer)
{
	if (answer)
		write_answer(owner, answer);
	else
		fail(owner);
}

/* Whoever was asked agrees to nothing but what was asked. */
static bool take_answer(void *owner, const struct bud_subscription *subscription,
	struct bud_subscription_status *status)
{
	const struct pending *pending = owner;
	enum bud_verify_rule rule = pending->verifier->options.config->delivery.verify;

	if (subscription->status.since_ms != pending->since_ms ||
		strcmp(subscription->sink, pending->sink) != 0)
		return false;
	if (pending->agrees && bud_consent_method(rule, subscription) != BUD_VERIFY_OFF)
		bud_consent_grant(status, pending->rate_per_min, bud_clock_wall_ms());
	else if (pending->is_low)
		status->rate_per_min = LOW_RATE; /* the key stays: it may agree later */
	return true;
}

static void write_answer(struct pending *pending, const struct bud_answer *answer)
{
	struct bud_verifier *verifier = pending->verifier;
	bool is_low = !answer->agrees && !answer->is_unheard &&
		      verifier->options.config->delivery.verify == BUD_VERIFY_RULE_LOW_RATE;
	bool is_pending = !answer->agrees && !is_low;
	struct bud_status_wish wish = {
		.from = BUD_STATUS_IS(BUD_SUBSCRIPTION_PENDING),
		.to = is_pending ? BUD_SUBSCRIPTION_PENDING : BUD_SUBSCRIPTION_ACTIVE,
		.reason = is_low       ? BUD_CONSENT_NOT_GRANTED
			  : is_pending ? "consent"
				       : NULL,
		.detail = answer->why,
		.edit = take_answer,
	};

	pending->agrees = answer->agrees;
	pending->is_low = is_low;
	pending->rate_per_min = answer->rate_per_min;
	if (bud_status_change(verifier->options.store, pending->id, &wish, on_written, pending) < 0)
		fail(pending);
}

static void on_written(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription)
{
	struct pending *pending = owner;

	(void)outcome;
	(void)subscription;
	if (err < 0)
		fail(pending);
	else
		rest(pending, pending->wait_ms);
}
