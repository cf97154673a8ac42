/* The token keeper. due (at about 80 % of a token's life, and not sooner than the pace allows: one
 * that ends before leaves a gap, in which dispatch parks): lock taken -> looked at -> asked ->
 * written -> the follower tells when it is due again. The lock lasts until we would try again, so
 * one node asks. A refresh token that the issuer has replaced is of no use any more: once there is
 * an answer it is written until Redis has it. Failures are told in the status and change no state:
 * dispatch parks while there is no token that is in force. */
#include "lifecycle/tokens.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "access/oauth2.h"
#include "config/config.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/map.h"
#include "core/random.h"
#include "lifecycle/token_request.h"
#include "lifecycle/turns.h"
#include "store/lock.h"
#include "store/status_change.h"
#include "subscription/credential.h"
#include "subscription/push_config.h"
#include "subscription/sealing.h"
#include "subscription/subscription.h"

#define TICK_MS      500
#define AGAIN_MS     60000
#define AGAIN_MS_MAX 3600000
#define ASKING_MAX   16u
#define SOON_MS      1000 /* for what is ours to repeat */
#define PACE_MS      3000 /* by then the follower has told what we wrote, too */
#define LOCKED_MS    10000
#define AHEAD_MS_MAX 300000
#define LOCK_BYTES   (BUD_SUBSCRIPTION_ID_MAX + 8)

/* One subscription with a credential of which tokens are fetched. */
struct holder {
	struct bud_turn turn;
	struct bud_keeper *keeper;
	char *id;
	int64_t due_mono_ms;
	unsigned failures; /* in a row */
	bool is_over;
	bool is_other; /* another credential came while this one was asked with */
	/* The request under way, and what it brought; after a failure the credential stays. */
	struct bud_credential credential;
	struct bud_oauth2_tokens tokens;
	int64_t tokens_ms;
	char why[BUD_STATUS_TEXT_MAX];
};

struct bud_keeper {
	struct bud_keeper_options options;
	uv_timer_t timer;
	struct bud_map all; /* holder by subscription */
	struct bud_turns turns;
};

static void on_timer(uv_timer_t *timer);
static void begin(struct holder *holder);
static void on_locked(void *owner, int err, int64_t number);
static void on_looked(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription);
static void on_tokens(void *owner, struct bud_oauth2_tokens *tokens, const char *why);
static void write_tokens(struct holder *holder);
static void on_written(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription);
static void tell(struct holder *holder);
static void on_told(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription);

struct bud_keeper *bud_keeper_open(const struct bud_keeper_options *options)
{
	struct bud_keeper *keeper = bud_new(struct bud_keeper);
	int64_t tick_ms = options->tick_ms ? options->tick_ms : TICK_MS;

	keeper->options = *options;
	if (keeper->options.again_ms == 0)
		keeper->options.again_ms = AGAIN_MS;
	if (keeper->options.pace_ms == 0)
		keeper->options.pace_ms = PACE_MS;
	bud_turns_init(&keeper->turns, ASKING_MAX, tick_ms, bud_clock_mono_ms());
	uv_timer_init(options->loop, &keeper->timer);
	keeper->timer.data = keeper;
	uv_timer_start(&keeper->timer, on_timer, (uint64_t)tick_ms, (uint64_t)tick_ms);
	return keeper;
}

static void forget_request(struct holder *holder)
{
	bud_credential_finish(&holder->credential);
	holder->credential = (struct bud_credential){0};
	bud_oauth2_tokens_finish(&holder->tokens);
}

static void destroy(struct holder *holder)
{
	bud_turn_leave(&holder->keeper->turns, &holder->turn);
	forget_request(holder);
	free(holder->id);
	free(holder);
}

static void on_closed(uv_handle_t *handle)
{
	struct bud_keeper *keeper = handle->data;
	size_t position = 0;
	struct holder *holder;

	while ((holder = bud_map_next(&keeper->all, &position)))
		destroy(holder);
	bud_map_finish(&keeper->all);
	bud_turns_finish(&keeper->turns);
	free(keeper);
}

void bud_keeper_close(struct bud_keeper *keeper)
{
	if (keeper)
		uv_close((uv_handle_t *)&keeper->timer, on_closed);
}

