/* Tokens of our own. */
#include "crypto/own_token.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "crypto/base64.h"
#include "crypto/insist.h"
#include "crypto/jws.h"
#include "crypto/keyring.h"
#include "crypto/signing_key.h"

static void write_part(struct bud_span bytes, struct bud_buffer *out)
{
	char *at = bud_buffer_reserve(out, BUD_BASE64_LEN(bytes.len));

	out->len += bud_base64url_encode(bytes.at, bytes.len, at);
}

static void write_header(const char *type, const char *kid, struct bud_buffer *out)
{
	bud_buffer_format(out, "{\"typ\":\"%s\",\"alg\":\"EdDSA\",\"kid\":\"%s\"}", type, kid);
}

int bud_own_token_write(const struct bud_key_set *set, const char *type, struct bud_span payload,
	struct bud_buffer *out)
{
	bud_auto(buffer) struct bud_buffer header = {0};
	unsigned char signature[BUD_ED25519_SIGNATURE_BYTES];
	size_t start = out->len;
	struct bud_span signed_bytes;

	if (set->keys_n == 0)
		return -ENOKEY;
	write_header(type, bud_signing_key_id(set->keys[0]), &header);
	write_part(bud_buffer_as_span(&header), out);
	bud_buffer_byte(out, '.');
	write_part(payload, out);
	signed_bytes = (struct bud_span){out->at + start, out->len - start};
	bud_signing_key_sign(set->keys[0], signed_bytes, signature);
	bud_buffer_byte(out, '.');
	write_part((struct bud_span){(const char *)signature, sizeof(signature)}, out);
	bud_buffer_text(out, "");
	return 0;
}

bool bud_own_token_is(struct bud_span token, const char *type)
{
	bud_auto(buffer) struct bud_buffer header = {0};
	bud_auto(buffer) struct bud_buffer start = {0};

	write_header(type, "", &header);
	write_part(bud_buffer_as_span(&header), &start);
	/* Up to the type's end: what follows is cut to whole groups of three bytes. */
	start.len = (strlen("{\"typ\":\"\"") + strlen(type)) / 3 * 4;
	return bud_span_starts(token, bud_buffer_as_span(&start));
}

static const struct bud_signing_key *find_key(const struct bud_key_set *set, struct bud_span kid)
{
	for (size_t i = 0; i < set->signers_n; i++)
		if (bud_span_is(kid, bud_signing_key_id(set->keys[i])))
			return set->keys[i];
	return NULL;
}

static bool is_signed_by(const struct bud_jws *jws, const struct bud_signing_key *key)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool is_well;

	bud_insist(context != NULL);
	bud_insist(EVP_DigestVerifyInit(context, NULL, NULL, NULL, bud_signing_key_handle(key)));
	is_well = EVP_DigestVerify(context, jws->signature, jws->signature_len,
			  (const unsigned char *)jws->signed_bytes.at, jws->signed_bytes.len) == 1;
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return is_well;
}

static int verify(const struct bud_key_set *set, const char *type, const struct bud_jws *jws,
	struct bud_error *error)
{
	const struct bud_signing_key *key = jws->kid.at ? find_key(set, jws->kid) : NULL;

	if (jws->algorithm != BUD_JWS_EDDSA || !jws->typ || strcmp(jws->typ, type) != 0)
		return bud_error_set(error, NULL, "the token is not valid: it is of another kind");
	if (!key)
		return bud_error_set(error, NULL,
			"the token is not valid: the key it was signed with is no longer in use");
	if (!is_signed_by(jws, key))
		return bud_error_set(
			error, NULL, "the token is not valid: its signature does not fit");
	return 0;
}

int bud_own_token_read(const struct bud_key_set *set, const char *type, struct bud_span token,
	struct json_t **out_payload, struct bud_error *error)
{
	struct bud_jws jws = {0};
	int r;

	if (token.len > BUD_OWN_TOKEN_BYTES_MAX)
		return bud_error_set(error, NULL, "the token is not valid: it is too long");
	r = bud_jws_parse(token, &jws, error);
	if (r < 0)
		return r;
	r = verify(set, type, &jws, error);
	if (r == 0)
		*out_payload = json_incref(jws.payload);
	bud_jws_finish(&jws);
	return r;
}
