/* The one table of settings: key, type, range, default and a sentence for each. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "core/text.h"

enum bud_setting_type {
	BUD_SETTING_TEXT,     /* char[BUD_CONFIG_TEXT_MAX + 1], not empty */
	BUD_SETTING_NAME,     /* char[65], letters, digits, _ and -; may be empty */
	BUD_SETTING_HOST,     /* char[BUD_CONFIG_TEXT_MAX + 1], a DNS name; may be empty */
	BUD_SETTING_BASE_URL, /* the same, https:// and a host, without query; may be empty */
	BUD_SETTING_BOOL,     /* bool */
	BUD_SETTING_INTEGER,  /* int64_t */
	BUD_SETTING_SIZE,     /* int64_t, with k, m or g */
	BUD_SETTING_CHOICE,   /* an enum, the place in `unit` */
	BUD_SETTING_SCHEDULE, /* struct bud_schedule */
	BUD_SETTING_NETWORKS, /* struct bud_networks */
	BUD_SETTING_SOURCES,  /* struct bud_networks, an address of each family at most */
	BUD_SETTING_PROXY,    /* char[BUD_CONFIG_TEXT_MAX + 1], an http(s) URL; may be empty */
	BUD_SETTING_LISTEN,   /* struct bud_listen */
	BUD_SETTING_PATH,     /* char[BUD_CONFIG_TEXT_MAX + 1], may be empty */
	BUD_SETTING_SECRET,   /* the same, never shown */
	BUD_SETTING_REDIS,    /* struct bud_redis_url */
};

struct bud_setting {
	const char *key; /* "section.key", or "key" at the top of a file */
	enum bud_setting_type type;
	size_t offset;        /* of its field in struct bud_config */
	const char *standard; /* its default, as text */
	const char *unit;     /* of a number; of a choice, the words "a|b|c" */
	int64_t min;          /* of a number, or of each step of a schedule */
	int64_t max;
	const char *sentence;
};

/* Settings of a section stand together; those without a section come first. */
extern const struct bud_setting bud_settings[];

/* The row's number, or -ENOENT. */
int bud_setting_find(struct bud_span key);
/* The known key that looks most like `key`; NULL when none does. */
const char *bud_setting_suggest(struct bud_span key);
/* The key of an environment variable, BUDSTIKKE_SERVER_LISTEN for server.listen. */
#define BUD_SETTING_VARIABLE_BYTES 64
void bud_setting_write_variable(const char *key, char out[BUD_SETTING_VARIABLE_BYTES]);
