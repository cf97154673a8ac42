/* The file of issuers: read whole, and parsed by auth/issuers.c. */
#include "access/issuers_file.h"

#include <string.h>

#include "auth/issuers.h"
#include "config/config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

int bud_issuers_load(
	const struct bud_config *config, struct bud_issuers **out_issuers, struct bud_error *error)
{
	const char *path = config->auth.issuers;
	bud_auto(buffer) struct bud_buffer text = {0};
	struct bud_error fault = {0};
	int r;

	*out_issuers = NULL;
	if (!(config->auth.mode & BUD_AUTH_MODE_JWT))
		return 0;
	r = bud_file_read(path, BUD_ISSUERS_BYTES_MAX, &text);
	if (r < 0) {
		(void)bud_error_set(
			error, "auth.issuers", "auth.issuers: %s: %s", path, strerror(-r));
		return r;
	}
	if (bud_issuers_parse(
		    bud_buffer_as_span(&text), config->auth.allow_http, out_issuers, &fault) == 0)
		return 0;
	return bud_error_set(error, "auth.issuers", "auth.issuers: %s: %s", path, fault.text);
}
