/* Authentication's settings. */
#include "app/trust.h"

#include <errno.h>
#include <stdio.h>

#include "app/app.h"
#include "auth/trust.h"

/* A whole small file. */
static int read_file(const char *path, struct bud_buffer *out, struct bud_error *error)
{
	FILE *file = fopen(path, "rbe");
	char *room = bud_buffer_reserve(out, BUD_ISSUERS_BYTES_MAX + 1);

	if (!file) {
		int r = -errno;
		(void)bud_error_set(
			error, "auth.issuers", "auth.issuers: %s: %s", path, strerror(-r));
		return r;
	}
	out->len = fread(room, 1, BUD_ISSUERS_BYTES_MAX + 1, file);
	(void)fclose(file);
	return 0;
}

static int load_issuers(struct bud_app *app, struct bud_error *error)
{
	const char *path = app->config.auth.issuers;
	bud_auto(buffer) struct bud_buffer text = {0};
	struct bud_error fault = {0};
	int r;

	if (!(app->config.auth.mode & BUD_AUTH_MODE_JWT))
		return 0;
	r = read_file(path, &text, error);
	if (r < 0)
		return r;
	if (bud_issuers_parse(bud_buffer_as_span(&text), app->config.auth.allow_http, &app->issuers,
		    &fault) < 0)
		return bud_error_set(
			error, "auth.issuers", "auth.issuers: %s: %s", path, fault.text);
	return 0;
}

int bud_app_trust_open(struct bud_app *app, struct bud_error *error)
{
	const struct bud_config *config = &app->config;
	int r = load_issuers(app, error);

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
