/* Sealing: no secret lies in the store as it is; what was sealed is loaded again with the key, and
 * refused by name without it, when it was changed, and when it was moved to another subscription;
 * what an older version stored unsealed is still read. */
#include "subscription/make.h"

#include <errno.h>

#include "crypto/seal.h"
#include "subscription/push_config.h"
#include "subscription/rotation.h"
#include "subscription/sealing.h"

#define KEY_A  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEY_B  "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA="
#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

static struct bud_sealer *make_sealer(const char *key, const char *older)
{
	struct bud_span keys[] = {bud_span(key), bud_span(older ? older : "")};
	struct bud_sealer *sealer = NULL;
	struct bud_error error = {0};

	if (bud_sealer_create(keys, older ? 2 : 1, &sealer, &error) < 0)
		fail_msg("%s", error.text);
	return sealer;
}

/* With each secret that a record can have. */
static struct bud_subscription *make_full(const struct bud_sealer *sealer, const char *credential)
{
	struct bud_subscription *first = make_subscription("s1", 1, credential);
	struct bud_rotation rotation = {.overlap_ms = 1000};
	struct bud_subscription_defaults defaults = make_defaults;
	struct bud_subscription *made = NULL;
	struct bud_error error;

	defaults.sealer = sealer;
	assert_int_equal(bud_subscription_rotate(first, &rotation, &defaults, &made, &error), 0);
	bud_subscription_destroy(first);
	return made;
}

static int load(const char *record, const struct bud_sealer *sealer, struct bud_subscription **out,
	struct bud_error *error)
{
	struct bud_subscription_defaults defaults = make_defaults;

	defaults.sealer = sealer;
	*out = NULL;
	return bud_subscription_load(bud_span(record), &defaults, out, error);
}

static void no_secret_lies_in_the_store(void **state)
{
	static const char *const credentials[] = {
		"'sinkcredential':{'credentialtype':'PLAIN','identifier':'i','secret':'TOPSECRET'}",
		"'sinkcredential':{'credentialtype':'CLIENT','identifier':'i',"
		"'secret':'TOPSECRET','tokenendpoint':'https://t'}",
		"'sinkcredential':{'credentialtype':'REFRESHTOKEN','accesstoken':'TOPSECRET',"
		"'refreshtoken':'TOPSECRET2','refreshtokenendpoint':'https://t'}",
	};
	struct bud_sealer *sealer = make_sealer(KEY_A, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(credentials) / sizeof(*credentials); i++) {
		struct bud_subscription *made, *loaded;
		struct bud_buffer sealed = {0};
		struct bud_buffer plain = {0};
		struct bud_buffer again = {0};
		struct bud_error error;
		char members[600];
		snprintf(members, sizeof(members),
			",'config':{'signing':{'secret':'" SECRET "'},"
			"'tls':{" MAKE_TLS "}},%s",
			credentials[i]);
		made = make_full(sealer, members);
		bud_subscription_write_record(made, &sealed);
		assert_null(strstr(sealed.at, "whsec_"));
		assert_null(strstr(sealed.at, "TOPSECRET"));
		assert_null(strstr(sealed.at, "PRIVATE"));
		assert_non_null(strstr(sealed.at, "sealed:v1:"));
		assert_int_equal(load(sealed.at, sealer, &loaded, &error), 0);
		made->sealer = NULL;
		loaded->sealer = NULL;
		bud_subscription_write_record(made, &plain);
		bud_subscription_write_record(loaded, &again);
		assert_string_equal(plain.at, again.at);
		assert_non_null(strstr(plain.at, "TOPSECRET"));
		bud_buffer_finish(&sealed);
		bud_buffer_finish(&plain);
		bud_buffer_finish(&again);
		bud_subscription_destroy(made);
		bud_subscription_destroy(loaded);
	}
	bud_sealer_destroy(sealer);
}

static void without_its_key_it_is_refused(void **state)
{
	struct bud_sealer *sealer = make_sealer(KEY_A, NULL);
	struct bud_sealer *other = make_sealer(KEY_B, NULL);
	struct bud_sealer *both = make_sealer(KEY_B, KEY_A);
	struct bud_subscription *made = make_full(sealer, "");
	struct bud_subscription *loaded;
	struct bud_buffer record = {0};
	struct bud_error error;

	(void)state;
	bud_subscription_write_record(made, &record);
	assert_int_equal(load(record.at, NULL, &loaded, &error), -ENOKEY);
	assert_string_equal(error.member, "config.signing.secret");
	assert_non_null(strstr(error.text, "secrets.key"));
	assert_null(loaded);
	assert_int_equal(load(record.at, other, &loaded, &error), -ENOKEY);
	assert_null(loaded);
	assert_int_equal(load(record.at, both, &loaded, &error), 0);
	bud_buffer_clear(&record);
	bud_subscription_write_record(loaded, &record); /* with the new key */
	bud_subscription_destroy(loaded);
	assert_int_equal(load(record.at, other, &loaded, &error), 0);
	assert_string_equal(loaded->secret, made->secret);
	bud_subscription_destroy(loaded);
	bud_subscription_destroy(made);
	bud_buffer_finish(&record);
	bud_sealer_destroy(sealer);
	bud_sealer_destroy(other);
	bud_sealer_destroy(both);
}

