/* A token issuer for tests: real keys, JWK sets and signed tokens, good ones and any kind of bad
 * one. */
#pragma once
#include "core/text.h"
#include "crypto/jwk.h"

struct test_key; /* opaque */

/* A fresh key for `algorithm` and its family. */
struct test_key *test_key_create(enum bud_jws_algorithm algorithm, const char *kid);
/* RSA with so many bits. */
struct test_key *test_key_create_rsa(unsigned bits, const char *kid);
void test_key_destroy(struct test_key *key);
const char *test_key_kid(const struct test_key *key);

/* Appends {"kty":...,"kid":...,"use":"sig"} with `more` (",..." or "") behind. */
void test_key_write_jwk(const struct test_key *key, const char *more, struct bud_buffer *out);
/* Appends {"keys":[...]}. */
void test_keys_write_set(struct test_key *const *keys, size_t n, struct bud_buffer *out);

/* Puts header.payload.signature into `out`, cleared before; NUL-terminated. `header` NULL:
 * {"alg":"<algorithm>","kid":"<kid>","typ":"JWT"}. */
void test_token_sign(const struct test_key *key, enum bud_jws_algorithm algorithm,
	const char *header, const char *payload, struct bud_buffer *out);
/* The same with HMAC-SHA256 and these bytes for a secret. */
void test_token_sign_hmac(
	struct bud_span secret, const char *header, const char *payload, struct bud_buffer *out);
/* Header and payload with a dot between, not signed. */
void test_token_begin(const char *header, const char *payload, struct bud_buffer *out);
/* The public key as PEM, as an attacker would take it for a secret. */
void test_key_write_pem(const struct test_key *key, struct bud_buffer *out);
