/* Making the authority. */
#include "app/authority.h"

#include <errno.h>

#include "app/app.h"
#include "auth/authorize.h"
#include "auth/policy.h"
#include "core/error.h"
#include "core/log.h"
#include "fetch/target.h"

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

/* So that the workers can open it. */
static int try_point(const struct bud_auth_config *auth, struct bud_error *error)
{
	struct bud_target_options options = {.allow_http = true};
	struct bud_error fault = {0};
	struct bud_target *target =
		bud_target_create(bud_span(auth->decision_url), &options, &fault);

	bud_target_unref(target);
	if (!target)
		return bud_error_set(error, NULL, "auth.decision_url: %s", fault.text);
	if (auth->decision_header[0] != '\0' && !bud_header_line_is_valid(auth->decision_header))
		return bud_error_set(error, NULL, "auth.decision_header must be \"Name: value\"");
	return 0;
}

int bud_app_authority_make(struct bud_app *app, struct bud_error *error)
{
	const struct bud_auth_config *auth = &app->config.auth;
	struct bud_authority_options options = {.is_open = auth->mode == BUD_AUTH_MODE_NONE,
		.has_point = auth->decision_url[0] != '\0'};

	app->authority = bud_authority_create(&options);
	return options.has_point && try_point(auth, error) < 0 ? -EINVAL : load_policy(app, error);
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
