/* What the tests of the full scan share: the envelope and what was wrong. */
#pragma once
#include "core/error.h"
#include "event/envelope.h"

static struct bud_envelope envelope;
static struct bud_error error;

/* cmocka's fixtures of a group. */
static inline int envelope_start(void **state)
{
	(void)state;
	bud_envelope_init(&envelope);
	return 0;
}

static inline int envelope_finish(void **state)
{
	(void)state;
	bud_envelope_finish(&envelope);
	return 0;
}
