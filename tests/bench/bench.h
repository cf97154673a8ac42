/* What the benchmark programs share: clocks, a latency histogram, options and a 1 KB event. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC, the same for every process of a machine. */
int64_t now_us(void);
/* User and system time of this process. */
int64_t cpu_us(void);

/* Buckets of a 32nd of a power of two: percentiles to about 3 %. */
struct latency {
	uint64_t buckets[2048];
	uint64_t n;
};
void latency_add(struct latency *latency, int64_t us);
double latency_us(const struct latency *latency, double part);

/* `--name value` from the command line, or `otherwise`. */
long option_number(int argc, char **argv, const char *name, long otherwise);
const char *option_text(int argc, char **argv, const char *name, const char *otherwise);

#define EVENT_ROOM 1400
/* A structured CloudEvent of about 1 KB whose data holds `sent_us`; returns its length. */
size_t event_write(char out[EVENT_ROOM], const char *run, uint64_t number, int64_t sent_us);
/* Events take turns over so many subjects; 10 000 at first. */
void event_set_subjects(uint64_t n);
/* The number after "sent_us": in a body, or 0. */
int64_t event_sent_us(const char *body, size_t len);

/* The requests that sinks have received, counted in a mapped file that others read. */
struct tally {
	volatile uint64_t received;
};
struct tally *tally_open(const char *path);

/* Finds the first complete HTTP/1.1 message in `at`: returns its length, or 0 if more is needed.
 * `*out_body` is where its body begins. Trusts the peer: it is one of these programs or ours. */
size_t message_length(const char *at, size_t len, size_t *out_body);
