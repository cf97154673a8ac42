/* A signature must be the one that every Standard Webhooks library computes: vectors A and B of the
 * reference libraries, D (empty), E (UTF-8) and F (binary) recomputed with another implementation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/secret.h"
#include "crypto/signer.h"

#define SECRET_1 "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define SECRET_2 "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
#define ID_A     "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define ID_B     "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"
#define BYTES(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static const struct vector {
	const char *secret;
	const char *id;
	int64_t timestamp_s;
	struct bud_span body;
	const char *signature;
} vectors[] = {
	{SECRET_1, ID_A, 1614265330, BYTES("{\"test\": 2432232314}"),
		"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
	{SECRET_2, ID_B, 1649367553,
		BYTES("{\"email\":\"test@example.com\",\"username\":\"test_user\"}"),
		"v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="},
	{SECRET_1, ID_A, 1614265330, BYTES(""), "v1,v48jdbgvh29KJz2Qc+ghw8G6vG3nAKnujWBg8oM/62A="},
	{SECRET_1, ID_A, 1614265330, BYTES("{\"name\":\"Ærlig Øystein Åsen 🌎\"}"),
		"v1,jl5ehDFPtr65F8q1cgyKam6L2BcbbpY0aUMIEfVgeMk="},
	{SECRET_1, ID_A, 1614265330, BYTES("\x00\x01\x02\xff\xfe"),
		"v1,lLJA9RhzKnBVvXF+zstMzoGrvJSyEC5Sy7RaNxHV730="},
};

static struct bud_signer *make(const char *text)
{
	struct bud_secret secret;
	struct bud_signer *signer;

	assert_int_equal(bud_secret_parse(bud_span(text), &secret, NULL), 0);
	signer = bud_signer_create(&secret);
	bud_secret_finish(&secret); /* the signer has its own copy */
	return signer;
}

static void check(struct bud_signer *signer, const struct vector *vector)
{
	char out[BUD_SIGNATURE_TEXT_BYTES];

	bud_signer_sign(signer, bud_span(vector->id), vector->timestamp_s, vector->body, out);
	assert_string_equal(out, vector->signature);
}

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		struct bud_signer *signer = make(vectors[i].secret);
		check(signer, &vectors[i]);
		bud_signer_destroy(signer);
	}
}

static void test_a_signer_is_used_again(void **state)
{
	struct bud_signer *one = make(SECRET_1);
	struct bud_signer *two = make(SECRET_2);

	(void)state;
	for (size_t round = 0; round < 3; round++)
		for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++)
			check(i == 1 ? two : one, &vectors[i]);
	bud_signer_destroy(one);
	bud_signer_destroy(two);
	bud_signer_destroy(NULL);
}

static void test_every_part_counts(void **state)
{
	struct bud_signer *signer = make(SECRET_1);
	char base[BUD_SIGNATURE_TEXT_BYTES];
	char other[BUD_SIGNATURE_TEXT_BYTES];

	(void)state;
	bud_signer_sign(signer, bud_span("a"), 1, bud_span("x"), base);
	bud_signer_sign(signer, bud_span("b"), 1, bud_span("x"), other);
	assert_string_not_equal(base, other);
	bud_signer_sign(signer, bud_span("a"), 2, bud_span("x"), other);
	assert_string_not_equal(base, other);
	bud_signer_sign(signer, bud_span("a"), 1, bud_span("y"), other);
	assert_string_not_equal(base, other);
	bud_signer_sign(signer, bud_span("a"), 1, bud_span("x"), other);
	assert_string_equal(base, other);
	bud_signer_destroy(signer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_a_signer_is_used_again),
		cmocka_unit_test(test_every_part_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
