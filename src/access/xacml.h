/* XACML 3.0 in JSON (JSON profile 1.1, multiple decisions): questions as one request, and the
 * decisions of its answer. Attributes are named as Altinn's decision point knows them. */
#pragma once
#include "auth/question.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

/* Appends the request. What several questions share stands in it once. */
void bud_xacml_write(const struct bud_question *questions, size_t n, struct bud_buffer *out);
/* The n decisions in the order of the questions: Permit is PERMIT, the other three of XACML are
 * DENY. -EPROTO: this is no answer to n questions, `error` says why. */
BUD_MUST_CHECK int bud_xacml_read(
	struct bud_span body, size_t n, enum bud_decision *out_decisions, struct bud_error *error);
