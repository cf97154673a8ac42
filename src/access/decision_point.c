/* The decision point's client. wanted (naming, for a person -> queue) -> asked (one call under way)
 * -> remembered by the authority, or given up -> its waiters told. While a call is under way the
 * queue grows: the busier, the larger the calls. After three failures in a row it is cut off for a
 * while, doubled each time; then one call tries. */
#include "access/decision_point.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "access/register.h"
#include "access/xacml.h"
#include "auth/authorize.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/list.h"
#include "core/map.h"
#include "core/metrics.h"
#include "fetch/fetch.h"
#include "fetch/target.h"

#define WANTED_MAX     4096u
#define FAILURES_MAX   3u
#define CUT_OFF_MS     1000
#define CUT_OFF_MS_MAX 30000
#define CONTENT_TYPE   "Content-Type: application/json"
#define ACCEPT         "Accept: application/json"

struct waiter {
	struct waiter *next;
	void (*fn)(void *owner);
	void *owner;
};

/* A question of our own. */
struct wanted {
	struct bud_list link; /* bud_decision_point::naming, ::queue or ::asked */
	struct bud_hash_128 key;
	uint64_t number;
	struct bud_question question; /* its texts are in `text` */
	char party[64];               /* its subject as it is asked, when that is a person */
	struct waiter *waiters;
	char text[];
};

struct bud_decision_point {
	struct bud_decision_point_options options;
	struct bud_target *target;
	uv_prepare_t turn; /* before the loop waits: what its callbacks filed goes out together */
	struct bud_list naming; /* the register is asked who it is */
	struct bud_list queue;
	struct bud_list asked;
	struct bud_map by_key; /* of all three */
	uint64_t last_number;
	uint64_t done_number;
	size_t n_asked; /* 0: no call is under way */
	struct bud_buffer body;
	bool is_stopped;
	unsigned failures; /* in a row */
	int64_t cut_off_mono_ms;
	void (*on_done)(void *owner);
	void *on_done_owner;
};

static void on_turn(uv_prepare_t *turn);
static void end_list(struct bud_decision_point *point, struct bud_list *list);
static void on_result(void *owner, const struct bud_fetch_result *result);

struct bud_decision_point *bud_decision_point_open(
	const struct bud_decision_point_options *options, struct bud_error *error)
{
	struct bud_target_options target_options = {.allow_http = true};
	struct bud_target *target =
		bud_target_create(bud_span(options->url), &target_options, error);
	struct bud_decision_point *point;

	if (!target)
		return NULL;
	if (options->header && options->header[0] != '\0' &&
		bud_target_header_add(target, options->header) < 0) {
		(void)bud_error_set(error, NULL, "the header must be \"Name: value\"");
		bud_target_unref(target);
		return NULL;
	}
	point = bud_new(struct bud_decision_point);
	point->options = *options;
	point->options.url = NULL;
	point->options.header = NULL;
	point->target = target;
	bud_list_init(&point->naming);
	bud_list_init(&point->queue);
	bud_list_init(&point->asked);
	uv_prepare_init(options->loop, &point->turn);
	point->turn.data = point;
	uv_prepare_start(&point->turn, on_turn);
	return point;
}

void bud_decision_point_tell(
	struct bud_decision_point *point, void (*on_done)(void *owner), void *owner)
{
	point->on_done = on_done;
	point->on_done_owner = owner;
}

uint64_t bud_decision_point_done(const struct bud_decision_point *point)
{
	return point->done_number;
}

/* Filing */

static struct bud_span key_span(const struct bud_hash_128 *key)
{
	return (struct bud_span){(const char *)key, sizeof(*key)};
}

static struct bud_span copy_text(struct wanted *wanted, size_t *at, struct bud_span text)
{
	struct bud_span copied = {text.at ? wanted->text + *at : NULL, text.len};

	if (text.len > 0)
		memcpy(wanted->text + *at, text.at, text.len);
	*at += text.len;
	return copied;
}

/* Publisher and scopes are not for the point. */
static struct wanted *create(const struct bud_question *question, struct bud_hash_128 key)
{
	struct wanted *wanted =
		bud_alloc_zero(sizeof(*wanted) + question->who.len + question->resource.len +
			       question->type.len + question->subject.len + 1);
	size_t at = 0;

	wanted->key = key;
	wanted->question.action = question->action;
	wanted->question.who = copy_text(wanted, &at, question->who);
	wanted->question.resource = copy_text(wanted, &at, question->resource);
	wanted->question.type = copy_text(wanted, &at, question->type);
	wanted->question.subject = copy_text(wanted, &at, question->subject);
	return wanted;
}

static bool is_cut_off(const struct bud_decision_point *point)
{
	return point->failures >= FAILURES_MAX && bud_clock_mono_ms() < point->cut_off_mono_ms;
}

