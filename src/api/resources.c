/* The resources. */
#include "api/resources.h"

#include <assert.h>

#include "api/consent.h"
#include "api/deliveries.h"
#include "api/desk.h"
#include "api/endpoints.h"
#include "api/events.h"
#include "api/explain.h"
#include "api/instance_tokens.h"
#include "api/jwks.h"
#include "api/pause.h"
#include "api/pull.h"
#include "api/quota.h"
#include "api/replay.h"
#include "api/stats.h"
#include "api/test_event.h"

void bud_resources_tables(struct bud_api_desk *desk, struct bud_route_table *out_tables)
{
	const struct bud_route_table tables[] = {
		{bud_consent_routes, bud_consent_routes_n, desk},
		{bud_deliveries_routes, bud_deliveries_routes_n, desk},
		{bud_endpoints_routes, bud_endpoints_routes_n, desk},
		{bud_events_routes, bud_events_routes_n, desk},
		{bud_explain_routes, bud_explain_routes_n, desk},
		{bud_instance_tokens_routes, bud_instance_tokens_routes_n, desk},
		{bud_jwks_routes, bud_jwks_routes_n, desk},
		{bud_pause_routes, bud_pause_routes_n, desk},
		{bud_pull_routes, bud_pull_routes_n, desk},
		{bud_quota_routes, bud_quota_routes_n, desk},
		{bud_replay_routes, bud_replay_routes_n, desk},
		{bud_stats_routes, bud_stats_routes_n, desk},
		{bud_test_event_routes, bud_test_event_routes_n, desk},
	};

	static_assert(sizeof(tables) / sizeof(tables[0]) == BUD_RESOURCES_TABLES,
		"BUD_RESOURCES_TABLES counts them");
	for (size_t i = 0; i < BUD_RESOURCES_TABLES; i++)
		out_tables[i] = tables[i];
}