/* Tokens that are not written yet keep it: the issuer may have replaced the refresh token. */
static void end(struct holder *holder)
{
	holder->is_over = true;
	if (holder->turn.is_running || holder->tokens.access_token)
		return; /* rest() comes */
	bud_map_remove(&holder->keeper->all, bud_span(holder->id));
	destroy(holder);
}

static void wait_turn(struct holder *holder)
{
	bud_turn_wait(
		&holder->keeper->turns, &holder->turn, holder->due_mono_ms, holder->failures > 0);
}

/* What was under way is done; due again not before `wait_ms` are over. */
static void rest(struct holder *holder, int64_t wait_ms)
{
	int64_t due_mono_ms = bud_clock_mono_ms() + wait_ms;

	if (holder->due_mono_ms < due_mono_ms)
		holder->due_mono_ms = due_mono_ms;
	wait_turn(holder);
	if (holder->is_over)
		end(holder);
}

static bool has_tokens(const struct bud_subscription *subscription)
{
	enum bud_credential_type type = subscription->config->credential.type;

	/* A pending one's receiver may want a token with the question already. */
	return (subscription->status.state == BUD_SUBSCRIPTION_ACTIVE ||
		       subscription->status.state == BUD_SUBSCRIPTION_PENDING) &&
	       (type == BUD_CREDENTIAL_REFRESHTOKEN || type == BUD_CREDENTIAL_CLIENT);
}

/* From when a token was got to when the next one is. */
static int64_t renewal_ms(
	const struct bud_keeper *keeper, const struct bud_subscription_status *status)
{
	int64_t life_ms = status->token_expires_ms - status->token_since_ms;
	int64_t wait_ms = life_ms - life_ms / 5;

	return wait_ms > keeper->options.pace_ms ? wait_ms : keeper->options.pace_ms;
}

/* The owner's own token, whose beginning nobody told, is renewed some minutes ahead. */
static int64_t due_of(const struct bud_keeper *keeper, const struct bud_subscription *subscription,
	int64_t now_ms)
{
	const struct bud_subscription_status *status = &subscription->status;
	const struct bud_credential *credential = &subscription->config->credential;
	int64_t left_ms = credential->expires_ms - now_ms;

	if (status->access_token)
		return status->token_since_ms + renewal_ms(keeper, status);
	if (credential->type != BUD_CREDENTIAL_REFRESHTOKEN || left_ms <= 0)
		return 0;
	return credential->expires_ms - (left_ms / 5 < AHEAD_MS_MAX ? left_ms / 5 : AHEAD_MS_MAX);
}

static void give(struct holder *holder);

/* Another credential has not failed yet: nobody waits for the end of the lock. */
static void forgive(struct holder *holder, const struct bud_subscription *subscription)
{
	if (holder->failures == 0 || holder->turn.is_running ||
		bud_credential_equals(&subscription->config->credential, &holder->credential))
		return;
	holder->failures = 0;
	give(holder);
}

void bud_keeper_on_changed(struct bud_keeper *keeper, const struct bud_subscription *subscription)
{
	struct holder *holder = bud_map_get(&keeper->all, bud_span(subscription->id));
	int64_t now_ms = bud_clock_wall_ms();
	int64_t left_ms = due_of(keeper, subscription, now_ms) - now_ms;

	if (!has_tokens(subscription)) {
		if (holder)
			end(holder);
		return;
	}
	if (!holder) {
		holder = bud_new(struct holder);
		holder->keeper = keeper;
		holder->id = bud_strdup(subscription->id);
		bud_map_put(&keeper->all, bud_span(holder->id), holder);
		bud_turn_join(&keeper->turns, &holder->turn, subscription->owner);
	}
	holder->is_over = false;
	forgive(holder, subscription);
	if (left_ms > 0)
		left_ms -= (int64_t)bud_random_below((uint64_t)left_ms / 20 + 1);
	/* What we told of a failure must not bring the next attempt forward. */
	if (left_ms > 0 || holder->failures == 0)
		holder->due_mono_ms = left_ms > 0 ? bud_clock_mono_ms() + left_ms : 0;
	if (!holder->turn.is_running)
		wait_turn(holder);
}

