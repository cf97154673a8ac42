/* A signature must be the one that every Standard Webhooks library computes: vectors A to C of the
 * reference libraries (C: v1a), D (empty), E (UTF-8) and F (binary) recomputed with another
 * implementation; for RFC 9421, W1 and W2, verified with another library. Any combination of
 * versions, secrets and keys gives the same signatures as each alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "crypto/secret.h"
#include "crypto/signer.h"
#include "crypto/signing_key.h"

#define SECRET_1 "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define SECRET_2 "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
#define KEY_C                                                                                      \
	"whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6" \
	"Kvg=="
#define ID_A        "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define ID_B        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"
#define TIME_A      1614265330
#define SIGNATURE_A "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define SIGNATURE_C                                                                                \
	"v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7"   \
	"TBAg=="
#define NAME   "webhook-signature: "
#define DIGEST "sha-256=:roWJMfZ4h+gVDW+Wyf4DBiwd82tEZMTdyOACwITV0Zg=:"
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
	{SECRET_1, ID_A, TIME_A, BYTES("{\"test\": 2432232314}"), SIGNATURE_A},
	{SECRET_2, ID_B, 1649367553,
		BYTES("{\"email\":\"test@example.com\",\"username\":\"test_user\"}"),
		"v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="},
	{SECRET_1, ID_A, TIME_A, BYTES(""), "v1,v48jdbgvh29KJz2Qc+ghw8G6vG3nAKnujWBg8oM/62A="},
	{SECRET_1, ID_A, TIME_A, BYTES("{\"name\":\"Ærlig Øystein Åsen 🌎\"}"),
		"v1,jl5ehDFPtr65F8q1cgyKam6L2BcbbpY0aUMIEfVgeMk="},
	{SECRET_1, ID_A, TIME_A, BYTES("\x00\x01\x02\xff\xfe"),
		"v1,lLJA9RhzKnBVvXF+zstMzoGrvJSyEC5Sy7RaNxHV730="},
};

static const struct bud_signing vector_a = {
	.id = BYTES(ID_A),
	.timestamp_s = TIME_A,
	.body = BYTES("{\"test\": 2432232314}"),
	.target_uri = BYTES("https://example.com/hook?x=1"),
	.content_type = BYTES("application/cloudevents+json; charset=utf-8"),
};

/* What one test signs with and gets. */
struct bench {
	struct bud_secret secrets[BUD_SIGNER_SECRETS_MAX];
	struct bud_signing_key *keys[BUD_SIGNER_KEYS_MAX];
	struct bud_signer_options options;
	struct bud_signer *signer;
	struct bud_buffer scratch;
	char *text;
	struct bud_signature_headers lines;
};

static void add_secret(struct bench *bench, const char *text)
{
	assert_int_equal(
		bud_secret_parse(bud_span(text), &bench->secrets[bench->options.secrets_n++], NULL),
		0);
	bench->options.secrets = bench->secrets;
}

static void add_key(struct bench *bench, struct bud_signing_key *key)
{
	bench->keys[bench->options.keys_n++] = key;
	bench->options.keys = (const struct bud_signing_key *const *)bench->keys;
}

static struct bud_signing_key *parse_key(const char *text)
{
	struct bud_signing_key *key = NULL;

	assert_int_equal(bud_signing_key_parse(bud_span(text), &key, NULL), 0);
	return key;
}

static void sign(struct bench *bench, const struct bud_signing *what)
{
	if (!bench->signer) {
		bench->signer = bud_signer_create(&bench->options);
		/* The signer has its own copies. */
		for (size_t i = 0; i < bench->options.secrets_n; i++)
			bud_secret_finish(&bench->secrets[i]);
		for (size_t i = 0; i < bench->options.keys_n; i++)
			bud_signing_key_destroy(bench->keys[i]);
		/* Exactly the bytes it asked for, so that a sanitizer sees one too many. */
		bench->text = malloc(bud_signer_bytes(bench->signer));
	}
	memset(&bench->lines, 0xff, sizeof(bench->lines));
	bud_signer_sign(bench->signer, what, &bench->scratch, bench->text, &bench->lines);
}