/* Persons. A question whose person was not found is asked as it is; when the register cannot be
 * asked nobody decides. */

struct naming {
	struct bud_decision_point *point;
	struct bud_hash_128 key;
};

static void put_party(struct wanted *wanted, const struct bud_party *party)
{
	if (!party || party->uuid[0] == '\0')
		return;
	snprintf(wanted->party, sizeof(wanted->party), "urn:altinn:party:uuid:%s", party->uuid);
	wanted->question.subject = bud_span(wanted->party);
}

static void on_named(void *owner, enum bud_register_outcome outcome, const struct bud_party *party)
{
	struct naming naming = *(struct naming *)owner;
	struct bud_decision_point *point = naming.point;
	struct wanted *wanted = bud_map_get(&point->by_key, key_span(&naming.key));
	struct bud_list failed;

	free(owner);
	if (!wanted || point->is_stopped)
		return;
	bud_list_remove(&wanted->link);
	if (outcome == BUD_REGISTER_FAILED) {
		bud_list_init(&failed);
		bud_list_append(&failed, &wanted->link);
		end_list(point, &failed);
		return;
	}
	put_party(wanted, party);
	bud_list_append(&point->queue, &wanted->link);
}

/* False: the register cannot be asked now, so there is nothing to ask the point. */
static bool name_subject(struct bud_decision_point *point, struct wanted *wanted)
{
	struct bud_register_question question = {BUD_PARTY_WHO, wanted->question.subject};
	struct bud_party party;
	struct naming *naming;

	if (!point->options.reg || !bud_party_is_person(question.identifier)) {
		bud_list_append(&point->queue, &wanted->link);
		return true;
	}
	naming = bud_new(struct naming);
	*naming = (struct naming){point, wanted->key};
	switch (bud_register_ask(point->options.reg, &question, on_named, naming, &party)) {
	case BUD_REGISTER_ASKED:
		bud_list_append(&point->naming, &wanted->link);
		return true;
	case BUD_REGISTER_FOUND:
		put_party(wanted, &party);
		break;
	case BUD_REGISTER_NONE:
		break;
	case BUD_REGISTER_FAILED:
		free(naming);
		return false;
	}
	free(naming);
	bud_list_append(&point->queue, &wanted->link);
	return true;
}

static struct wanted *file(struct bud_decision_point *point, const struct bud_question *question)
{
	struct bud_hash_128 key = bud_authority_key(point->options.authority, question);
	struct wanted *wanted = bud_map_get(&point->by_key, key_span(&key));

	if (wanted)
		return wanted;
	if (point->is_stopped || point->by_key.n >= WANTED_MAX || is_cut_off(point))
		return NULL;
	wanted = create(question, key);
	if (!name_subject(point, wanted)) {
		free(wanted);
		return NULL;
	}
	wanted->number = ++point->last_number;
	bud_map_put(&point->by_key, key_span(&wanted->key), wanted);
	return wanted;
}

uint64_t bud_decision_point_want(
	struct bud_decision_point *point, const struct bud_question *question)
{
	const struct wanted *wanted = file(point, question);

	return wanted ? wanted->number : 0;
}

int bud_decision_point_ask(struct bud_decision_point *point, const struct bud_question *question,
	void (*fn)(void *owner), void *owner)
{
	struct wanted *wanted = file(point, question);
	struct waiter *waiter;

	if (!wanted)
		return -EAGAIN;
	waiter = bud_new(struct waiter);
	*waiter = (struct waiter){wanted->waiters, fn, owner};
	wanted->waiters = waiter;
	return 0;
}

/* Ending: waiters are told when all that ended with them is, for they may file again. */

static struct waiter *end_wanted(
	struct bud_decision_point *point, struct wanted *wanted, struct waiter *before)
{
	while (wanted->waiters) {
		struct waiter *waiter = wanted->waiters;
		wanted->waiters = waiter->next;
		waiter->next = before;
		before = waiter;
	}
	if (point->done_number < wanted->number)
		point->done_number = wanted->number;
	bud_map_remove(&point->by_key, key_span(&wanted->key));
	bud_list_remove(&wanted->link);
	free(wanted);
	return before;
}

static void end_list(struct bud_decision_point *point, struct bud_list *list)
{
	struct waiter *waiters = NULL;

	while (!bud_list_is_empty(list))
		waiters = end_wanted(point, bud_list_first(list, struct wanted, link), waiters);
	while (waiters) {
		struct waiter *waiter = waiters;
		waiters = waiter->next;
		waiter->fn(waiter->owner);
		free(waiter);
	}
	if (point->on_done)
		point->on_done(point->on_done_owner);
}

/* Calling */

