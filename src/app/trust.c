/* Authentication's settings. The trust is the control thread's to write, so it gets what was read
 * again. */
#include "app/trust.h"

#include "access/issuers_file.h"
#include "app/app.h"
#include "auth/issuers.h"
#include "auth/trust.h"
#include "core/log.h"

int bud_app_trust_open(struct bud_app *app, struct bud_error *error)
{
	const struct bud_config *config = &app->config;
	struct bud_issuers *issuers;
	int r = bud_issuers_load(config, &issuers, error);

	if (r < 0)
		return r;
	bud_scope_rules_set(&app->scope_rules, BUD_NEED_PUBLISH, config->auth.scope_publish);
	bud_scope_rules_set(&app->scope_rules, BUD_NEED_SUBSCRIBE, config->auth.scope_subscribe);
	bud_scope_rules_set(&app->scope_rules, BUD_NEED_READ, config->auth.scope_read);
	app->trust = bud_trust_create(issuers);
	bud_issuers_unref(issuers);
	return 0;
}

void bud_app_trust_reload(struct bud_app *app)
{
	struct bud_issuers *issuers;
	struct bud_error error = {0};
	int r = bud_issuers_load(&app->config, &issuers, &error);

	if (!(app->config.auth.mode & BUD_AUTH_MODE_JWT))
		return;
	bud_metrics_set(&app->metrics[BUD_APP_METRICS_MAIN], BUD_GAUGE_ISSUERS_STALE, r < 0);
	if (r < 0) {
		bud_log_error(
			"the issuers are wrong: those before stay in force", "reason", error.text);
		return;
	}
	bud_log_info("the issuers are in force");
	bud_trust_offer_issuers(app->trust, issuers);
	bud_issuers_unref(issuers);
}

void bud_app_trust_close(struct bud_app *app)
{
	bud_trust_destroy(app->trust);
	bud_scope_rules_finish(&app->scope_rules);
}
