/* The list of subscriptions: asked -> version of Redis known -> table has reached it -> answered.
 * The table is locked for a few records at a time, so that its writer never waits for a page. */
#include <stdlib.h>

#include "api/failure.h"
#include "api/page.h"
#include "api/subscriptions.h"
#include "api/subscriptions_wait.h"
#include "auth/identity.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/limits.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/registry.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

#define WAIT_MS          2000
#define SIZE_DEFAULT     100
#define RECORDS_PER_LOCK 32
/* A page ends early here; the link goes on. */
#define BODY_BYTES_MAX (1u << 20)

static const struct bud_page_rule rule = {"after", SIZE_DEFAULT, BUD_PAGE_MAX, false, false, false};

struct list {
	struct bud_subscriptions_wait wait;
	struct bud_subscriptions_api *api;
	struct bud_request *request;
	struct bud_page page;
	struct bud_member version;
	int64_t deadline_ms;
	/* While it is answered. */
	struct bud_buffer body;
	size_t n;
	uint64_t after; /* the serial of the last one looked at */
};

static void on_version(void *owner, int err, struct bud_member version);
static void look_again(struct bud_subscriptions_wait *wait, int64_t mono_ms);
static void answer(struct list *list);

void bud_subscriptions_handle_list(void *context, struct bud_request *request)
{
	struct bud_subscriptions_api *api = context;
	struct bud_error error = {0};
	struct bud_page page;
	struct list *list;
	int r;

	if (bud_page_parse(request, &rule, &page, &error) < 0) {
		bud_reply_problem(request, 400, "bad-query", "Bad query", &error);
		return;
	}
	list = bud_new(struct list);
	list->wait.again = look_again;
	bud_list_init(&list->wait.link);
	list->api = api;
	list->request = request;
	list->page = page;
	r = bud_registry_version(api->store, on_version, list);
	if (r < 0) {
		free(list);
		bud_failure_reply(request, r);
	}
}

static void on_version(void *owner, int err, struct bud_member version)
{
	struct list *list = owner;

	if (err < 0) {
		bud_failure_reply(list->request, err);
		free(list);
		return;
	}
	list->version = version;
	list->deadline_ms = bud_clock_mono_ms() + WAIT_MS;
	if (list->api->is_stopped || bud_subscriptions_has_reached(list->api, &list->version))
		answer(list);
	else
		bud_subscriptions_wait(list->api, &list->wait);
}

static void look_again(struct bud_subscriptions_wait *wait, int64_t mono_ms)
{
	struct list *list = bud_container(wait, struct list, wait);

	if (mono_ms < list->deadline_ms &&
		!bud_subscriptions_has_reached(list->api, &list->version))
		return;
	bud_list_remove(&wait->link);
	answer(list);
}

static bool is_full(const struct list *list)
{
	return list->n >= list->page.size || list->body.len >= BODY_BYTES_MAX;
}

static void add(struct list *list, const struct bud_subscription *subscription)
{
	list->after = subscription->serial;
	if (list->n > 0)
		bud_buffer_byte(&list->body, ',');
	bud_subscription_write_api(
		subscription, BUD_SUBSCRIPTION_SECRET_HIDDEN, bud_clock_wall_ms(), &list->body);
	list->n++;
}

/* True when there is more behind what was added. */
static bool add_some(struct list *list)
{
	struct bud_subscriptions_api *api = list->api;
	const char *owner = bud_request_identity(list->request)->name;
	const struct bud_subscription *next;

	bud_table_lock(api->table, api->table_reader);
	next = bud_table_next_of(api->table, owner, list->after);
	for (size_t i = 0; next && i < RECORDS_PER_LOCK && !is_full(list); i++) {
		add(list, next);
		next = bud_table_next_of(api->table, owner, list->after);
	}
	bud_table_unlock(api->table, api->table_reader);
	return next != NULL;
}

static void answer(struct list *list)
{
	bool has_more = true;

	list->after = list->page.start;
	bud_buffer_byte(&list->body, '[');
	while (has_more && !is_full(list))
		has_more = add_some(list);
	bud_buffer_byte(&list->body, ']');
	if (has_more)
		bud_page_reply_next(list->request, &rule, &list->page, list->after);
	bud_reply(list->request, 200, "application/json", bud_buffer_as_span(&list->body));
	bud_buffer_finish(&list->body);
	free(list);
}