static void finish(struct bench *bench)
{
	bud_signer_destroy(bench->signer);
	bud_buffer_finish(&bench->scratch);
	free(bench->text);
}

static void check_v1(struct bench *bench, const struct vector *vector)
{
	const struct bud_signing what = {
		bud_span(vector->id), vector->timestamp_s, .body = vector->body};

	sign(bench, &what);
	assert_int_equal(bench->lines.n, 1);
	assert_int_equal(strncmp(bench->lines.lines[0], NAME, strlen(NAME)), 0);
	assert_string_equal(bench->lines.lines[0] + strlen(NAME), vector->signature);
}

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		struct bench bench = {.options.v1 = true};
		add_secret(&bench, vectors[i].secret);
		check_v1(&bench, &vectors[i]);
		assert_int_equal(bud_signer_bytes(bench.signer), BUD_SIGNATURE_BYTES_V1);
		assert_int_equal(strlen(bench.lines.lines[0]) + 1, BUD_SIGNATURE_BYTES_V1);
		assert_null(bench.scratch.at); /* v1 needs none */
		finish(&bench);
	}
}

static void test_a_signer_is_used_again(void **state)
{
	struct bench one = {.options.v1 = true};
	struct bench two = {.options.v1 = true};

	(void)state;
	add_secret(&one, SECRET_1);
	add_secret(&two, SECRET_2);
	for (size_t round = 0; round < 3; round++)
		for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++)
			check_v1(i == 1 ? &two : &one, &vectors[i]);
	finish(&one);
	finish(&two);
	bud_signer_destroy(NULL);
}

static void test_every_part_counts(void **state)
{
	struct bench bench = {.options.v1 = true};
	const struct bud_signing whats[] = {
		{BYTES("a"), 1, .body = BYTES("x")},
		{BYTES("b"), 1, .body = BYTES("x")},
		{BYTES("a"), 2, .body = BYTES("x")},
		{BYTES("a"), 1, .body = BYTES("y")},
	};
	char base[BUD_SIGNATURE_BYTES_V1];

	(void)state;
	add_secret(&bench, SECRET_1);
	sign(&bench, &whats[0]);
	memcpy(base, bench.lines.lines[0], sizeof(base));
	for (size_t i = 1; i < 4; i++) {
		sign(&bench, &whats[i]);
		assert_string_not_equal(bench.lines.lines[0], base);
	}
	sign(&bench, &whats[0]);
	assert_string_equal(bench.lines.lines[0], base);
	finish(&bench);
}

static void test_v1a(void **state)
{
	struct bench bench = {.options.v1a = true};

	(void)state;
	add_key(&bench, parse_key(KEY_C));
	for (size_t round = 0; round < 3; round++) {
		sign(&bench, &vector_a);
		assert_int_equal(bench.lines.n, 1);
		assert_string_equal(bench.lines.lines[0], NAME SIGNATURE_C);
	}
	finish(&bench);
}

/* While they are changed, all sign, the current one first. */
static void test_rotation(void **state)
{
	struct bench bench = {.options.v1 = true};
	struct bench old = {.options.v1 = true};
	char expected[BUD_SIGNATURE_BYTES_MAX];

	(void)state;
	add_secret(&old, SECRET_2);
	sign(&old, &vector_a);
	snprintf(expected, sizeof(expected), NAME SIGNATURE_A " %s",
		old.lines.lines[0] + strlen(NAME));
	add_secret(&bench, SECRET_1);
	add_secret(&bench, SECRET_2);
	sign(&bench, &vector_a);
	assert_string_equal(bench.lines.lines[0], expected);
	finish(&bench);
	finish(&old);
}

static void test_v1_and_v1a(void **state)
{
	struct bench bench = {.options = {.v1 = true, .v1a = true}};

	(void)state;
	add_secret(&bench, SECRET_1);
	add_key(&bench, parse_key(KEY_C));
	sign(&bench, &vector_a);
	assert_int_equal(bench.lines.n, 1);
	assert_string_equal(bench.lines.lines[0], NAME SIGNATURE_A " " SIGNATURE_C);
	assert_int_equal(
		bud_signer_bytes(bench.signer), strlen(NAME SIGNATURE_A " " SIGNATURE_C) + 1);
	finish(&bench);
}

