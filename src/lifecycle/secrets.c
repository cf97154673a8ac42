/* Keys. In the setting they are divided by commas, in the file by line ends. */
#include "lifecycle/secrets.h"

#include <errno.h>
#include <stdio.h>

#include "config/config.h"
#include "core/text.h"
#include "crypto/seal.h"

#define FILE_BYTES_MAX 4096

struct keys {
	struct bud_span list[BUD_SEAL_KEYS_MAX + 1];
	size_t n;
};

static void split(struct bud_span text, char divider, struct keys *out_keys)
{
	while (text.len > 0 && out_keys->n <= BUD_SEAL_KEYS_MAX) {
		struct bud_span one = bud_span_trim(bud_span_take_until(&text, divider));
		if (one.len > 0 && one.at[one.len - 1] == '\r')
			one.len--;
		if (one.len > 0 && one.at[0] != '#')
			out_keys->list[out_keys->n++] = one;
	}
}

static int make(const char *setting, struct bud_span text, char divider,
	struct bud_sealer **out_sealer, struct bud_error *error)
{
	struct keys keys = {.n = 0};
	struct bud_error fault;

	split(text, divider, &keys);
	if (keys.n == 0)
		return bud_error_set(error, setting, "%s has no key", setting);
	if (bud_sealer_create(keys.list, keys.n, out_sealer, &fault) < 0)
		return bud_error_set(error, setting, "%s: %s", setting, fault.text);
	return 0;
}

static int fail(const char *path, int r, struct bud_error *error)
{
	(void)bud_error_set(
		error, "secrets.key_file", "secrets.key_file: %s: %s", path, strerror(-r));
	return r;
}

static int read_file(
	const char *path, char bytes[FILE_BYTES_MAX], size_t *out_len, struct bud_error *error)
{
	FILE *file = fopen(path, "rbe");
	int r = 0;

	if (!file)
		return fail(path, -errno, error);
	(void)setvbuf(file, NULL, _IONBF, 0); /* no copy of the keys is left behind */
	*out_len = fread(bytes, 1, FILE_BYTES_MAX, file);
	if (ferror(file))
		r = fail(path, errno ? -errno : -EIO, error);
	else if (*out_len == FILE_BYTES_MAX)
		r = fail(path, -EFBIG, error);
	(void)fclose(file);
	return r;
}

int bud_secrets_load(
	const struct bud_config *config, struct bud_sealer **out_sealer, struct bud_error *error)
{
	const char *path = config->secrets.key_file;
	char bytes[FILE_BYTES_MAX];
	size_t len = 0;
	int r;

	*out_sealer = NULL;
	if (config->secrets.key[0] && path[0])
		return bud_error_set(error, "secrets.key_file",
			"secrets.key and secrets.key_file are both set: only one may be");
	if (config->secrets.key[0])
		return make("secrets.key", bud_span(config->secrets.key), ',', out_sealer, error);
	if (!path[0])
		return 0;
	r = read_file(path, bytes, &len, error);
	if (r == 0)
		r = make(
			"secrets.key_file", (struct bud_span){bytes, len}, '\n', out_sealer, error);
	explicit_bzero(bytes, sizeof(bytes));
	return r;
}
