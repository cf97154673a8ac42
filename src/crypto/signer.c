/* A signer. v1: HMAC-SHA256 over `{id}.{timestamp}.{body}`; the keyed contexts are made once, and
 * starting again with a NULL key keeps the key's two hash blocks, which halves the cost of a short
 * body. v1a: Ed25519 over the same, which OpenSSL wants in one piece. RFC 9421: a digest of the
 * body, then a signature per secret or key over a text that has the digest in it. */
#include "crypto/signer.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "crypto/base64.h"
#include "crypto/digest.h"
#include "crypto/insist.h"
#include "crypto/secret.h"
#include "crypto/signature_base.h"
#include "crypto/signing_key.h"

#define WEBHOOK_NAME   "webhook-signature: "
#define DIGEST_NAME    "content-digest: "
#define INPUT_NAME     "signature-input: "
#define SIGNATURE_NAME "signature: "
/* "v1," and "v1a," with their base64. */
#define V1_BYTES       (3 + BUD_BASE64_LEN(BUD_SHA256_BYTES))
#define V1A_BYTES      (4 + BUD_BASE64_LEN(BUD_ED25519_SIGNATURE_BYTES))
#define COMPONENTS_MAX 8

/* What a message signature under one secret or key has of its own. */
struct label {
	char params[32 + BUD_SIGNER_KEYID_MAX + 64]; /* behind created: keyid, alg, tag */
};

/* RFC 9421. */
struct message {
	enum bud_message_signature kind;
	bool by_authority;
	size_t labels_n;
	struct label labels[BUD_SIGNER_SECRETS_MAX];
};

struct bud_signer {
	bool v1;
	bool v1a;
	size_t bytes;
	size_t macs_n;
	EVP_MAC_CTX *macs[BUD_SIGNER_SECRETS_MAX];
	size_t keys_n;
	EVP_MD_CTX *keys[BUD_SIGNER_KEYS_MAX];
	struct message *message; /* NULL: not wanted */
};

/* Where one call is. */
struct writer {
	struct bud_signer *signer;
	const struct bud_signing *what;
	struct bud_buffer *scratch;
	char *to;
	struct bud_signature_headers *out;
};

static EVP_MAC_CTX *make_mac(const struct bud_secret *secret)
{
	OSSL_PARAM settings[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context;

	assert(secret->len >= BUD_SECRET_BYTES_MIN && secret->len <= BUD_SECRET_BYTES_MAX);
	bud_insist(hmac != NULL);
	context = EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac); /* the context holds a reference */
	bud_insist(context != NULL);
	bud_insist(EVP_MAC_init(context, secret->bytes, secret->len, settings));
	return context;
}

static EVP_MD_CTX *make_key(const struct bud_signing_key *key)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	bud_insist(context != NULL);
	/* The context holds a reference to the key. */
	bud_insist(EVP_DigestSignInit(context, NULL, NULL, NULL, bud_signing_key_handle(key)));
	return context;
}

/* A name that tells secrets apart and says nothing about them: they are 24 random bytes or more. */
static void name_secret(const struct bud_secret *secret, char out[BUD_SIGNER_KEYID_MAX + 1])
{
	unsigned char digest[BUD_SHA256_BYTES];

	bud_digest_sha256((struct bud_span){(const char *)secret->bytes, secret->len}, digest);
	bud_digest_hex(digest, 8, out);
}

static void make_label(const struct bud_signer_options *options, size_t i, struct label *label)
{
	bool is_hmac = options->message == BUD_MESSAGE_SIGNATURE_HMAC;
	char name[BUD_SIGNER_KEYID_MAX + 1];
	int len;

	if (i == 0 && options->keyid)
		len = snprintf(name, sizeof(name), "%s", options->keyid);
	else if (is_hmac)
		len = 16, name_secret(&options->secrets[i], name);
	else
		len = snprintf(name, sizeof(name), "%s", bud_signing_key_id(options->keys[i]));
	assert(len > 0 && (size_t)len < sizeof(name) && !strpbrk(name, "\"\\"));
	len = snprintf(label->params, sizeof(label->params), ";keyid=\"%s\";alg=\"%s\"%s%s%s", name,
		is_hmac ? "hmac-sha256" : "ed25519", options->tag ? ";tag=\"" : "",
		options->tag ? options->tag : "", options->tag ? "\"" : "");
	assert((size_t)len < sizeof(label->params));
}

