/* The refusal: how a caller is told that authorization said no. */
#pragma once
#include "core/text.h"

struct bud_error;    /* core/error.h */
struct bud_question; /* auth/question.h */
struct bud_request;  /* http/request.h */
struct bud_ruling;   /* auth/question.h */

/* Fills `error`: what was asked for, and which rule denied it or what was missing. */
void bud_refusal_text(const struct bud_question *question, const struct bud_ruling *ruling,
	struct bud_error *error);
/* Names the scope that a 403 is for, in WWW-Authenticate; "": nothing is to be named. */
void bud_refusal_add_challenge(struct bud_request *request, const char *scope);
/* Answers 403 "forbidden"; with WWW-Authenticate (RFC 6750, 3.1) where a scope was missing. */
void bud_refusal_reply(
	struct bud_request *request, const char *scope, const struct bud_error *error);