#define PARAMS(components, alg)                                                                    \
	"signature-input: sig1=(" components                                                       \
	" \"content-type\" \"content-digest\" \"webhook-id\" \"webhook-timestamp\");"              \
	"created=1614265330;keyid=\"whk-1\";alg=\"" alg "\""

static void test_w1(void **state)
{
	struct bench bench = {
		.options = {.message = BUD_MESSAGE_SIGNATURE_ED25519, .keyid = "whk-1"}};

	(void)state;
	add_key(&bench, parse_key(KEY_C));
	sign(&bench, &vector_a);
	assert_int_equal(bench.lines.n, 3);
	assert_string_equal(bench.lines.lines[0], "content-digest: " DIGEST);
	assert_string_equal(bench.lines.lines[1], PARAMS("\"@method\" \"@target-uri\"", "ed25519"));
	assert_string_equal(bench.lines.lines[2],
		"signature: sig1=:LFhZ/BnW8s01GR/HxMBbZnMvG9wfO1ZLVOoXIT64pyBsmK9YUEMtbmN+"
		"jGlFcoft/KX6xxCx0J3n3qUJO+WZDQ==:");
	finish(&bench);
}

static void test_w2_beside_v1(void **state)
{
	struct bench bench = {
		.options = {.v1 = true, .message = BUD_MESSAGE_SIGNATURE_HMAC, .keyid = "whk-1"}};

	(void)state;
	add_secret(&bench, SECRET_1);
	for (size_t round = 0; round < 2; round++) {
		sign(&bench, &vector_a);
		assert_int_equal(bench.lines.n, 4);
		assert_string_equal(bench.lines.lines[0], NAME SIGNATURE_A);
		assert_string_equal(bench.lines.lines[1], "content-digest: " DIGEST);
		assert_string_equal(
			bench.lines.lines[2], PARAMS("\"@method\" \"@target-uri\"", "hmac-sha256"));
		assert_string_equal(bench.lines.lines[3],
			"signature: sig1=:boeDSsdaA3OiKGxee1xAncUKa19lZsJNmdniIIXMoeY=:");
	}
	finish(&bench);
}

static void test_by_authority(void **state)
{
	struct bench bench = {.options = {.message = BUD_MESSAGE_SIGNATURE_HMAC,
				      .by_authority = true,
				      .keyid = "whk-1",
				      .tag = "webhook"}};

	(void)state;
	add_secret(&bench, SECRET_1);
	sign(&bench, &vector_a);
	assert_string_equal(
		bench.lines.lines[1], PARAMS("\"@method\" \"@authority\" \"@path\" \"@query\"",
					      "hmac-sha256\";tag=\"webhook"));
	/* Computed with Python's hmac over the base written by hand. */
	assert_string_equal(bench.lines.lines[2],
		"signature: sig1=:zcwXL73q7audzRThWP5BlbUyjXsOfKpv31GS7ywBcCE=:");
	finish(&bench);
}

/* Two keys: two labels, each under its own name, and room for the longest of everything. */
static void test_message_rotation(void **state)
{
	struct bench bench = {.options = {.v1 = true,
				      .v1a = true,
				      .message = BUD_MESSAGE_SIGNATURE_ED25519,
				      .by_authority = true}};
	struct bud_signing_key *other = bud_signing_key_generate();
	const char *second;
	char id[BUD_SIGNING_KEY_ID_BYTES];

	(void)state;
	strcpy(id, bud_signing_key_id(other));
	add_key(&bench, parse_key(KEY_C));
	add_key(&bench, other);
	for (size_t i = 0; i < BUD_SIGNER_SECRETS_MAX; i++)
		add_secret(&bench, i % 2 ? SECRET_1 : SECRET_2);
	sign(&bench, &vector_a);
	assert_int_equal(bench.lines.n, 4);
	second = strstr(bench.lines.lines[2], ", sig2=(\"@method\" ");
	assert_non_null(second);
	assert_non_null(strstr(second, id));
	assert_non_null(strstr(bench.lines.lines[3], ":, sig2=:"));
	finish(&bench);
}

