/* Authentication's settings. */
#include "app/trust.h"

#include "access/issuers_file.h"
#include "app/app.h"
#include "auth/trust.h"

int bud_app_trust_open(struct bud_app *app, struct bud_error *error)
{
	const struct bud_config *config = &app->config;
	int r = bud_issuers_load(config, &app->issuers, error);

	if (r < 0)
		return r;
	bud_scope_rules_set(&app->scope_rules, BUD_NEED_PUBLISH, config->auth.scope_publish);
	bud_scope_rules_set(&app->scope_rules, BUD_NEED_SUBSCRIBE, config->auth.scope_subscribe);
	bud_scope_rules_set(&app->scope_rules, BUD_NEED_READ, config->auth.scope_read);
	app->trust = bud_trust_create(app->issuers);
	return 0;
}

void bud_app_trust_close(struct bud_app *app)
{
	bud_trust_destroy(app->trust);
	bud_scope_rules_finish(&app->scope_rules);
	bud_issuers_destroy(app->issuers);
}
