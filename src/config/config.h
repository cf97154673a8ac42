/* The configuration of a node: read once at start, then only read. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "config/auth_config.h"
#include "config/network.h"
#include "config/quota_config.h"
#include "config/redis_url.h"
#include "config/schedule.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/log.h"
#include "core/text.h"

#define BUD_SETTINGS        56 /* rows of the table in settings.c */
#define BUD_CONFIG_FILE_MAX (64u << 10)

enum bud_log_format {
	BUD_LOG_FORMAT_TEXT,
	BUD_LOG_FORMAT_JSON,
};

/* What if a receiver has not agreed. */
enum bud_verify_rule {
	BUD_VERIFY_RULE_OFF,      /* nobody is asked, but where a subscription says so */
	BUD_VERIFY_RULE_LOW_RATE, /* one request a minute until they agree */
	BUD_VERIFY_RULE_REQUIRE,  /* nothing until they agree */
};

enum bud_origin {
	BUD_ORIGIN_DEFAULT,
	BUD_ORIGIN_FILE,
	BUD_ORIGIN_ENVIRONMENT,
	BUD_ORIGIN_SET,
};

/* Fields are named as the keys; settings.c says what each means. A value with nothing to free. */
struct bud_config {
	int64_t workers; /* 0: see bud_config_workers() */
	struct {
		struct bud_listen listen;
		bool behind_proxy; /* it speaks TLS with the world */
		int64_t drain_s;
	} server;
	struct bud_auth_config auth;
	struct bud_altinn_config altinn;
	struct {
		struct bud_listen listen;
	} admin;
	struct {
		char dir[BUD_CONFIG_TEXT_MAX + 1];
	} data;
	struct {
		struct bud_redis_url url;
	} redis;
	struct {
		bool allow_http;
		struct bud_networks allow_networks;
		struct bud_networks nat64_prefix;    /* each one is bud_network_is_nat64() */
		struct bud_networks source_address;  /* at most one per family, all bits */
		char proxy[BUD_CONFIG_TEXT_MAX + 1]; /* "": none */
		struct bud_schedule retry_schedule_s;
		int64_t timeout_ms;
		int64_t breaker_failures;
		int64_t breaker_open_s;
		int64_t host_max;        /* 0: no bound */
		int64_t disable_after_s; /* 0: never */
		enum bud_verify_rule verify;
		char origin[BUD_CONFIG_TEXT_MAX + 1]; /* serve puts the host's name for "" */
		char callback_url[BUD_CONFIG_TEXT_MAX + 1];
		int64_t request_rate; /* a minute; 0: not asked for */
	} delivery;
	struct {
		int64_t age_s;
		int64_t memory_bytes; /* 0: a share of what Redis may use */
	} retention;
	struct {
		bool enabled, resource, subject, alternativesubject, resourceinstance;
	} pull;
	struct {
		int64_t window_s;
	} dedupe;
	struct bud_quota_config quota;
	struct {
		int64_t limit_bytes; /* 0: what the machine or its cgroup has */
	} memory;
	struct {
		char key[BUD_CONFIG_TEXT_MAX + 1];
		char key_file[BUD_CONFIG_TEXT_MAX + 1];
	} secrets;
	struct {
		char id[65]; /* "": made at the first start and kept in data.dir */
	} node;
	struct {
		enum bud_log_level level;
		enum bud_log_format format;
	} log;

	/* Where each row of the table came from, for bud_config_write(). */
	struct {
		enum bud_origin from;
		unsigned line;
	} origins[BUD_SETTINGS];
	char file[256];
};

/* Later ones win: defaults, file, environment, sets. All borrowed. */
struct bud_config_sources {
	const char *file;         /* NULL: none */
	char *const *environment; /* `environ`; only BUDSTIKKE_* is looked at; NULL: none */
	const char *const *sets;  /* "section.key=value" */
	size_t sets_n;
};

/* -EINVAL, or the errno of the file: `error` names the place, the setting and what would be right.
 * An unknown key is an error, also in the environment. */
BUD_MUST_CHECK int bud_config_load(const struct bud_config_sources *sources,
	struct bud_config *out_config, struct bud_error *error);
/* The number of workers on a machine with `cores` cores: one less, at least 1, unless set. */
unsigned bud_config_workers(const struct bud_config *config, unsigned cores);
/* The effective configuration as a file: each line with where it came from, passwords as `***`
 * (which a load refuses, so that a copied file cannot log in with three stars). */
void bud_config_write(const struct bud_config *config, struct bud_buffer *out);
/* A file with every setting, its sentence, its range and its default commented out. */
void bud_config_write_template(struct bud_buffer *out);
