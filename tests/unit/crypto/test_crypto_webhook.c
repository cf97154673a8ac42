/* A receiver must accept exactly the webhooks signed with one of its secrets, in time: the negative
 * cases of the reference libraries fail, a good signature among others passes. A public key must
 * do the same for v1a, and never take a v1 signature for one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "budstikke/webhook.h"

#include <stdio.h>
#include <string.h>

#define SECRET    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define OTHER     "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
#define GOOD      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define WRONG     "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
#define BODY      "{\"test\": 2432232314}"
#define TIME_S    1614265330
#define TIME_TEXT "1614265330"
#define ID        "msg_p5jXN8AQM9LWM0D4loKWxJek"

#define KEY       "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
#define OTHER_KEY "whpk_JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs="
#define GOOD_V1A                                                                                   \
	"v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7"   \
	"TBAg=="

static const char *const secrets[] = {SECRET};
static const struct bud_webhook_headers good = {ID, TIME_TEXT, GOOD};

static int verify(const struct bud_webhook_headers *headers)
{
	return bud_webhook_verify(
		secrets, 1, headers, BODY, strlen(BODY), TIME_S, BUD_WEBHOOK_TOLERANCE_S);
}

static int verify_signature(const char *signature)
{
	struct bud_webhook_headers headers = good;

	headers.signature = signature;
	return verify(&headers);
}

static void test_good(void **state)
{
	(void)state;
	assert_int_equal(verify(&good), 0);
	assert_int_equal(verify_signature(WRONG " v2,abc " GOOD " " WRONG), 0);
	assert_int_equal(verify_signature("v1a,xyz  " GOOD), 0);
	assert_int_equal(verify_signature(" " GOOD " "), 0);
}

static void test_bad_signatures(void **state)
{
	static const char *const bad[] = {"v1,", "v1,g0hM9", "v1,dawfeoifkpqwoekfpqoekf", WRONG,
		WRONG " " WRONG " v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v1",
		"V1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE",
		"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OF=",
		"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=AAAA",
		"v1,g0hM9SsE-OTPJTGt_tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		"v1 ,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", ",", "g0hM9SsE"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(verify_signature(bad[i]), -EBADMSG);
}

static void test_changed_message(void **state)
{
	struct bud_webhook_headers headers = good;

	(void)state;
	headers.id = "msg_p5jXN8AQM9LWM0D4loKWxJeK";
	assert_int_equal(verify(&headers), -EBADMSG);
	headers = good;
	headers.timestamp = "1614265331";
	assert_int_equal(verify(&headers), -EBADMSG);
	assert_int_equal(bud_webhook_verify(secrets, 1, &good, BODY, strlen(BODY) - 1, TIME_S, 300),
		-EBADMSG);
	assert_int_equal(bud_webhook_verify(secrets, 1, &good, NULL, 0, TIME_S, 300), -EBADMSG);
}

static void test_missing_headers(void **state)
{
	static const struct bud_webhook_headers missing[] = {{NULL, TIME_TEXT, GOOD},
		{"", TIME_TEXT, GOOD}, {ID, NULL, GOOD}, {ID, "", GOOD}, {ID, TIME_TEXT, NULL},
		{ID, TIME_TEXT, ""}, {ID, "hello", GOOD}, {ID, "1614265330x", GOOD},
		{ID, "-1614265330", GOOD}, {ID, "1614265330.0", GOOD},
		{ID, "99999999999999999999999", GOOD}, {NULL, NULL, NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof(missing) / sizeof(*missing); i++)
		assert_int_equal(verify(&missing[i]), -EINVAL);
}

static int verify_at(int64_t now_s, int64_t tolerance_s)
{
	return bud_webhook_verify(secrets, 1, &good, BODY, strlen(BODY), now_s, tolerance_s);
}

static void test_tolerance(void **state)
{
	(void)state;
	assert_int_equal(verify_at(TIME_S + 299, 300), 0);
	assert_int_equal(verify_at(TIME_S + 300, 300), 0);
	assert_int_equal(verify_at(TIME_S + 301, 300), -ETIME);
	assert_int_equal(verify_at(TIME_S - 299, 300), 0);
	assert_int_equal(verify_at(TIME_S - 301, 300), -ETIME);
	assert_int_equal(verify_at(INT64_MAX, 300), -ETIME);
	assert_int_equal(verify_at(INT64_MIN, 300), -ETIME);
	assert_int_equal(verify_at(TIME_S, -1), -ETIME);
	assert_int_equal(verify_at(0, INT64_MAX), 0);
}

static int verify_with(const char *first, const char *second)
{
	const char *const both[] = {first, second};

	return bud_webhook_verify(both, 2, &good, BODY, strlen(BODY), TIME_S, 300);
}

static void test_secrets(void **state)
{
	(void)state;
	assert_int_equal(verify_with(OTHER, SECRET), 0);
	assert_int_equal(verify_with(SECRET, OTHER), 0);
	assert_int_equal(verify_with(OTHER, OTHER), -EBADMSG);
	assert_int_equal(verify_with(SECRET, ""), -EKEYREJECTED);
	assert_int_equal(verify_with("whsec_", SECRET), -EKEYREJECTED);
	assert_int_equal(verify_with(SECRET, NULL), -EKEYREJECTED);
	assert_int_equal(verify_with("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SECRET), -EKEYREJECTED);
	assert_int_equal(
		bud_webhook_verify(NULL, 0, &good, BODY, strlen(BODY), TIME_S, 300), -EKEYREJECTED);
}

static void test_vectors(void **state)
{
	static const unsigned char binary[] = {0x00, 0x01, 0x02, 0xff, 0xfe};
	struct bud_webhook_headers headers = good;

	(void)state;
	headers.signature = "v1,v48jdbgvh29KJz2Qc+ghw8G6vG3nAKnujWBg8oM/62A=";
	assert_int_equal(bud_webhook_verify(secrets, 1, &headers, "", 0, TIME_S, 300), 0);
	headers.signature = "v1,lLJA9RhzKnBVvXF+zstMzoGrvJSyEC5Sy7RaNxHV730=";
	assert_int_equal(
		bud_webhook_verify(secrets, 1, &headers, binary, sizeof(binary), TIME_S, 300), 0);
}

static int verify_v1a(const char *key, const char *signature, const char *body)
{
	const char *const keys[] = {key};
	struct bud_webhook_headers headers = good;

	headers.signature = signature;
	return bud_webhook_verify(keys, 1, &headers, body, strlen(body), TIME_S, 300);
}

static void test_public_key(void **state)
{
	(void)state;
	assert_int_equal(verify_v1a(KEY, GOOD_V1A, BODY), 0);
	assert_int_equal(verify_v1a(KEY, GOOD " v1a,AAAA v1b,x " GOOD_V1A " " WRONG, BODY), 0);
	assert_int_equal(verify_v1a(KEY, GOOD_V1A, BODY " "), -EBADMSG);
	assert_int_equal(verify_v1a(KEY, GOOD_V1A, ""), -EBADMSG);
	assert_int_equal(verify_v1a(KEY, GOOD, BODY), -EBADMSG);
	assert_int_equal(verify_v1a(KEY, "v1,hnO3f9T8Yts=", BODY), -EBADMSG);
	assert_int_equal(verify_v1a(OTHER_KEY, GOOD_V1A, BODY), -EBADMSG);
	assert_int_equal(verify_v1a(SECRET, GOOD_V1A, BODY), -EBADMSG);
	assert_int_equal(verify_v1a("whpk_", GOOD_V1A, BODY), -EKEYREJECTED);
	assert_int_equal(verify_v1a("whpk_AAAA", GOOD_V1A, BODY), -EKEYREJECTED);
	/* The private one is nobody's but the sender's. */
	assert_int_equal(
		verify_v1a("whsk_n4Ni+HpISpVObnQMW0wOhCKROaIKqKtW/2ZYb2p9KcU=", GOOD_V1A, BODY),
		-EKEYREJECTED);
}

static void test_secret_and_public_key(void **state)
{
	(void)state;
	assert_int_equal(verify_with(KEY, SECRET), 0); /* its v1 fits the secret */
	assert_int_equal(verify_with(KEY, OTHER), -EBADMSG);
	assert_int_equal(verify_with(KEY, "whsec_"), -EKEYREJECTED);
}

/* Nobody makes us check without end. */
static void test_many_v1a_signatures(void **state)
{
	static const char one[] = " v1a,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
				  "AAAAAAAAAAAAAAAAAAAAAAAAAAAA==";
	char list[100 * 20];
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < 15; i++)
		len += (size_t)sprintf(list + len, "%s", one);
	sprintf(list + len, " %s", GOOD_V1A);
	assert_int_equal(verify_v1a(KEY, list, BODY), 0);
	sprintf(list + len, "%s %s", one, GOOD_V1A);
	assert_int_equal(verify_v1a(KEY, list, BODY), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad_signatures),
		cmocka_unit_test(test_changed_message),
		cmocka_unit_test(test_missing_headers),
		cmocka_unit_test(test_tolerance),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_public_key),
		cmocka_unit_test(test_secret_and_public_key),
		cmocka_unit_test(test_many_v1a_signatures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
