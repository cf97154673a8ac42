/* The file of issuers: read whole, and parsed by auth/issuers.c. */
#include "access/issuers_file.h"

#include <errno.h>
#include <stdio.h>

#include "auth/issuers.h"
#include "config/config.h"
#include "core/text.h"

static int fail(const char *path, int r, struct bud_error *error)
{
	(void)bud_error_set(error, "auth.issuers", "auth.issuers: %s: %s", path, strerror(-r));
	return r;
}

static int read_file(const char *path, struct bud_buffer *out, struct bud_error *error)
{
	FILE *file = fopen(path, "rbe");
	char *room;
	int r = 0;

	if (!file)
		return fail(path, -errno, error);
	/* One byte more than may be there tells that it is too long. */
	room = bud_buffer_reserve(out, BUD_ISSUERS_BYTES_MAX + 1);
	out->len = fread(room, 1, BUD_ISSUERS_BYTES_MAX + 1, file);
	if (ferror(file))
		r = fail(path, errno ? -errno : -EIO, error);
	(void)fclose(file);
	return r;
}

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
	r = read_file(path, &text, error);
	if (r < 0)
		return r;
	if (bud_issuers_parse(
		    bud_buffer_as_span(&text), config->auth.allow_http, out_issuers, &fault) == 0)
		return 0;
	return bud_error_set(error, "auth.issuers", "auth.issuers: %s: %s", path, fault.text);
}
