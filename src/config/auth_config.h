/* The settings of authentication, and of Altinn's API beside it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "config/text_max.h"

/* Bits: what proves who asks. */
enum bud_auth_mode {
	BUD_AUTH_MODE_NONE = 0, /* everybody on this machine, as `local` */
	BUD_AUTH_MODE_KEYS = 1,
	BUD_AUTH_MODE_JWT = 2,
	BUD_AUTH_MODE_BOTH = 3,
};

struct bud_auth_config {
	enum bud_auth_mode mode;
	char issuers[BUD_CONFIG_TEXT_MAX + 1]; /* a file; "": none */
	bool allow_http;
	/* Lists; each scope in one meets the need. */
	char scope_publish[BUD_CONFIG_TEXT_MAX + 1];
	char scope_subscribe[BUD_CONFIG_TEXT_MAX + 1];
	char scope_read[BUD_CONFIG_TEXT_MAX + 1];
	char policy_file[BUD_CONFIG_TEXT_MAX + 1];     /* "": none */
	char decision_url[BUD_CONFIG_TEXT_MAX + 1];    /* "": there is no decision point */
	char decision_header[BUD_CONFIG_TEXT_MAX + 1]; /* "": none */
	int64_t decision_kept_s;
	char register_url[BUD_CONFIG_TEXT_MAX + 1];    /* "": none */
	char register_header[BUD_CONFIG_TEXT_MAX + 1]; /* "": none */
	char parties_file[BUD_CONFIG_TEXT_MAX + 1];    /* "": none */
};

struct bud_altinn_config {
	char apps_domain[BUD_CONFIG_TEXT_MAX + 1]; /* "": there are no apps */
};