void bud_keeper_on_deleted(struct bud_keeper *keeper, const char *id)
{
	struct holder *holder = bud_map_get(&keeper->all, bud_span(id));

	if (holder)
		end(holder);
}

static void on_timer(uv_timer_t *timer)
{
	struct bud_keeper *keeper = timer->data;
	int64_t now_ms = bud_clock_mono_ms();
	struct bud_turn *turn;

	if (!bud_store_is_up(keeper->options.store))
		return;
	while ((turn = bud_turns_next(&keeper->turns, now_ms)))
		begin(bud_container(turn, struct holder, turn));
}

static int64_t wait_of(const struct holder *holder)
{
	int64_t wait_ms = holder->keeper->options.again_ms;

	for (unsigned i = 0; i < holder->failures && wait_ms < AGAIN_MS_MAX; i++)
		wait_ms *= 2;
	return wait_ms < AGAIN_MS_MAX ? wait_ms : AGAIN_MS_MAX;
}

static struct bud_span lock_of(const struct holder *holder, char out[LOCK_BYTES])
{
	int len = snprintf(out, LOCK_BYTES, "token:%s", holder->id);

	return (struct bud_span){out, (size_t)len};
}

static void begin(struct holder *holder)
{
	int64_t wait_ms = wait_of(holder);
	char lock[LOCK_BYTES];

	if (holder->tokens.access_token)
		write_tokens(holder);
	else if (bud_lock_take(holder->keeper->options.store, lock_of(holder, lock),
			 wait_ms - wait_ms / 20, on_locked, holder) < 0)
		rest(holder, SOON_MS);
}

/* Nobody needs to wait for our lock. */
static void give(struct holder *holder)
{
	char lock[LOCK_BYTES];

	(void)bud_lock_give(holder->keeper->options.store, lock_of(holder, lock));
}

/* What is stored by now is looked at, not what the follower told a while ago. */
static bool only_look(void *owner, const struct bud_subscription *subscription,
	struct bud_subscription_status *status)
{
	(void)owner;
	(void)subscription;
	(void)status;
	return false;
}

static void on_locked(void *owner, int err, int64_t number)
{
	static const struct bud_status_wish look = {
		.from = ~0u, .keeps_state = true, .edit = only_look};
	struct holder *holder = owner;

	if (err < 0 || number == 0 || holder->is_over ||
		bud_status_change(
			holder->keeper->options.store, holder->id, &look, on_looked, holder) < 0)
		rest(holder, SOON_MS);
}

static void replace(char **text, const char *with)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = with ? bud_strdup(with) : NULL;
}

static void ask(struct holder *holder, const struct bud_subscription *subscription)
{
	const struct bud_keeper_options *options = &holder->keeper->options;
	char *newest = bud_sealing_open_text(
		subscription, "refresh_token", subscription->status.refresh_token);
	struct bud_token_request request = {
		.credential = &holder->credential,
		.allow_http = options->config->delivery.allow_http,
		.timeout_ms = (unsigned)options->config->delivery.timeout_ms,
		.fn = on_tokens,
		.owner = holder,
	};
	struct bud_error error = {0};
	int r;

	forget_request(holder);
	bud_credential_copy(&subscription->config->credential, &holder->credential);
	request.refresh_token = newest ? newest : holder->credential.refresh_token;
	r = bud_token_request_start(options->fetch, &request, &error);
	replace(&newest, NULL);
	if (r == 0)
		return;
	snprintf(holder->why, sizeof(holder->why), "%s", error.text);
	if (r == -EINVAL) {
		tell(holder);
		return;
	}
	give(holder);
	forget_request(holder);
	rest(holder, SOON_MS);
}

/* Not any more when another node was faster; jitter makes us early, too. */
static bool is_due(const struct bud_keeper *keeper, const struct bud_subscription_status *status,
	int64_t now_ms)
{
	int64_t wait_ms = renewal_ms(keeper, status);

	return !status->access_token || now_ms >= status->token_since_ms + wait_ms - wait_ms / 16;
}

static void on_looked(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription)
{
	struct holder *holder = owner;

	(void)outcome;
	if (err == 0 && subscription && has_tokens(subscription) &&
		is_due(holder->keeper, &subscription->status, bud_clock_wall_ms())) {
		ask(holder, subscription);
		return;
	}
	give(holder);
	rest(holder, err < 0 ? SOON_MS : holder->keeper->options.pace_ms);
}

