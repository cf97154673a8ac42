/* Making the authority. */
#include "app/authority.h"

#include "app/app.h"
#include "auth/authorize.h"
#include "auth/policy.h"
#include "core/error.h"
#include "core/log.h"

static int load_policy(struct bud_app *app, struct bud_error *error)
{
	struct bud_policy *policy = NULL;
	int r = 0;

	if (app->config.auth.policy_file[0] != '\0')
		r = bud_policy_load(app->config.auth.policy_file, &policy, error);
	if (r == 0)
		bud_authority_set_policy(app->authority, policy);
	bud_metrics_set(&app->metrics[BUD_APP_METRICS_MAIN], BUD_GAUGE_POLICY_STALE, r < 0);
	return r;
}

int bud_app_authority_make(struct bud_app *app, struct bud_error *error)
{
	struct bud_authority_options options = {
		.is_open = app->config.auth.mode == BUD_AUTH_MODE_NONE};

	app->authority = bud_authority_create(&options);
	return load_policy(app, error);
}

void bud_app_authority_reload(struct bud_app *app)
{
	struct bud_error error = {0};

	if (app->config.auth.policy_file[0] == '\0')
		return;
	if (load_policy(app, &error) < 0)
		bud_log_error(
			"the policy is wrong: the one before stays in force", "reason", error.text);
	else
		bud_log_info("the policy is in force");
}
