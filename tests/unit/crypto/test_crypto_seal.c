/* A sealed text must open with the key and at the place it was sealed for, and with no bit changed;
 * what is not sealed passes, what we have no key for is told apart from what is damaged; keys can
 * be changed while old texts still open. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/seal.h"

#define KEY_1     "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_1_HEX "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"
#define KEY_2     "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"
#define PLACE     "local|sub_1|secret"
#define SECRET    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

static struct bud_sealer *make(const char *first, const char *second)
{
	const struct bud_span keys[] = {bud_span(first), bud_span(second ? second : "")};
	struct bud_sealer *sealer = NULL;

	assert_int_equal(bud_sealer_create(keys, second ? 2 : 1, &sealer, NULL), 0);
	assert_non_null(sealer);
	return sealer;
}

static void check_open(const struct bud_sealer *sealer, struct bud_span sealed, const char *place,
	enum bud_seal expected, const char *text)
{
	bud_auto(buffer) struct bud_buffer out = {0};

	bud_buffer_text(&out, "before,");
	assert_int_equal(bud_seal_open(sealer, sealed, bud_span(place), &out), expected);
	assert_int_equal(strncmp(out.at, "before,", 7), 0);
	assert_string_equal(out.at + 7, text);
}

static void test_round_trip(void **state)
{
	static const char *const texts[] = {"", "x", SECRET, "sealed:v1:"};
	struct bud_sealer *sealer = make(KEY_1, NULL);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		bud_auto(buffer) struct bud_buffer sealed = {0};
		bud_auto(buffer) struct bud_buffer again = {0};
		bud_seal_write(sealer, bud_span(texts[i]), bud_span(PLACE), &sealed);
		bud_seal_write(sealer, bud_span(texts[i]), bud_span(PLACE), &again);
		assert_int_equal(strncmp(sealed.at, "sealed:v1:", 10), 0);
		assert_string_not_equal(sealed.at, again.at); /* a nonce of its own */
		assert_null(strstr(sealed.at, "MfKQ"));
		assert_null(strstr(sealed.at, PLACE));
		check_open(sealer, bud_buffer_as_span(&sealed), PLACE, BUD_SEAL_OPENED, texts[i]);
	}
	bud_sealer_destroy(sealer);
	bud_sealer_destroy(NULL);
}

/* Sealed elsewhere (Python's cryptography, AESGCM) with nonce 0 to 11. */
static void test_vector(void **state)
{
	struct bud_sealer *sealer = make(KEY_1_HEX, NULL);

	(void)state;
	check_open(sealer,
		bud_span("sealed:v1:f2b18b9e:"
			 "AAECAwQFBgcICQoLMGqlfqa6j33GEK75ia4zNPKk00OaLg84AC6p1Ucgb4BN"
			 "ceKd/LZNkjqV0iiw16GhVL3grzSv"),
		PLACE, BUD_SEAL_OPENED, SECRET);
	bud_sealer_destroy(sealer);
}

static void test_every_change_is_seen(void **state)
{
	struct bud_sealer *sealer = make(KEY_1, NULL);
	bud_auto(buffer) struct bud_buffer sealed = {0};

	(void)state;
	bud_seal_write(sealer, bud_span(SECRET), bud_span(PLACE), &sealed);
	for (size_t i = 0; i < sealed.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			bud_auto(buffer) struct bud_buffer out = {0};
			enum bud_seal is;
			sealed.at[i] ^= (char)(1 << bit);
			is = bud_seal_open(
				sealer, bud_buffer_as_span(&sealed), bud_span(PLACE), &out);
			sealed.at[i] ^= (char)(1 << bit);
			/* Of the prefix: not sealed; of the key's name: another key. */
			if (i < 10)
				assert_int_equal(is, BUD_SEAL_NONE);
			else if (i < 18)
				assert_true(is == BUD_SEAL_NO_KEY || is == BUD_SEAL_DAMAGED);
			else
				assert_int_equal(is, BUD_SEAL_DAMAGED);
			assert_true(is == BUD_SEAL_NONE || out.len == 0);
		}
	for (size_t len = 10; len < sealed.len; len++)
		check_open(sealer, (struct bud_span){sealed.at, len}, PLACE, BUD_SEAL_DAMAGED, "");
	bud_buffer_text(&sealed, "AAAA");
	check_open(sealer, bud_buffer_as_span(&sealed), PLACE, BUD_SEAL_DAMAGED, "");
	bud_sealer_destroy(sealer);
}

