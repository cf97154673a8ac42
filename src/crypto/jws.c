/* JWS. */
#include "crypto/jws.h"

#include <jansson.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "crypto/base64.h"
#include "crypto/insist.h"

#define ES256_BYTES 64 /* r and s */
#define DER_BYTES   80 /* the same in DER, with room to spare */

static int refuse(struct bud_error *error, const char *why)
{
	return bud_error_set(error, NULL, "the token is not valid: %s", why);
}

/* NULL: not base64url of a JSON object. */
static json_t *read_object(struct bud_span part)
{
	bud_auto(free) char *text = bud_alloc(BUD_BASE64_DECODED_MAX(part.len));
	json_t *root = NULL;
	size_t len;

	if (bud_base64url_decode(part, text, BUD_BASE64_DECODED_MAX(part.len), &len) == 0 &&
		len > 0)
		root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(root))
		return root;
	json_decref(root);
	return NULL;
}

static int read_header(struct bud_jws *jws, struct bud_error *error)
{
	static const char *const refused[] = {"crit", "zip", "enc", "b64"};
	const json_t *alg = json_object_get(jws->header, "alg");
	const json_t *kid = json_object_get(jws->header, "kid");
	const json_t *typ = json_object_get(jws->header, "typ");

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (json_object_get(jws->header, refused[i]))
			return refuse(error, "its header asks for what is not supported here");
	if (!json_is_string(alg) ||
		bud_jws_algorithm_parse(bud_span(json_string_value(alg)), &jws->algorithm) < 0)
		return refuse(error, "it is signed with an algorithm that is not accepted");
	if ((kid && !json_is_string(kid)) || (typ && !json_is_string(typ)))
		return refuse(error, "its header has a member of the wrong type");
	if (json_string_length(kid) > BUD_JWK_ID_BYTES_MAX)
		return refuse(error, "its kid is too long");
	jws->kid = (struct bud_span){json_string_value(kid), json_string_length(kid)};
	jws->typ = json_string_value(typ);
	return 0;
}

static int parse(struct bud_span token, struct bud_jws *jws, struct bud_error *error)
{
	struct bud_span rest = token;
	struct bud_span header = bud_span_take_until(&rest, '.');
	struct bud_span payload = bud_span_take_until(&rest, '.');

	if (token.len > BUD_JWS_BYTES_MAX)
		return refuse(error, "it is too long");
	if (header.len == 0 || payload.len == 0 || rest.len == 0 || memchr(rest.at, '.', rest.len))
		return refuse(error, "it does not have three parts with dots between");
	jws->signed_bytes =
		(struct bud_span){token.at, (size_t)(payload.at + payload.len - token.at)};
	if (bud_base64url_decode(
		    rest, jws->signature, sizeof(jws->signature), &jws->signature_len) < 0)
		return refuse(error, "its signature is not base64url");
	jws->header = read_object(header);
	if (!jws->header)
		return refuse(error, "its header is not base64url of a JSON object");
	jws->payload = read_object(payload);
	if (!jws->payload)
		return refuse(error, "its payload is not base64url of a JSON object");
	return read_header(jws, error);
}

int bud_jws_parse(struct bud_span token, struct bud_jws *out_jws, struct bud_error *error)
{
	struct bud_jws jws = {0};
	int r = parse(token, &jws, error);

	if (r < 0)
		bud_jws_finish(&jws);
	else
		*out_jws = jws;
	return r;
}

void bud_jws_finish(struct bud_jws *jws)
{
	json_decref(jws->header);
	json_decref(jws->payload);
	*jws = (struct bud_jws){0};
}

static const EVP_MD *digest_of(enum bud_jws_algorithm algorithm)
{
	switch (algorithm) {
	case BUD_JWS_RS384:
		return EVP_sha384();
	case BUD_JWS_RS512:
		return EVP_sha512();
	case BUD_JWS_EDDSA:
		return NULL;
	default:
		return EVP_sha256();
	}
}

/* OpenSSL reads ECDSA signatures in DER; JOSE writes r and s one after the other. Its length, or 0.
 */
static size_t write_der(const struct bud_jws *jws, unsigned char out[DER_BYTES])
{
	ECDSA_SIG *signature;
	BIGNUM *r, *s;
	int len;

	if (jws->signature_len != ES256_BYTES)
		return 0;
	signature = ECDSA_SIG_new();
	r = BN_bin2bn(jws->signature, ES256_BYTES / 2, NULL);
	s = BN_bin2bn(jws->signature + ES256_BYTES / 2, ES256_BYTES / 2, NULL);
	bud_insist(signature && r && s);
	bud_insist(ECDSA_SIG_set0(signature, r, s));
	len = i2d_ECDSA_SIG(signature, NULL);
	if (len <= 0 || len > DER_BYTES)
		len = 0;
	else
		len = i2d_ECDSA_SIG(signature, &out);
	ECDSA_SIG_free(signature);
	return len > 0 ? (size_t)len : 0;
}

static bool verify(
	const struct bud_jws *jws, EVP_PKEY *key, const unsigned char *signature, size_t len)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *padding = NULL;
	bool is_well;

	bud_insist(context != NULL);
	is_well =
		EVP_DigestVerifyInit(context, &padding, digest_of(jws->algorithm), NULL, key) == 1;
	if (is_well && jws->algorithm == BUD_JWS_PS256)
		is_well = EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) == 1 &&
			  EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, RSA_PSS_SALTLEN_DIGEST) == 1;
	is_well = is_well &&
		  EVP_DigestVerify(context, signature, len,
			  (const unsigned char *)jws->signed_bytes.at, jws->signed_bytes.len) == 1;
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return is_well;
}

bool bud_jws_is_signed_by(const struct bud_jws *jws, const struct bud_jwk *key)
{
	unsigned char der[DER_BYTES];
	size_t len;

	if (jws->algorithm != BUD_JWS_ES256)
		return verify(jws, bud_jwk_handle(key), jws->signature, jws->signature_len);
	len = write_der(jws, der);
	return len > 0 && verify(jws, bud_jwk_handle(key), der, len);
}
