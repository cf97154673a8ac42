/* The HTTP clients of all threads. */
#include "app/client.h"

#include <string.h>

#include "app/app.h"

struct bud_fetch_options bud_client_options(const struct bud_app *app)
{
	struct bud_fetch_options options = {
		.networks = &app->config.delivery.allow_networks,
		.nat64 = &app->config.delivery.nat64_prefix,
		.allow_http = app->config.delivery.allow_http,
		.sources = &app->config.delivery.source_address,
		.proxy = app->config.delivery.proxy,
	};

	memcpy(options.own_ports, app->own_ports, sizeof(options.own_ports));
	return options;
}
