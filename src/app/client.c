/* The HTTP clients of all threads. */
#include "app/client.h"

#include <assert.h>
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

struct bud_fetch_options bud_client_trusted_options(
	const struct bud_app *app, struct bud_networks *out_networks)
{
	static const char *const all[] = {"0.0.0.0/0", "::/0"};
	struct bud_fetch_options options = bud_client_options(app);

	*out_networks = (struct bud_networks){.n = 0};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int r = bud_network_parse(
			bud_span(all[i]), &out_networks->list[out_networks->n++], NULL);
		assert(r == 0);
		(void)r;
	}
	options.networks = out_networks;
	options.allow_http = app->config.auth.allow_http;
	return options;
}
