/* A wait: a call that the next tick of the subscriptions API takes up again; and the handlers of
 * its other files. Within api/ only. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/list.h"

struct bud_member;            /* store/member.h */
struct bud_request;           /* http/request.h */
struct bud_subscriptions_api; /* api/subscriptions.h */

struct bud_subscriptions_wait {
	struct bud_list link; /* in api->waiting; the call takes itself out when it goes on */
	/* `mono_ms` is INT64_MAX for the last time: then it must go. */
	void (*again)(struct bud_subscriptions_wait *wait, int64_t mono_ms);
};

/* Whether the table, and the grants, have what Redis had at this version. */
bool bud_subscriptions_has_reached(
	struct bud_subscriptions_api *api, const struct bud_member *version);
/* Files the call; not for a stopped API. */
void bud_subscriptions_wait(struct bud_subscriptions_api *api, struct bud_subscriptions_wait *wait);

/* Handlers; `context` is the struct bud_subscriptions_api. */
void bud_subscriptions_handle_list(void *context, struct bud_request *request);
void bud_subscriptions_handle_create(void *context, struct bud_request *request);
/* PUT, PATCH and DELETE, and POST for a new secret. */
void bud_subscriptions_handle_change(void *context, struct bud_request *request);
