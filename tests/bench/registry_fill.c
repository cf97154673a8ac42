/* Fills the registry with subscriptions as registry_put writes them, without a server in between.
 *
 *   registry_fill --socket PATH --key BASE64 [--count 1000000] [--sinks 2000]
 *
 * Owners, sinks, types, filters and secrets as of people who wait for news of one party each; a
 * fifth wishes something of its own. --sinks 0: each has a sink of its own. Prints a JSON line. */
#include "bench.h"
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/alloc.h"
#include "core/random.h"
#include "core/text.h"
#include "crypto/seal.h"
#include "store/keys.h"
#include "subscription/subscription.h"

#define BATCH  500
#define OWNERS 2000
#define TYPES  20

static redisContext *redis;
static uint64_t record_bytes;

static void must(redisReply *reply)
{
	if (!reply || reply->type == REDIS_REPLY_ERROR) {
		fprintf(stderr, "registry_fill: %s\n", reply ? reply->str : redis->errstr);
		exit(1);
	}
	freeReplyObject(reply);
}

static void take_replies(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		void *reply = NULL;
		if (redisGetReply(redis, &reply) != REDIS_OK)
			reply = NULL;
		must(reply);
	}
}

/* What one of them would send to POST /subscriptions. */
static void write_body(uint64_t number, uint64_t sinks, struct bud_buffer *out)
{
	static const char *const wishes[] = {"{\"mode\":\"binary\"}",
		"{\"retry\":{\"schedule\":[10,60,600]},\"timeout_ms\":5000}",
		"{\"max_in_flight\":8,\"signing\":{\"schemes\":[\"v1\",\"v1a\"]}}",
		"{\"retry\":{\"max_age_s\":86400},\"verify\":\"off\"}"};
	uint64_t sink = sinks ? number % sinks : number;

	bud_buffer_format(out,
		"{\"types\":[\"no.altinn.dialog.event%u\"],\"filters\":[{\"exact\":{\"subject\":"
		"\"urn:altinn:party:%llu\"}}],\"protocol\":\"HTTP\",\"sink\":"
		"\"https://hooks%llu.example.no/budstikke/dialogs/%llu\"",
		(unsigned)(number % TYPES), (unsigned long long)(50000000 + number),
		(unsigned long long)(sink % OWNERS), (unsigned long long)sink);
	if (number % 5 == 4)
		bud_buffer_format(out, ",\"config\":%s", wishes[number / 5 % 4]);
	bud_buffer_byte(out, '}');
}

static void add(uint64_t number, uint64_t sinks, const struct bud_sealer *sealer)
{
	char owner[64];
	char fingerprint[BUD_FINGERPRINT_TEXT_BYTES];
	struct bud_subscription_defaults defaults = {
		.owner = owner, .now_ms = 1795315500123, .timeout_ms = 15000, .sealer = sealer};
	bud_auto(buffer) struct bud_buffer body = {0};
	bud_auto(buffer) struct bud_buffer value = {0};
	bud_auto(subscription) struct bud_subscription *made = NULL;
	struct bud_error error;

	snprintf(owner, sizeof(owner), "urn:altinn:organization:identifier-no:%llu",
		(unsigned long long)(910000000 + number % OWNERS));
	write_body(number, sinks, &body);
	if (bud_subscription_parse(bud_buffer_as_span(&body), &defaults, &made, &error) < 0) {
		fprintf(stderr, "registry_fill: %s\n", error.text);
		exit(1);
	}
	bud_subscription_fingerprint(made, fingerprint);
	bud_buffer_format(
		&value, "%llu %s %s\n", (unsigned long long)number + 1, made->etag, fingerprint);
	bud_subscription_write_record(made, &value);
	record_bytes += value.len;
	redisAppendCommand(redis, "HSET " BUD_KEY_RECORDS " %s %b", made->id, value.at, value.len);
	redisAppendCommand(redis, "HSET " BUD_KEY_FINGERPRINTS " %s %s", fingerprint, made->id);
	redisAppendCommand(redis, "HINCRBY " BUD_KEY_COUNTS " %s 1", owner);
}

/* One change stands for all of them: who loads begins behind it. */
static void announce(uint64_t count)
{
	redisReply *version = redisCommand(redis, "GET " BUD_KEY_VERSION);
	redisReply *change = redisCommand(redis, "XADD " BUD_KEY_CHANGES " * id - before %s",
		version && version->str ? version->str : "0-0");

	if (!change || change->type != REDIS_REPLY_STRING)
		exit(1);
	must(redisCommand(redis, "SET " BUD_KEY_VERSION " %s", change->str));
	must(redisCommand(redis, "SET " BUD_KEY_SERIAL " %llu", (unsigned long long)count));
	freeReplyObject(version);
	freeReplyObject(change);
}

int main(int argc, char **argv)
{
	uint64_t count = (uint64_t)option_number(argc, argv, "--count", 1000000);
	uint64_t sinks = (uint64_t)option_number(argc, argv, "--sinks", 2000);
	struct bud_span key = bud_span(option_text(argc, argv, "--key", ""));
	struct bud_sealer *sealer = NULL;
	struct bud_error error;
	int64_t began_us = now_us();

	redis = redisConnectUnix(option_text(argc, argv, "--socket", ""));
	if (!redis || redis->err || bud_sealer_create(&key, key.len > 0, &sealer, &error) < 0)
		return 2;
	for (uint64_t i = 0; i < count; i += BATCH) {
		uint64_t n = count - i < BATCH ? count - i : BATCH;
		for (uint64_t k = 0; k < n; k++)
			add(i + k, sinks, sealer);
		take_replies(3 * n);
	}
	announce(count);
	printf("{\"program\":\"registry_fill\",\"count\":%llu,\"record_bytes\":%.0f,"
	       "\"seconds\":%.1f}\n",
		(unsigned long long)count, (double)record_bytes / (double)count,
		(double)(now_us() - began_us) / 1e6);
	bud_sealer_destroy(sealer);
	redisFree(redis);
	return 0;
}
