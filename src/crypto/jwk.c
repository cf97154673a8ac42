/* JWK sets. A key that this program cannot use is no fault of the set: issuers publish encryption
 * keys and new kinds beside the ones we know. */
#include "crypto/jwk.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "crypto/base64.h"
#include "crypto/insist.h"

#define RSA_BYTES_MIN  256 /* 2048 bits */
#define RSA_BYTES_MAX  1024
#define EXPONENT_BYTES 8
#define P256_BYTES     32
#define ED25519_BYTES  32

enum family {
	FAMILY_RSA,
	FAMILY_P256,
	FAMILY_ED25519,
};

struct bud_jwk {
	char *kid; /* NULL: it has none */
	enum family family;
	int algorithm; /* the only one it is for; -1: each of its family */
	EVP_PKEY *handle;
};

struct bud_jwk_set {
	atomic_uint refs;
	size_t serial;
	size_t n;
	struct bud_jwk keys[BUD_JWK_KEYS_MAX];
};

static const struct {
	const char *word;
	enum family family;
} algorithms[BUD_JWS_ALGORITHMS] = {
	[BUD_JWS_RS256] = {"RS256", FAMILY_RSA},
	[BUD_JWS_RS384] = {"RS384", FAMILY_RSA},
	[BUD_JWS_RS512] = {"RS512", FAMILY_RSA},
	[BUD_JWS_PS256] = {"PS256", FAMILY_RSA},
	[BUD_JWS_ES256] = {"ES256", FAMILY_P256},
	[BUD_JWS_EDDSA] = {"EdDSA", FAMILY_ED25519},
};

int bud_jws_algorithm_parse(struct bud_span text, enum bud_jws_algorithm *out_algorithm)
{
	for (unsigned i = 0; i < BUD_JWS_ALGORITHMS; i++) {
		if (!bud_span_is(text, algorithms[i].word))
			continue;
		*out_algorithm = (enum bud_jws_algorithm)i;
		return 0;
	}
	return -EINVAL;
}

const char *bud_jws_algorithm_word(enum bud_jws_algorithm algorithm)
{
	return algorithms[algorithm].word;
}

static const char *text_of(const json_t *jwk, const char *name)
{
	return json_string_value(json_object_get(jwk, name));
}

/* The bytes of a base64url member without leading zeros; their number, or -EINVAL. */
static long bytes_of(const json_t *jwk, const char *name, unsigned char *out, size_t room)
{
	const json_t *value = json_object_get(jwk, name);
	struct bud_span text = {json_string_value(value), json_string_length(value)};
	size_t len = 0;

	if (!text.at || bud_base64url_decode(text, out, room, &len) < 0 || len == 0)
		return -EINVAL;
	return (long)len;
}

static EVP_PKEY *make_key(const char *type, OSSL_PARAM_BLD *build)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *handle = NULL;

	bud_insist(params && context);
	if (EVP_PKEY_fromdata_init(context) <= 0 ||
		EVP_PKEY_fromdata(context, &handle, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		handle = NULL;
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(params);
	return handle;
}

static EVP_PKEY *read_rsa(const json_t *jwk)
{
	unsigned char modulus[RSA_BYTES_MAX];
	unsigned char exponent[EXPONENT_BYTES];
	long n_len = bytes_of(jwk, "n", modulus, sizeof(modulus));
	long e_len = bytes_of(jwk, "e", exponent, sizeof(exponent));
	EVP_PKEY *handle = NULL;
	OSSL_PARAM_BLD *build;
	BIGNUM *n, *e;

	if (n_len < 0 || e_len < 0)
		return NULL;
	n = BN_bin2bn(modulus, (int)n_len, NULL);
	e = BN_bin2bn(exponent, (int)e_len, NULL);
	build = OSSL_PARAM_BLD_new();
	bud_insist(n && e && build);
	if (BN_num_bits(n) >= RSA_BYTES_MIN * 8 && BN_is_odd(n) && BN_is_odd(e) && !BN_is_one(e)) {
		bud_insist(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n));
		bud_insist(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e));
		handle = make_key("RSA", build);
	}
	OSSL_PARAM_BLD_free(build);
	BN_free(n);
	BN_free(e);
	return handle;
}

static bool is_on_curve(EVP_PKEY *handle)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, handle, NULL);
	bool is_well;

	bud_insist(context != NULL);
	is_well = EVP_PKEY_public_check(context) == 1;
	EVP_PKEY_CTX_free(context);
	return is_well;
}

static EVP_PKEY *read_p256(const json_t *jwk)
{
	unsigned char point[1 + 2 * P256_BYTES] = {4};
	const char *curve = text_of(jwk, "crv");
	EVP_PKEY *handle;
	OSSL_PARAM_BLD *build;

	if (!curve || strcmp(curve, "P-256") != 0 ||
		bytes_of(jwk, "x", point + 1, P256_BYTES) != P256_BYTES ||
		bytes_of(jwk, "y", point + 1 + P256_BYTES, P256_BYTES) != P256_BYTES)
		return NULL;
	build = OSSL_PARAM_BLD_new();
	bud_insist(build != NULL);
	bud_insist(OSSL_PARAM_BLD_push_utf8_string(
		build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0));
	bud_insist(OSSL_PARAM_BLD_push_octet_string(
		build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)));
	handle = make_key("EC", build);
	OSSL_PARAM_BLD_free(build);
	if (handle && !is_on_curve(handle)) {
		EVP_PKEY_free(handle);
		handle = NULL;
	}
	return handle;
}

static EVP_PKEY *read_ed25519(const json_t *jwk)
{
	unsigned char point[ED25519_BYTES];
	const char *curve = text_of(jwk, "crv");

	if (!curve || strcmp(curve, "Ed25519") != 0 ||
		bytes_of(jwk, "x", point, sizeof(point)) != ED25519_BYTES)
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point, sizeof(point));
}