static struct message *make_message(const struct bud_signer_options *options)
{
	struct message *message;

	if (options->message == BUD_MESSAGE_SIGNATURE_NONE)
		return NULL;
	message = bud_new(struct message);
	message->kind = options->message;
	message->by_authority = options->by_authority;
	message->labels_n =
		message->kind == BUD_MESSAGE_SIGNATURE_HMAC ? options->secrets_n : options->keys_n;
	assert(message->labels_n > 0);
	for (size_t i = 0; i < message->labels_n; i++)
		make_label(options, i, &message->labels[i]);
	return message;
}

/* The longest lines, each with its NUL. */
static size_t bytes_of(const struct bud_signer *signer)
{
	size_t bytes = 0;

	if (signer->v1 || signer->v1a)
		bytes += sizeof(WEBHOOK_NAME);
	if (signer->v1)
		bytes += signer->macs_n * (V1_BYTES + 1);
	if (signer->v1a)
		bytes += signer->keys_n * (V1A_BYTES + 1);
	if (signer->v1 || signer->v1a)
		bytes--; /* no space before the first */
	if (!signer->message)
		return bytes;
	bytes += sizeof(DIGEST_NAME "sha-256=::") + BUD_BASE64_LEN(BUD_SHA256_BYTES);
	bytes += sizeof(INPUT_NAME) + sizeof(SIGNATURE_NAME);
	for (size_t i = 0; i < signer->message->labels_n; i++) {
		bytes += sizeof(", sig1=") + strlen(signer->message->labels[i].params);
		bytes += sizeof("(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-type\" "
				"\"content-digest\" \"webhook-id\" \"webhook-timestamp\")"
				";created=-9223372036854775808");
		bytes += sizeof(", sig1=::") + BUD_BASE64_LEN(BUD_ED25519_SIGNATURE_BYTES);
	}
	return bytes;
}

struct bud_signer *bud_signer_create(const struct bud_signer_options *options)
{
	struct bud_signer *signer = bud_new(struct bud_signer);

	assert(options->secrets_n <= BUD_SIGNER_SECRETS_MAX);
	assert(options->keys_n <= BUD_SIGNER_KEYS_MAX);
	assert(!options->v1 || options->secrets_n > 0);
	assert(!options->v1a || options->keys_n > 0);
	signer->v1 = options->v1;
	signer->v1a = options->v1a;
	signer->message = make_message(options);
	if (options->v1 || options->message == BUD_MESSAGE_SIGNATURE_HMAC)
		for (; signer->macs_n < options->secrets_n; signer->macs_n++)
			signer->macs[signer->macs_n] = make_mac(&options->secrets[signer->macs_n]);
	if (options->v1a || options->message == BUD_MESSAGE_SIGNATURE_ED25519)
		for (; signer->keys_n < options->keys_n; signer->keys_n++)
			signer->keys[signer->keys_n] = make_key(options->keys[signer->keys_n]);
	signer->bytes = bytes_of(signer);
	assert(signer->bytes <= BUD_SIGNATURE_BYTES_MAX);
	return signer;
}

void bud_signer_destroy(struct bud_signer *signer)
{
	if (!signer)
		return;
	for (size_t i = 0; i < signer->macs_n; i++)
		EVP_MAC_CTX_free(signer->macs[i]); /* OpenSSL cleanses the key */
	for (size_t i = 0; i < signer->keys_n; i++)
		EVP_MD_CTX_free(signer->keys[i]);
	free(signer->message);
	free(signer);
}

size_t bud_signer_bytes(const struct bud_signer *signer)
{
	return signer->bytes;
}

static void begin_line(struct writer *writer, const char *name)
{
	assert(writer->out->n < BUD_SIGNATURE_LINES_MAX);
	writer->out->lines[writer->out->n++] = writer->to;
	writer->to = stpcpy(writer->to, name);
}

static void end_line(struct writer *writer)
{
	*writer->to++ = '\0';
}

static void write_base64(struct writer *writer, const unsigned char *bytes, size_t len)
{
	writer->to += bud_base64_encode(bytes, len, writer->to);
}