static void on_tokens(void *owner, struct bud_oauth2_tokens *tokens, const char *why)
{
	struct holder *holder = owner;

	if (tokens) {
		holder->tokens = *tokens;
		*tokens = (struct bud_oauth2_tokens){0};
		holder->tokens_ms = bud_clock_wall_ms();
		write_tokens(holder);
	} else if (why) {
		snprintf(holder->why, sizeof(holder->why), "%s", why);
		tell(holder);
	} else {
		give(holder);
		forget_request(holder);
		rest(holder, SOON_MS);
	}
}

/* They belong to the credential that they were fetched with, and to its refresh token. */
static bool take_tokens(void *owner, const struct bud_subscription *subscription,
	struct bud_subscription_status *status)
{
	const struct holder *holder = owner;
	const struct bud_oauth2_tokens *tokens = &holder->tokens;

	if (!bud_credential_shares_tokens(&subscription->config->credential, &holder->credential))
		return false;
	replace(&status->access_token, NULL);
	status->access_token =
		bud_sealing_close_text(subscription, "access_token", tokens->access_token);
	status->token_since_ms = holder->tokens_ms;
	status->token_expires_ms = holder->tokens_ms + tokens->life_s * 1000;
	if (tokens->refresh_token) {
		replace(&status->refresh_token, NULL);
		status->refresh_token = bud_sealing_close_text(
			subscription, "refresh_token", tokens->refresh_token);
	}
	bud_status_take_credential_back(status);
	if (tokens->life_s == 0 && !status->reason) {
		status->reason = bud_strdup(BUD_STATUS_CREDENTIAL);
		status->detail = bud_strdup("the token endpoint gave a token that has ended");
	}
	return true;
}

static void write_tokens(struct holder *holder)
{
	static const struct bud_status_wish wish = {
		.from = ~0u, .keeps_state = true, .is_silent = true, .edit = take_tokens};

	if (bud_status_change(
		    holder->keeper->options.store, holder->id, &wish, on_written, holder) < 0)
		rest(holder, SOON_MS);
}

static void on_written(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription)
{
	struct holder *holder = owner;

	(void)subscription;
	if (err < 0 &&
		(holder->tokens.refresh_token ||
			holder->tokens_ms + holder->tokens.life_s * 1000 > bud_clock_wall_ms())) {
		rest(holder, SOON_MS); /* begin() writes them again */
		return;
	}
	holder->failures = 0;
	give(holder);
	forget_request(holder);
	/* Refused: it has another credential by now. */
	rest(holder, outcome == BUD_STATUS_REFUSED ? SOON_MS : holder->keeper->options.pace_ms);
}

/* Another reason that stands there is graver, but for a question that waits for the token. */
static bool take_failure(void *owner, const struct bud_subscription *subscription,
	struct bud_subscription_status *status)
{
	struct holder *holder = owner;

	holder->is_other =
		!bud_credential_equals(&subscription->config->credential, &holder->credential);
	if (holder->is_other)
		return false;
	if (status->reason && !bud_status_is_credential_told(status) &&
		status->state != BUD_SUBSCRIPTION_PENDING)
		return false;
	replace(&status->reason, BUD_STATUS_CREDENTIAL);
	replace(&status->detail, holder->why);
	return true;
}

static void tell(struct holder *holder)
{
	static const struct bud_status_wish wish = {
		.from = ~0u, .keeps_state = true, .edit = take_failure};

	if (bud_status_change(holder->keeper->options.store, holder->id, &wish, on_told, holder) <
		0)
		on_told(holder, 0, BUD_STATUS_REFUSED, NULL);
}

static void on_told(void *owner, int err, enum bud_status_outcome outcome,
	const struct bud_subscription *subscription)
{
	struct holder *holder = owner;
	int64_t wait_ms = wait_of(holder);

	(void)err;
	(void)outcome;
	(void)subscription;
	if (holder->is_other) {
		holder->is_other = false;
		holder->failures = 0;
		give(holder);
		forget_request(holder);
		rest(holder, SOON_MS);
		return;
	}
	holder->failures++;
	rest(holder, wait_ms);
}
