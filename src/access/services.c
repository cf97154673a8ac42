/* Whether the services can be asked at all; that they answer is for later. */
#include "access/services.h"

#include "config/config.h"
#include "fetch/target.h"

static int check(const char *name, const char *url, const char *header, struct bud_error *error)
{
	struct bud_target_options options = {.allow_http = true};
	struct bud_error fault = {0};
	struct bud_target *target;

	if (url[0] == '\0')
		return 0;
	target = bud_target_create(bud_span(url), &options, &fault);
	bud_target_unref(target);
	if (!target)
		return bud_error_set(error, NULL, "auth.%s_url: %s", name, fault.text);
	if (header[0] != '\0' && !bud_header_line_is_valid(header))
		return bud_error_set(error, NULL, "auth.%s_header must be \"Name: value\"", name);
	return 0;
}

int bud_services_check(const struct bud_config *config, struct bud_error *error)
{
	const struct bud_auth_config *auth = &config->auth;
	int r = check("decision", auth->decision_url, auth->decision_header, error);

	return r < 0 ? r : check("register", auth->register_url, auth->register_header, error);
}
