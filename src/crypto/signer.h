/* A signer: a subscription's secrets and keys made ready, so that signing an attempt costs one pass
 * over its body for each of them. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/text.h"

struct bud_secret;      /* crypto/secret.h */
struct bud_signer;      /* opaque; belongs to one thread; about 1 KiB inside OpenSSL per secret */
struct bud_signing_key; /* crypto/signing_key.h */

/* The current one and those before it, while they are changed. */
#define BUD_SIGNER_SECRETS_MAX 4
#define BUD_SIGNER_KEYS_MAX    2
/* RFC 9421: at most so many characters, none of them a quote or backslash. */
#define BUD_SIGNER_KEYID_MAX 64

/* webhook-signature; content-digest, signature-input and signature. */
#define BUD_SIGNATURE_LINES_MAX 4
/* The text of all lines: never more than this, NULs included. */
#define BUD_SIGNATURE_BYTES_MAX 2560
/* What bud_signer_bytes() says for v1 with one secret. */
#define BUD_SIGNATURE_BYTES_V1 67

/* RFC 9421: with what. */
enum bud_message_signature {
	BUD_MESSAGE_SIGNATURE_NONE,
	BUD_MESSAGE_SIGNATURE_ED25519, /* needs keys */
	BUD_MESSAGE_SIGNATURE_HMAC,    /* hmac-sha256, needs secrets */
};

struct bud_signer_options {
	const struct bud_secret *secrets; /* the current one first */
	size_t secrets_n;
	const struct bud_signing_key *const *keys; /* the current one first */
	size_t keys_n;
	bool v1;  /* HMAC-SHA256, needs secrets */
	bool v1a; /* Ed25519, needs keys */
	enum bud_message_signature message;
	/* RFC 9421 only. For receivers behind a proxy, who know neither scheme nor the outer host:
	 * @authority, @path and @query in place of @target-uri. */
	bool by_authority;
	const char *keyid; /* of the first; NULL: the key's thumbprint, a digest of the secret */
	const char *tag;   /* like "webhook"; NULL: none */
};

/* What is signed. Everything is borrowed. */
struct bud_signing {
	struct bud_span id;   /* webhook-id; has no dot */
	int64_t timestamp_s;  /* webhook-timestamp, of this attempt; also `created` */
	struct bud_span body; /* exactly the bytes that are sent */
	/* RFC 9421 only. */
	struct bud_span method;       /* empty: POST */
	struct bud_span target_uri;   /* absolute, http or https */
	struct bud_span content_type; /* the field's value as it is sent */
};

/* The header lines "name: value", each with a NUL; they point into the caller's `text`. */
struct bud_signature_headers {
	const char *lines[BUD_SIGNATURE_LINES_MAX];
	size_t n;
};

/* Copies what it needs of the options (keys are shared, not copied) and asserts that the wanted
 * versions have their secrets and keys; when none is wanted, it writes no lines. Never NULL. Costs
 * a few microseconds: keep it for many deliveries. */
struct bud_signer *bud_signer_create(const struct bud_signer_options *options);
void bud_signer_destroy(struct bud_signer *signer);
/* How many bytes the lines of an attempt may need. */
size_t bud_signer_bytes(const struct bud_signer *signer);
/* Writes the lines for Standard Webhooks 1.0.0 and RFC 9421 into `text`, which has room for
 * bud_signer_bytes(). `scratch` is only used for v1a and RFC 9421 and may be NULL without them: it
 * is overwritten, and holds a copy of the body; lend the same one to every call, so that it
 * grows once. Nothing else of ours allocates (OpenSSL does, a little). */
void bud_signer_sign(struct bud_signer *signer, const struct bud_signing *what,
	struct bud_buffer *scratch, char *text, struct bud_signature_headers *out);