static void add(EVP_MAC_CTX *mac, struct bud_span bytes)
{
	bud_insist(EVP_MAC_update(mac, (const void *)bytes.at, bytes.len));
}

static void compute_mac(EVP_MAC_CTX *mac, const struct bud_span *parts, size_t n,
	unsigned char out[BUD_SHA256_BYTES])
{
	size_t len = 0;

	bud_insist(EVP_MAC_init(mac, NULL, 0, NULL));
	for (size_t i = 0; i < n; i++)
		add(mac, parts[i]);
	bud_insist(EVP_MAC_final(mac, out, &len, BUD_SHA256_BYTES));
	assert(len == BUD_SHA256_BYTES);
}

static void compute_ed25519(
	EVP_MD_CTX *key, struct bud_span bytes, unsigned char out[BUD_ED25519_SIGNATURE_BYTES])
{
	size_t len = BUD_ED25519_SIGNATURE_BYTES;

	/* Later versions of OpenSSL want a context that has signed to be started again. */
	bud_insist(EVP_DigestSignInit(key, NULL, NULL, NULL, NULL));
	bud_insist(EVP_DigestSign(key, out, &len, (const void *)bytes.at, bytes.len));
	assert(len == BUD_ED25519_SIGNATURE_BYTES);
}

static void write_v1a(struct writer *writer, const struct bud_span parts[3])
{
	unsigned char signature[BUD_ED25519_SIGNATURE_BYTES];
	struct bud_signer *signer = writer->signer;

	bud_buffer_clear(writer->scratch);
	for (size_t i = 0; i < 3; i++)
		bud_buffer_span(writer->scratch, parts[i]);
	for (size_t i = 0; i < signer->keys_n; i++) {
		if (i > 0 || signer->v1)
			*writer->to++ = ' ';
		compute_ed25519(signer->keys[i], bud_buffer_as_span(writer->scratch), signature);
		writer->to = stpcpy(writer->to, "v1a,");
		write_base64(writer, signature, sizeof(signature));
	}
}

/* Standard Webhooks. */
static void write_webhook(struct writer *writer)
{
	struct bud_signer *signer = writer->signer;
	unsigned char mac[BUD_SHA256_BYTES];
	char timestamp[24];
	int len =
		snprintf(timestamp, sizeof(timestamp), ".%" PRId64 ".", writer->what->timestamp_s);
	struct bud_span parts[] = {writer->what->id, {timestamp, (size_t)len}, writer->what->body};

	begin_line(writer, WEBHOOK_NAME);
	for (size_t i = 0; signer->v1 && i < signer->macs_n; i++) {
		if (i > 0)
			*writer->to++ = ' ';
		compute_mac(signer->macs[i], parts, 3, mac);
		writer->to = stpcpy(writer->to, "v1,");
		write_base64(writer, mac, sizeof(mac));
	}
	if (signer->v1a)
		write_v1a(writer, parts);
	end_line(writer);
}

/* RFC 9530. The value behind the name is what is signed. */
static struct bud_span write_digest(struct writer *writer)
{
	unsigned char digest[BUD_SHA256_BYTES];
	const char *value;

	bud_digest_sha256(writer->what->body, digest);
	begin_line(writer, DIGEST_NAME);
	value = writer->to;
	writer->to = stpcpy(writer->to, "sha-256=:");
	write_base64(writer, digest, sizeof(digest));
	*writer->to++ = ':';
	end_line(writer);
	return (struct bud_span){value, (size_t)(writer->to - value) - 1};
}

static size_t list_components(const struct writer *writer, const struct bud_target_parts *target,
	struct bud_span digest, struct bud_span timestamp, struct bud_component *to)
{
	const struct bud_signing *what = writer->what;
	size_t n = 0;

	to[n++] = (struct bud_component){
		"@method", what->method.len > 0 ? what->method : bud_span("POST")};
	if (writer->signer->message->by_authority) {
		to[n++] = (struct bud_component){"@authority", target->authority};
		to[n++] = (struct bud_component){"@path", target->path};
		to[n++] = (struct bud_component){"@query", target->query};
	} else {
		to[n++] = (struct bud_component){"@target-uri", target->uri};
	}
	to[n++] = (struct bud_component){"content-type", bud_span_trim(what->content_type)};
	to[n++] = (struct bud_component){"content-digest", digest};
	to[n++] = (struct bud_component){"webhook-id", what->id};
	to[n++] = (struct bud_component){"webhook-timestamp", timestamp};
	assert(n <= COMPONENTS_MAX);
	return n;
}

