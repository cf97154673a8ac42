/* CloudEvents SQL in filters (specs C3.7): an expression holds if it gives true without an error.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <cesql.h>
#include "core/alloc.h"
#include "core/text.h"

struct bud_event; /* event/event.h */
struct bud_terms; /* subscription/filter_terms.h */

/* By our bounds. `out_fault` may be NULL. */
BUD_MUST_CHECK int bud_sql_compile(struct bud_span text, struct cesql_expression **out_expression,
	struct cesql_fault *out_fault);
/* Makes a term one of SQL, with what its expression needs of an event as hints for the cover. On
 * failure `out_fault` says what is wrong and where. */
BUD_MUST_CHECK int bud_sql_read(
	struct bud_terms *terms, uint16_t at, struct bud_span text, struct cesql_fault *out_fault);
/* `scratch` has CESQL_SCRATCH_BYTES; texts in the value may point there. */
enum cesql_error bud_sql_evaluate(const struct cesql_expression *expression,
	const struct bud_event *event, char *scratch, struct cesql_value *out_value);
bool bud_sql_passes(const struct cesql_expression *expression, const struct bud_event *event);
