#include "bench.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t cpu_us(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return ((int64_t)use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 +
	       use.ru_utime.tv_usec + use.ru_stime.tv_usec;
}

/* Below 64 us a bucket per microsecond, then 32 to each power of two. */
static size_t bucket_of(int64_t us)
{
	uint64_t value = us > 0 ? (uint64_t)us : 0;
	size_t power;

	if (value < 64)
		return (size_t)value;
	power = 63 - (size_t)__builtin_clzll(value);
	return 64 + (power - 6) * 32 + ((value >> (power - 5)) & 31);
}

static double bucket_us(size_t bucket)
{
	size_t power = (bucket - 64) / 32 + 6;

	if (bucket < 64)
		return (double)bucket;
	return (double)((32 + (bucket - 64) % 32) << (power - 5)) * 1.016;
}

void latency_add(struct latency *latency, int64_t us)
{
	latency->buckets[bucket_of(us)]++;
	latency->n++;
}

double latency_us(const struct latency *latency, double part)
{
	uint64_t wanted = (uint64_t)((double)latency->n * part);
	uint64_t seen = 0;

	for (size_t i = 0; i < sizeof latency->buckets / sizeof latency->buckets[0]; i++) {
		seen += latency->buckets[i];
		if (seen > wanted)
			return bucket_us(i);
	}
	return 0;
}

const char *option_text(int argc, char **argv, const char *name, const char *otherwise)
{
	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], name) == 0)
			return argv[i + 1];
	}
	return otherwise;
}

long option_number(int argc, char **argv, const char *name, long otherwise)
{
	const char *text = option_text(argc, argv, name, NULL);

	return text ? strtol(text, NULL, 10) : otherwise;
}

static uint64_t subjects = 10000;

void event_set_subjects(uint64_t n)
{
	subjects = n;
}

/* Dialogporten's shape, filled up to a kilobyte. */
size_t event_write(char out[EVENT_ROOM], const char *run, uint64_t number, int64_t sent_us)
{
	static char filler[600];

	if (!filler[0])
		memset(filler, 'x', sizeof filler - 1);
	return (size_t)snprintf(out, EVENT_ROOM,
		"{\"specversion\":\"1.0\",\"id\":\"%s-%012llu\","
		"\"source\":\"https://platform.example.no/dialogporten/api/v1/enduser/dialogs/d1\","
		"\"type\":\"dialogporten.dialog.updated.v1\",\"time\":\"2026-11-22T02:45:00.123Z\","
		"\"subject\":\"urn:altinn:organization:identifier-no:99182%04llu\","
		"\"resource\":\"urn:altinn:resource:app_skd_sirius-skattemelding-v1\","
		"\"resourceinstance\":\"0194f1c2-7d1b-7c7a-9d57-6a6f3d0c5b11\","
		"\"data\":{\"sent_us\":\"%016lld\",\"filler\":\"%s\"}}",
		run, (unsigned long long)number, (unsigned long long)(number * 7919 % subjects),
		(long long)sent_us, filler);
}

int64_t event_sent_us(const char *body, size_t len)
{
	static const char name[] = "\"sent_us\":\"";
	const char *found = memmem(body, len, name, sizeof name - 1);
	int64_t value = 0;

	if (!found)
		return 0;
	for (const char *p = found + sizeof name - 1; p < body + len && *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (*p - '0');
	return value;
}

struct tally *tally_open(const char *path)
{
	struct tally *tally;
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || ftruncate(fd, sizeof *tally) < 0) {
		perror(path);
		exit(1);
	}
	tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (tally == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return tally;
}

size_t message_length(const char *at, size_t len, size_t *out_body)
{
	const char *end = memmem(at, len, "\r\n\r\n", 4);
	size_t body = 0;

	if (!end)
		return 0;
	for (const char *line = at; line < end; line++) {
		line = memchr(line, '\n', (size_t)(end - line));
		if (!line)
			break;
		if (strncasecmp(line + 1, "content-length:", 15) == 0) {
			body = strtoul(line + 16, NULL, 10);
			break;
		}
	}
	*out_body = (size_t)(end - at) + 4;
	return *out_body + body <= len ? *out_body + body : 0;
}