static size_t compute_message(struct bud_signer *signer, size_t i, struct bud_span base,
	unsigned char out[BUD_ED25519_SIGNATURE_BYTES])
{
	if (signer->message->kind == BUD_MESSAGE_SIGNATURE_HMAC) {
		compute_mac(signer->macs[i], &base, 1, out);
		return BUD_SHA256_BYTES;
	}
	compute_ed25519(signer->keys[i], base, out);
	return BUD_ED25519_SIGNATURE_BYTES;
}

/* One member of both lines: `inner` goes to signature-input, at `writer->to`; the signature itself
 * into `out`. */
static size_t write_input(struct writer *writer, size_t i, const struct bud_component *components,
	size_t n, unsigned char out[BUD_ED25519_SIGNATURE_BYTES])
{
	const struct message *message = writer->signer->message;
	size_t from = writer->scratch->len;
	char params[32 + sizeof(message->labels[0].params)];
	int params_len = snprintf(params, sizeof(params), ";created=%" PRId64 "%s",
		writer->what->timestamp_s, message->labels[i].params);
	struct bud_span inner;
	size_t len;

	writer->to += sprintf(writer->to, "%ssig%zu=", i > 0 ? ", " : "", i + 1);
	inner.at = writer->to;
	writer->to = bud_signature_params_write(
		components, n, (struct bud_span){params, (size_t)params_len}, writer->to);
	inner.len = (size_t)(writer->to - inner.at);
	bud_signature_base_write(components, n, inner, writer->scratch);
	len = compute_message(writer->signer, i,
		(struct bud_span){writer->scratch->at + from, writer->scratch->len - from}, out);
	writer->scratch->len = from;
	return len;
}

/* RFC 9421. */
static void write_message(struct writer *writer)
{
	const struct bud_signing *what = writer->what;
	struct bud_component components[COMPONENTS_MAX];
	unsigned char signatures[BUD_SIGNER_SECRETS_MAX][BUD_ED25519_SIGNATURE_BYTES];
	size_t lens[BUD_SIGNER_SECRETS_MAX];
	struct bud_target_parts target;
	struct bud_span digest = write_digest(writer);
	size_t labels_n = writer->signer->message->labels_n;
	char timestamp[24];
	int timestamp_len = snprintf(timestamp, sizeof(timestamp), "%" PRId64, what->timestamp_s);
	size_t n;

	bud_buffer_clear(writer->scratch);
	/* All at once: the parts of the target point into it. */
	bud_buffer_reserve(writer->scratch, 2 * (what->target_uri.len + 16) + what->method.len +
						    what->content_type.len + what->id.len +
						    BUD_SIGNATURE_BYTES_MAX);
	bud_target_parts_write(what->target_uri, writer->scratch, &target);
	n = list_components(writer, &target, digest,
		(struct bud_span){timestamp, (size_t)timestamp_len}, components);
	begin_line(writer, INPUT_NAME);
	for (size_t i = 0; i < labels_n; i++)
		lens[i] = write_input(writer, i, components, n, signatures[i]);
	assert(target.uri.at == writer->scratch->at); /* it did not move */
	end_line(writer);
	begin_line(writer, SIGNATURE_NAME);
	for (size_t i = 0; i < labels_n; i++) {
		writer->to += sprintf(writer->to, "%ssig%zu=:", i > 0 ? ", " : "", i + 1);
		write_base64(writer, signatures[i], lens[i]);
		*writer->to++ = ':';
	}
	end_line(writer);
}

void bud_signer_sign(struct bud_signer *signer, const struct bud_signing *what,
	struct bud_buffer *scratch, char *text, struct bud_signature_headers *out)
{
	struct writer writer = {signer, what, scratch, text, out};

	out->n = 0;
	if (signer->v1 || signer->v1a)
		write_webhook(&writer);
	if (signer->message)
		write_message(&writer);
	assert((size_t)(writer.to - text) <= signer->bytes);
}
