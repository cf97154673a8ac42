/* The routes of the Altinn Events API. */
#include "api/altinn.h"

#include "api/altinn_handlers.h"
#include "auth/need.h"
#include "core/limits.h"

/* The party's query by POST and its paths without /app are older spellings. The Location that
 * Altinn answers with has /subscription/{id}, which is none of its paths; clients that follow it
 * must find something. */
const struct bud_route bud_altinn_routes[] = {
	{"POST", BUD_ALTINN_BASE "/events", bud_altinn_handle_publish, BUD_EVENT_BYTES_MAX,
		BUD_NEED_PUBLISH},
	{"POST", BUD_ALTINN_BASE "/app", bud_altinn_handle_app_publish, BUD_API_BODY_BYTES_MAX,
		BUD_NEED_PLATFORM},
	{"GET", BUD_ALTINN_BASE "/events", bud_altinn_handle_events, 0, BUD_NEED_SUBSCRIBE},
	{"GET", BUD_ALTINN_BASE "/app/party", bud_altinn_handle_party, 0, BUD_NEED_IDENTITY},
	{"POST", BUD_ALTINN_BASE "/app/party", bud_altinn_handle_party, BUD_API_BODY_BYTES_MAX,
		BUD_NEED_IDENTITY},
	{"POST", BUD_ALTINN_BASE "/party", bud_altinn_handle_party, BUD_API_BODY_BYTES_MAX,
		BUD_NEED_IDENTITY},
	{"POST", BUD_ALTINN_BASE "/party/", bud_altinn_handle_party, BUD_API_BODY_BYTES_MAX,
		BUD_NEED_IDENTITY},
	{"GET", BUD_ALTINN_BASE "/app/{org}/{app}", bud_altinn_handle_org, 0, BUD_NEED_IDENTITY},
	{"POST", BUD_ALTINN_BASE "/subscriptions", bud_altinn_handle_subscribe,
		BUD_API_BODY_BYTES_MAX, BUD_NEED_IDENTITY},
	{"GET", BUD_ALTINN_BASE "/subscriptions", bud_altinn_handle_list, 0, BUD_NEED_IDENTITY},
	{"GET", BUD_ALTINN_BASE "/subscriptions/{id}", bud_altinn_handle_one, 0, BUD_NEED_IDENTITY},
	{"DELETE", BUD_ALTINN_BASE "/subscriptions/{id}", bud_altinn_handle_one, 0,
		BUD_NEED_IDENTITY},
	{"GET", BUD_ALTINN_BASE "/subscription/{id}", bud_altinn_handle_one, 0, BUD_NEED_IDENTITY},
	{"DELETE", BUD_ALTINN_BASE "/subscription/{id}", bud_altinn_handle_one, 0,
		BUD_NEED_IDENTITY},
};
const size_t bud_altinn_routes_n = sizeof(bud_altinn_routes) / sizeof(bud_altinn_routes[0]);
