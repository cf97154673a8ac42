/* Making the authority. */
#include "app/authority.h"

#include "access/parties.h"
#include "access/services.h"
#include "app/app.h"
#include "auth/authorize.h"
#include "auth/policy.h"
#include "auth/quota.h"
#include "core/error.h"
#include "core/log.h"

/* What the policy says of single owners. */
static void put_quotas(struct bud_app *app, const struct bud_policy *policy)
{
	size_t n = 0;
	const struct bud_policy_quota *quotas = policy ? bud_policy_quotas(policy, &n) : NULL;
	bud_auto(free) struct bud_quota_own *own = bud_alloc((n + 1) * sizeof(*own));

	for (size_t i = 0; i < n; i++)
		own[i] = (struct bud_quota_own){bud_span(quotas[i].who), quotas[i].quotas};
	bud_quota_set_own(app->quota, own, n);
}

static int load_policy(struct bud_app *app, struct bud_error *error)
{
	struct bud_policy *policy = NULL;
	int r = 0;

	if (app->config.auth.policy_file[0] != '\0')
		r = bud_policy_load(app->config.auth.policy_file, &policy, error);
	if (r == 0) {
		put_quotas(app, policy);
		bud_authority_set_policy(app->authority, policy);
	}
	bud_metrics_set(&app->metrics[BUD_APP_METRICS_MAIN], BUD_GAUGE_POLICY_STALE, r < 0);
	return r;
}

int bud_app_authority_make(struct bud_app *app, struct bud_error *error)
{
	const struct bud_auth_config *auth = &app->config.auth;
	struct bud_authority_options options = {.is_open = auth->mode == BUD_AUTH_MODE_NONE,
		.has_point = auth->decision_url[0] != '\0'};

	int r = bud_services_check(&app->config, error);

	app->authority = bud_authority_create(&options);
	app->quota = bud_quota_create(&(struct bud_quotas){
		.subscriptions = app->config.quota.subscriptions,
		.parked_bytes = app->config.quota.parked_bytes,
		.publish_per_s = app->config.quota.publish_per_s,
		.instance_reads_per_s = app->config.quota.instance_reads_per_s,
		.uncovered_filters = app->config.quota.uncovered_filters,
		.residuals_per_key = app->config.quota.residuals_per_key,
	});
	if (r == 0)
		r = load_policy(app, error);
	if (r == 0 && auth->parties_file[0] != '\0')
		r = bud_parties_load(auth->parties_file, &app->parties, error);
	return r;
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

void bud_app_authority_close(struct bud_app *app)
{
	bud_authority_destroy(app->authority);
	bud_quota_destroy(app->quota);
	bud_parties_destroy(app->parties);
}