static void test_another_place(void **state)
{
	static const char *const places[] = {
		"", "local|sub_2|secret", PLACE "x", "ocal|sub_1|secret"};
	struct bud_sealer *sealer = make(KEY_1, NULL);
	bud_auto(buffer) struct bud_buffer sealed = {0};

	(void)state;
	bud_seal_write(sealer, bud_span(SECRET), bud_span(PLACE), &sealed);
	for (size_t i = 0; i < 4; i++)
		check_open(sealer, bud_buffer_as_span(&sealed), places[i], BUD_SEAL_DAMAGED, "");
	bud_sealer_destroy(sealer);
}

static void test_rotation(void **state)
{
	struct bud_sealer *old = make(KEY_1, NULL);
	struct bud_sealer *both = make(KEY_2, KEY_1_HEX);
	struct bud_sealer *new = make(KEY_2, NULL);
	bud_auto(buffer) struct bud_buffer first = {0};
	bud_auto(buffer) struct bud_buffer second = {0};

	(void)state;
	bud_seal_write(old, bud_span(SECRET), bud_span(PLACE), &first);
	bud_seal_write(both, bud_span(SECRET), bud_span(PLACE), &second);
	check_open(both, bud_buffer_as_span(&first), PLACE, BUD_SEAL_OPENED, SECRET);
	check_open(both, bud_buffer_as_span(&second), PLACE, BUD_SEAL_OPENED, SECRET);
	check_open(new, bud_buffer_as_span(&second), PLACE, BUD_SEAL_OPENED, SECRET);
	check_open(new, bud_buffer_as_span(&first), PLACE, BUD_SEAL_NO_KEY, "");
	check_open(old, bud_buffer_as_span(&second), PLACE, BUD_SEAL_NO_KEY, "");
	assert_true(bud_seal_is_old(both, bud_buffer_as_span(&first)));
	assert_false(bud_seal_is_old(both, bud_buffer_as_span(&second)));
	assert_false(bud_seal_is_old(both, bud_span(SECRET)));
	assert_false(bud_seal_is_old(NULL, bud_buffer_as_span(&first)));
	bud_sealer_destroy(old);
	bud_sealer_destroy(both);
	bud_sealer_destroy(new);
}

static void test_without_keys(void **state)
{
	struct bud_sealer *sealer = make(KEY_1, NULL);
	struct bud_sealer *none = sealer;
	bud_auto(buffer) struct bud_buffer plain = {0};
	bud_auto(buffer) struct bud_buffer sealed = {0};

	(void)state;
	assert_int_equal(bud_sealer_create(NULL, 0, &none, NULL), 0);
	assert_null(none);
	bud_seal_write(none, bud_span(SECRET), bud_span(PLACE), &plain);
	assert_string_equal(plain.at, SECRET);
	check_open(none, bud_span(SECRET), PLACE, BUD_SEAL_NONE, SECRET);
	check_open(sealer, bud_span(SECRET), PLACE, BUD_SEAL_NONE, SECRET);
	bud_seal_write(sealer, bud_span(SECRET), bud_span(PLACE), &sealed);
	check_open(none, bud_buffer_as_span(&sealed), PLACE, BUD_SEAL_NO_KEY, "");
	bud_sealer_destroy(sealer);
}

static void test_bad_keys(void **state)
{
	static const char *const bad[] = {"", "short", KEY_1 "AAAA", KEY_1_HEX "00",
		"g00102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F",
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg=="};
	struct bud_span many[BUD_SEAL_KEYS_MAX + 1];
	struct bud_sealer *sealer = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const struct bud_span keys[] = {bud_span(KEY_1), bud_span(bad[i])};
		struct bud_error error = {0};
		assert_int_equal(bud_sealer_create(keys, 2, &sealer, &error), -EINVAL);
		assert_null(sealer);
		assert_non_null(strstr(error.text, "key 2"));
		assert_null(strstr(error.text, "AAEC"));
	}
	for (size_t i = 0; i < BUD_SEAL_KEYS_MAX + 1; i++)
		many[i] = bud_span(i % 2 ? KEY_1 : KEY_2);
	assert_int_equal(bud_sealer_create(many, BUD_SEAL_KEYS_MAX + 1, &sealer, NULL), -EINVAL);
	assert_int_equal(bud_sealer_create(many, BUD_SEAL_KEYS_MAX, &sealer, NULL), 0);
	bud_sealer_destroy(sealer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_every_change_is_seen),
		cmocka_unit_test(test_another_place),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_without_keys),
		cmocka_unit_test(test_bad_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
