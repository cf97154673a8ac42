/* Keys that seal: from the setting or from a file, the newest first; what is wrong is said with the
 * setting's name and without the key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include <errno.h>

#include "config/config.h"
#include "crypto/seal.h"
#include "lifecycle/secrets.h"

#define KEY_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEY_B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA="

static int load(const char *key, const char *path, struct bud_sealer **out, struct bud_error *error)
{
	struct bud_config config = {0};

	snprintf(config.secrets.key, sizeof(config.secrets.key), "%s", key);
	snprintf(config.secrets.key_file, sizeof(config.secrets.key_file), "%s", path);
	return bud_secrets_load(&config, out, error);
}

/* What one sealed, the other opens. */
static bool opens(const struct bud_sealer *one, const struct bud_sealer *other)
{
	struct bud_span place = bud_span("place");
	struct bud_buffer sealed = {0};
	struct bud_buffer opened = {0};
	enum bud_seal seal;

	bud_seal_write(one, bud_span("text"), place, &sealed);
	seal = bud_seal_open(other, bud_buffer_as_span(&sealed), place, &opened);
	bud_buffer_finish(&sealed);
	bud_buffer_finish(&opened);
	return seal == BUD_SEAL_OPENED;
}

static char *write_file(const char *text)
{
	static char path[] = "/tmp/budstikke-keys-XXXXXX";
	int fd;

	snprintf(path + sizeof(path) - 7, 7, "XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return path;
}

static void nothing_is_sealed_without_a_key(void **state)
{
	struct bud_sealer *sealer = (void *)1;
	struct bud_error error;

	(void)state;
	assert_int_equal(load("", "", &sealer, &error), 0);
	assert_null(sealer);
}

static void the_first_seals_and_all_open(void **state)
{
	const char *path = write_file("# two keys\r\n\n" KEY_B "\r\n  " KEY_A "\n");
	struct bud_sealer *old, *both, *file;
	struct bud_error error;

	(void)state;
	assert_int_equal(load(KEY_A, "", &old, &error), 0);
	assert_int_equal(load(KEY_B ", " KEY_A, "", &both, &error), 0);
	assert_int_equal(load("", path, &file, &error), 0);
	assert_true(opens(old, both));
	assert_false(opens(both, old));
	assert_true(opens(old, file));
	assert_true(opens(both, file));
	assert_false(opens(file, old));
	bud_sealer_destroy(old);
	bud_sealer_destroy(both);
	bud_sealer_destroy(file);
	unlink(path);
}

static void names_the_setting_at_fault(void **state)
{
	const char *path = write_file("# none\n");
	struct bud_sealer *sealer = NULL;
	struct bud_error error;

	(void)state;
	assert_int_equal(load("Hemmelig", "", &sealer, &error), -EINVAL);
	assert_string_equal(error.member, "secrets.key");
	assert_non_null(strstr(error.text, "32 bytes"));
	assert_null(strstr(error.text, "Hemmelig"));
	assert_int_equal(load("", path, &sealer, &error), -EINVAL);
	assert_string_equal(error.member, "secrets.key_file");
	assert_int_equal(load(KEY_A, path, &sealer, &error), -EINVAL);
	assert_non_null(strstr(error.text, "both"));
	unlink(path);
	assert_int_equal(load("", path, &sealer, &error), -ENOENT);
	assert_string_equal(error.member, "secrets.key_file");
	assert_null(sealer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_sealed_without_a_key),
		cmocka_unit_test(the_first_seals_and_all_open),
		cmocka_unit_test(names_the_setting_at_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
