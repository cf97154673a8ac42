/* The bare Redis loop: what storing, reading, acking and one line of log cost Redis at least.
 *
 *   redis_loop --socket PATH [--count N] [--index 0]
 *
 * Each turn pipelines 100 XADD (with --index N, at most 3, each with N ZADD behind it), one
 * XREADGROUP COUNT 100, one XACK of the 100 ids and 100 LPUSH. Prints a JSON line with Redis' own
 * CPU time per event (INFO cpu). */
#include "bench.h"
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 100

static redisContext *redis;
static long index_n;

static redisReply *must(redisReply *reply)
{
	if (!reply || reply->type == REDIS_REPLY_ERROR) {
		fprintf(stderr, "redis_loop: %s\n", reply ? reply->str : redis->errstr);
		exit(1);
	}
	return reply;
}

static redisReply *take_reply(void)
{
	void *reply = NULL;

	if (redisGetReply(redis, &reply) != REDIS_OK)
		reply = NULL;
	return must(reply);
}

static double redis_cpu_us(void)
{
	redisReply *reply = must(redisCommand(redis, "INFO cpu"));
	const char *sys = strstr(reply->str, "used_cpu_sys:");
	const char *user = strstr(reply->str, "used_cpu_user:");
	double us = (strtod(sys + 13, NULL) + strtod(user + 14, NULL)) * 1e6;

	freeReplyObject(reply);
	return us;
}

/* As events are indexed: all of one resource, of many subjects, of one instance. */
static void add_index(uint64_t number)
{
	static const char *const kinds[] = {"resource", "subject", "instance"};

	for (long i = 0; i < index_n; i++)
		redisAppendCommand(redis, "ZADD bench:by:%s:%032d %llu 03-1795315500123-%llu",
			kinds[i], i == 1 ? (int)(number * 7919 % 10000) : 0,
			1795315500000000ULL + number, (unsigned long long)number);
}

static void add_events(uint64_t number)
{
	char event[EVENT_ROOM];

	for (uint64_t i = 0; i < BATCH; i++) {
		size_t len = event_write(event, "redis", number + i, now_us());
		redisAppendCommand(redis, "XADD bench:events * o local e %b", event, len);
		add_index(number + i);
	}
	for (long i = 0; i < BATCH * (1 + index_n); i++)
		freeReplyObject(take_reply());
}

/* Reads, then acks and logs what was read. Returns how many. */
static size_t read_and_ack(void)
{
	static const char line[] = "1795315500123 204 1 1234 1763779500123-0000000000";
	const char *words[3 + BATCH] = {"XACK", "bench:events", "bench"};
	redisReply *reply = must(redisCommand(
		redis, "XREADGROUP GROUP bench me COUNT %d STREAMS bench:events >", BATCH));
	redisReply *entries = reply->element[0]->element[1];
	size_t n = entries->elements;

	for (size_t i = 0; i < n; i++)
		words[3 + i] = entries->element[i]->element[0]->str;
	redisAppendCommandArgv(redis, (int)(3 + n), words, NULL);
	for (size_t i = 0; i < n; i++)
		redisAppendCommand(redis, "LPUSH bench:attempts %s", line);
	for (size_t i = 0; i < n + 1; i++)
		freeReplyObject(take_reply());
	freeReplyObject(reply);
	return n;
}

int main(int argc, char **argv)
{
	uint64_t count = (uint64_t)option_number(argc, argv, "--count", 20000);
	uint64_t done = 0; /* events */
	double redis_start_us;
	int64_t start_us;

	index_n = option_number(argc, argv, "--index", 0);
	if (index_n < 0 || index_n > 3)
		return 2;
	redis = redisConnectUnix(option_text(argc, argv, "--socket", "redis.sock"));
	if (!redis || redis->err) {
		fprintf(stderr, "redis_loop: %s\n", redis ? redis->errstr : "no memory");
		return 1;
	}
	freeReplyObject(must(redisCommand(redis, "DEL bench:events bench:attempts")));
	freeReplyObject(must(redisCommand(redis, "XGROUP CREATE bench:events bench 0 MKSTREAM")));
	redis_start_us = redis_cpu_us();
	start_us = now_us();
	while (done < count) {
		add_events(done);
		done += read_and_ack();
	}
	printf("{\"program\":\"redis_loop\",\"done\":%llu,\"redis_cpu_us\":%.3f,\"per_s\":%.0f}\n",
		(unsigned long long)done, (redis_cpu_us() - redis_start_us) / (double)done,
		(double)done * 1e6 / (double)(now_us() - start_us));
	freeReplyObject(must(redisCommand(redis, "DEL bench:events bench:attempts")));
	redisFree(redis);
	return 0;
}
