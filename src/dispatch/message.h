/* A message: what one attempt sends: the event's content in the receiver's mode, signed, with the
 * headers of Standard Webhooks. */
#pragma once
#include <stdint.h>

struct bud_buffer;        /* core/text.h */
struct bud_delivery;      /* dispatch/delivery.h */
struct bud_fetch_request; /* fetch/fetch.h */
struct bud_hash_key;      /* core/hash.h */

struct bud_message_context {
	const struct bud_hash_key *key; /* of webhook ids: the shard's */
	int64_t wall_s;
	struct bud_buffer *scratch; /* one of each worker, see crypto/signer.h */
};

/* Fills headers and body of the request; they live in the delivery until its next message, or until
 * bud_message_finish(). Its receiver has a target. */
void bud_message_write(struct bud_delivery *delivery, const struct bud_message_context *context,
	struct bud_fetch_request *request);
/* No attempt is running. */
void bud_message_finish(struct bud_delivery *delivery);