static void a_secret_belongs_to_its_subscription(void **state)
{
	struct bud_sealer *sealer = make_sealer(KEY_A, NULL);
	struct bud_subscription *made = make_full(sealer, "");
	struct bud_subscription *loaded;
	struct bud_buffer record = {0};
	struct bud_error error;
	char *id;

	(void)state;
	bud_subscription_write_record(made, &record);
	id = strstr(record.at, "\"id\":\"s1\"");
	assert_non_null(id);
	id[7] = '2';
	assert_int_equal(load(record.at, sealer, &loaded, &error), -EINVAL);
	assert_string_equal(error.member, "config.signing.secret");
	assert_null(loaded);
	bud_subscription_destroy(made);
	bud_buffer_finish(&record);
	bud_sealer_destroy(sealer);
}

static void what_was_stored_unsealed_is_read(void **state)
{
	struct bud_sealer *sealer = make_sealer(KEY_A, NULL);
	struct bud_subscription *made = make_full(NULL, "");
	struct bud_subscription *loaded;
	struct bud_buffer record = {0};
	struct bud_error error;

	(void)state;
	bud_subscription_write_record(made, &record);
	assert_int_equal(load(record.at, sealer, &loaded, &error), 0);
	assert_string_equal(loaded->secret, made->secret);
	bud_buffer_clear(&record);
	bud_subscription_write_record(loaded, &record);
	assert_null(strstr(record.at, "whsec_"));
	bud_subscription_destroy(loaded);
	bud_subscription_destroy(made);
	bud_buffer_finish(&record);
	bud_sealer_destroy(sealer);
}

static void a_status_keeps_what_is_stored(void **state)
{
	struct bud_sealer *sealer = make_sealer(KEY_A, NULL);
	struct bud_subscription *made = make_full(sealer, "");
	struct bud_subscription *without = make_full(NULL, "");
	char *sealed = bud_sealing_close_text(made, "access_token", "TOKEN");
	char *opened = bud_sealing_open_text(made, "access_token", sealed);
	char *plain = bud_sealing_close_text(without, "access_token", "TOKEN");

	(void)state;
	assert_null(strstr(sealed, "TOKEN"));
	assert_string_equal(opened, "TOKEN");
	assert_string_equal(plain, "TOKEN");
	assert_null(bud_sealing_open_text(made, "refresh_token", sealed));
	assert_null(bud_sealing_open_text(without, "access_token", sealed));
	assert_null(bud_sealing_open_text(made, "access_token", NULL));
	assert_null(bud_sealing_close_text(made, "access_token", NULL));
	free(sealed);
	free(opened);
	free(plain);
	bud_subscription_destroy(made);
	bud_subscription_destroy(without);
	bud_sealer_destroy(sealer);
}

/* Or nobody could load the record again. */
static void nobody_may_give_a_sealed_text(void **state)
{
	static const char *const cases[][2] = {
		{"'sinkcredential':{'credentialtype':'PLAIN','identifier':'i',"
		 "'secret':'sealed:v1:00000000:AAAA'}",
			"sinkcredential.secret"},
		{"'config':{'tls':{'certificate':'-----BEGIN CERTIFICATE-----',"
		 "'key':'sealed:-----BEGIN PRIVATE KEY-----'}}",
			"config.tls.key"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bud_subscription *made = NULL;
		struct bud_error error;
		char text[300];
		char *json;
		snprintf(text, sizeof(text), "{'sink':'https://a','protocol':'HTTP',%s}",
			cases[i][0]);
		json = make_json(text);
		assert_int_equal(
			bud_subscription_parse(bud_span(json), &make_defaults, &made, &error),
			-EINVAL);
		assert_string_equal(error.member, cases[i][1]);
		free(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_secret_lies_in_the_store),
		cmocka_unit_test(without_its_key_it_is_refused),
		cmocka_unit_test(a_secret_belongs_to_its_subscription),
		cmocka_unit_test(what_was_stored_unsealed_is_read),
		cmocka_unit_test(a_status_keeps_what_is_stored),
		cmocka_unit_test(nobody_may_give_a_sealed_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