static void on_failure(struct bud_decision_point *point, const char *text)
{
	int64_t off_ms = CUT_OFF_MS;

	bud_metrics_add(point->options.metrics, BUD_COUNTER_DECISION_FAILURES, 1);
	if (++point->failures == 1)
		point->options.on_trouble(point->options.owner, text);
	for (unsigned i = FAILURES_MAX; i < point->failures && off_ms < CUT_OFF_MS_MAX; i++)
		off_ms *= 2;
	if (off_ms > CUT_OFF_MS_MAX)
		off_ms = CUT_OFF_MS_MAX;
	point->cut_off_mono_ms = bud_clock_mono_ms() + off_ms;
}

static int start_call(struct bud_decision_point *point)
{
	static const char *const headers[] = {CONTENT_TYPE, ACCEPT};
	struct bud_fetch_request request = {
		.target = point->target,
		.headers = headers,
		.headers_n = 2,
		.body = bud_buffer_as_span(&point->body),
		.timeout_ms = point->options.timeout_ms,
		.keep_body_bytes = BUD_DECISIONS_BODY_MAX,
	};

	return bud_fetch_start(point->options.fetch, &request, on_result, point, NULL);
}

/* The first of the queue, as many as go into one call. */
static void write_body(struct bud_decision_point *point)
{
	bud_auto(free) struct bud_question *questions =
		bud_alloc(BUD_DECISIONS_MAX * sizeof(*questions));
	size_t n = 0;

	while (n < BUD_DECISIONS_MAX && !bud_list_is_empty(&point->queue)) {
		struct wanted *wanted = bud_list_first(&point->queue, struct wanted, link);
		bud_list_remove(&wanted->link);
		bud_list_append(&point->asked, &wanted->link);
		questions[n++] = wanted->question;
	}
	bud_buffer_clear(&point->body);
	bud_xacml_write(questions, n, &point->body);
	point->n_asked = n;
}

static void on_turn(uv_prepare_t *turn)
{
	struct bud_decision_point *point = turn->data;

	if (point->n_asked > 0 || bud_list_is_empty(&point->queue))
		return;
	write_body(point);
	bud_metrics_add(point->options.metrics, BUD_COUNTER_DECISION_CALLS, 1);
	bud_metrics_add(point->options.metrics, BUD_COUNTER_DECISION_QUESTIONS, point->n_asked);
	if (start_call(point) == 0)
		return;
	point->n_asked = 0;
	on_failure(point, "no call could be started");
	end_list(point, &point->asked);
}

/* True: every question has its decision. */
static bool read_answer(struct bud_decision_point *point, const struct bud_fetch_result *result,
	enum bud_decision *decisions, struct bud_error *error)
{
	if (result->kind != BUD_FETCH_RESPONSE)
		(void)bud_error_set(error, NULL, "%s", result->text);
	else if (result->status != 200)
		(void)bud_error_set(error, NULL, "it answered with status %d", result->status);
	else if (result->body_is_cut)
		(void)bud_error_set(error, NULL, "its answer is too long");
	else
		return bud_xacml_read(result->body, point->n_asked, decisions, error) == 0;
	return false;
}

static void remember(struct bud_decision_point *point, const enum bud_decision *decisions)
{
	int64_t until_ms = bud_clock_wall_ms() + point->options.kept_ms;
	struct wanted *wanted;
	size_t i = 0;

	bud_list_each (wanted, &point->asked, link)
		bud_authority_remember(
			point->options.authority, wanted->key, decisions[i++], until_ms);
	assert(i == point->n_asked);
}

static void on_result(void *owner, const struct bud_fetch_result *result)
{
	struct bud_decision_point *point = owner;
	enum bud_decision decisions[BUD_DECISIONS_MAX];
	struct bud_error error = {0};

	if (point->is_stopped) { /* nobody waits for it any more */
		point->n_asked = 0;
		return;
	}
	if (read_answer(point, result, decisions, &error)) {
		if (point->failures > 0)
			point->options.on_trouble(point->options.owner, NULL);
		point->failures = 0;
		remember(point, decisions);
	} else if (result->kind != BUD_FETCH_CANCELLED) {
		on_failure(point, error.text);
	}
	point->n_asked = 0;
	end_list(point, &point->asked);
}

void bud_decision_point_stop(struct bud_decision_point *point)
{
	if (!point)
		return;
	point->is_stopped = true;
	end_list(point, &point->asked);
	end_list(point, &point->queue);
	end_list(point, &point->naming);
}

static void on_closed(uv_handle_t *handle)
{
	struct bud_decision_point *point = handle->data;

	assert(point->n_asked == 0 && bud_list_is_empty(&point->queue));
	bud_map_finish(&point->by_key);
	bud_buffer_finish(&point->body);
	bud_target_unref(point->target);
	free(point);
}

void bud_decision_point_close(struct bud_decision_point *point)
{
	if (point)
		uv_close((uv_handle_t *)&point->turn, on_closed);
}