static void test_the_longest_fits(void **state)
{
	static const char keyid[] =
		"0123456789012345678901234567890123456789012345678901234567890123";
	struct bench bench = {.options = {.v1 = true,
				      .v1a = true,
				      .message = BUD_MESSAGE_SIGNATURE_HMAC,
				      .by_authority = true,
				      .keyid = keyid,
				      .tag = "webhook"}};
	struct bud_signing what = vector_a;

	(void)state;
	for (size_t i = 0; i < BUD_SIGNER_SECRETS_MAX; i++)
		add_secret(&bench, SECRET_1);
	for (size_t i = 0; i < BUD_SIGNER_KEYS_MAX; i++)
		add_key(&bench, bud_signing_key_generate());
	what.timestamp_s = INT64_MIN;
	sign(&bench, &what); /* asserts that it stayed inside */
	assert_non_null(strstr(bench.lines.lines[2], ", sig4=("));
	assert_in_range(bud_signer_bytes(bench.signer), 1, BUD_SIGNATURE_BYTES_MAX);
	finish(&bench);
}

/* The base has whatever the request has, and is not written over what it is made of. */
static void test_a_long_base(void **state)
{
	struct bench bench = {.options = {.message = BUD_MESSAGE_SIGNATURE_HMAC}};
	bud_auto(buffer) struct bud_buffer uri = {0};
	bud_auto(buffer) struct bud_buffer type = {0};
	struct bud_signing what = vector_a;

	(void)state;
	bud_buffer_text(&uri, "https://example.com");
	bud_buffer_text(&type, "x/y; z=");
	for (size_t i = 0; i < 8000; i++) {
		bud_buffer_text(&uri, "/?a");
		bud_buffer_text(&type, "0123456789");
	}
	what.target_uri = bud_buffer_as_span(&uri);
	what.content_type = bud_buffer_as_span(&type);
	for (size_t i = 0; i < BUD_SIGNER_SECRETS_MAX; i++)
		add_secret(&bench, SECRET_1);
	sign(&bench, &what);
	assert_int_equal(bench.lines.n, 3);
	finish(&bench);
}

static size_t allocations;

void *__real_bud_realloc(void *memory, size_t bytes);
void *__wrap_bud_realloc(void *memory, size_t bytes);

void *__wrap_bud_realloc(void *memory, size_t bytes)
{
	allocations++;
	return __real_bud_realloc(memory, bytes);
}

static void test_signing_does_not_allocate(void **state)
{
	struct bench v1 = {.options.v1 = true};
	struct bench all = {
		.options = {.v1 = true, .v1a = true, .message = BUD_MESSAGE_SIGNATURE_HMAC}};

	(void)state;
	add_secret(&v1, SECRET_1);
	add_secret(&v1, SECRET_2);
	sign(&v1, &vector_a);
	add_secret(&all, SECRET_1);
	add_key(&all, parse_key(KEY_C));
	sign(&all, &vector_a);
	allocations = 0;
	sign(&v1, &vector_a);
	sign(&all, &vector_a);
	assert_int_equal(allocations, 0);
	finish(&v1);
	finish(&all);
}

/* Some receivers never look, and their subscriptions may do without. */
static void test_none(void **state)
{
	struct bench bench = {0};
	const struct bud_signing what = {bud_span("msg_1"), 1, .body = bud_span("{}")};

	(void)state;
	sign(&bench, &what);
	assert_int_equal(bench.lines.n, 0);
	assert_int_equal(bud_signer_bytes(bench.signer), 0);
	finish(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_a_signer_is_used_again),
		cmocka_unit_test(test_every_part_counts),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_v1a),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_v1_and_v1a),
		cmocka_unit_test(test_w1),
		cmocka_unit_test(test_w2_beside_v1),
		cmocka_unit_test(test_by_authority),
		cmocka_unit_test(test_message_rotation),
		cmocka_unit_test(test_the_longest_fits),
		cmocka_unit_test(test_a_long_base),
		cmocka_unit_test(test_signing_does_not_allocate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