/* RFC 7517, 4.2 and 4.3: for signatures, and to verify them. */
static bool is_for_verifying(const json_t *jwk)
{
	const json_t *use = json_object_get(jwk, "use");
	const json_t *operations = json_object_get(jwk, "key_ops");
	size_t i;
	const json_t *operation;

	if (use && (!json_is_string(use) || strcmp(json_string_value(use), "sig") != 0))
		return false;
	if (!operations)
		return true;
	json_array_foreach(operations, i, operation)
	{
		if (json_is_string(operation) &&
			strcmp(json_string_value(operation), "verify") == 0)
			return true;
	}
	return false;
}

static bool read_names(const json_t *jwk, struct bud_jwk *key)
{
	const json_t *kid = json_object_get(jwk, "kid");
	const json_t *alg = json_object_get(jwk, "alg");
	enum bud_jws_algorithm algorithm;

	key->algorithm = -1;
	if (alg) {
		if (!json_is_string(alg) ||
			bud_jws_algorithm_parse(bud_span(json_string_value(alg)), &algorithm) < 0 ||
			algorithms[algorithm].family != key->family)
			return false;
		key->algorithm = (int)algorithm;
	}
	if (kid && (!json_is_string(kid) || json_string_length(kid) > BUD_JWK_ID_BYTES_MAX))
		return false;
	key->kid = kid ? bud_strdup(json_string_value(kid)) : NULL;
	return true;
}

static bool read_key(const json_t *jwk, struct bud_jwk *key)
{
	const char *type = text_of(jwk, "kty");

	*key = (struct bud_jwk){.algorithm = -1};
	/* Whoever publishes a private key has none any more; "k" is a shared secret. */
	if (!type || !is_for_verifying(jwk) || json_object_get(jwk, "d") ||
		json_object_get(jwk, "k"))
		return false;
	if (strcmp(type, "RSA") == 0) {
		key->family = FAMILY_RSA;
		key->handle = read_rsa(jwk);
	} else if (strcmp(type, "EC") == 0) {
		key->family = FAMILY_P256;
		key->handle = read_p256(jwk);
	} else if (strcmp(type, "OKP") == 0) {
		key->family = FAMILY_ED25519;
		key->handle = read_ed25519(jwk);
	}
	if (key->handle && read_names(jwk, key))
		return true;
	EVP_PKEY_free(key->handle);
	return false;
}

int bud_jwk_set_parse(struct bud_span json, struct bud_jwk_set **out_set, struct bud_error *error)
{
	static atomic_size_t serials;
	json_auto_t *root = NULL;
	struct bud_jwk_set *set;
	const json_t *keys, *jwk;
	size_t i;

	if (json.len > 0 && json.len <= BUD_JWK_SET_BYTES)
		root = json_loadb(json.at, json.len, JSON_REJECT_DUPLICATES, NULL);
	keys = json_object_get(root, "keys");
	if (!json_is_array(keys))
		return bud_error_set(error, NULL, "it is no JWK set: an object with \"keys\"");
	set = bud_new(struct bud_jwk_set);
	atomic_init(&set->refs, 1);
	set->serial = atomic_fetch_add(&serials, 1) + 1;
	json_array_foreach(keys, i, jwk)
	{
		if (set->n < BUD_JWK_KEYS_MAX && read_key(jwk, &set->keys[set->n]))
			set->n++;
	}
	if (set->n == 0) {
		bud_jwk_set_unref(set);
		return bud_error_set(error, NULL, "none of the %zu keys of the JWK set is usable",
			json_array_size(keys));
	}
	*out_set = set;
	return 0;
}

struct bud_jwk_set *bud_jwk_set_ref(struct bud_jwk_set *set)
{
	atomic_fetch_add(&set->refs, 1);
	return set;
}

void bud_jwk_set_unref(struct bud_jwk_set *set)
{
	if (!set || atomic_fetch_sub(&set->refs, 1) > 1)
		return;
	for (size_t i = 0; i < set->n; i++) {
		free(set->keys[i].kid);
		EVP_PKEY_free(set->keys[i].handle);
	}
	free(set);
}

size_t bud_jwk_set_count(const struct bud_jwk_set *set)
{
	return set->n;
}

size_t bud_jwk_set_serial(const struct bud_jwk_set *set)
{
	return set->serial;
}

static bool suits(const struct bud_jwk *key, enum bud_jws_algorithm algorithm)
{
	return key->family == algorithms[algorithm].family &&
	       (key->algorithm < 0 || key->algorithm == (int)algorithm);
}

/* Keys of different kinds may share a kid (RFC 7517, 4.5). */
enum bud_jwk_choice bud_jwk_set_choose(const struct bud_jwk_set *set, struct bud_span kid,
	enum bud_jws_algorithm algorithm, const struct bud_jwk **out_key)
{
	const struct bud_jwk *found = NULL;
	size_t n_named = 0;
	size_t n_suited = 0;

	for (size_t i = 0; i < set->n; i++) {
		const struct bud_jwk *key = &set->keys[i];
		if (kid.at && (!key->kid || !bud_span_is(kid, key->kid)))
			continue;
		n_named++;
		if (!suits(key, algorithm))
			continue;
		if (n_suited++ == 0)
			found = key;
	}
	if (kid.at && n_named == 0)
		return BUD_JWK_UNKNOWN;
	if (n_suited == 0 || (!kid.at && n_suited > 1))
		return BUD_JWK_UNSUITABLE;
	*out_key = found;
	return BUD_JWK_FOUND;
}

void *bud_jwk_handle(const struct bud_jwk *key)
{
	return key->handle;
}
