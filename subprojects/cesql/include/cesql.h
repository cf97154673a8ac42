/* CloudEvents SQL v1: expressions over the attributes of a CloudEvent, compiled once and evaluated
 * as often as you like. https://github.com/cloudevents/spec/blob/main/cesql/spec.md
 *
 * No globals, no locks, no locale. A compiled expression never changes: any number of threads may
 * evaluate it at the same time. Nothing is allocated but by cesql_compile(). Texts are UTF-8. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#define CESQL_VERSION "1.0.0" /* of this library; cesql_version() has that of the one linked */
#define CESQL_API     __attribute__((visibility("default")))

/* What cesql_limits holds when a member is 0, and the highest it may say. */
#define CESQL_LENGTH_MAX 4096u /* bytes of an expression */
#define CESQL_DEPTH_MAX  64u   /* parentheses, functions, NOT and minus inside each other */
#define CESQL_SET_MAX    256u  /* elements of one IN (...) */
/* More than most expressions need to put texts together; see cesql_evaluate(). */
#define CESQL_SCRATCH_BYTES 4096u

struct cesql_expression; /* opaque */
struct cesql_text {
	const char *at; /* not NUL-terminated */
	size_t len;     /* bytes */
};
enum cesql_type { CESQL_TYPE_STRING, CESQL_TYPE_INTEGER, CESQL_TYPE_BOOLEAN };
struct cesql_value {
	enum cesql_type type;
	union {
		struct cesql_text string; /* also a URI, a URI-reference, a timestamp, base64 */
		int32_t integer;
		bool boolean;
	};
};
/* Specification 3.3. GENERIC: the scratch was too small. */
enum cesql_error {
	CESQL_ERROR_NONE,
	CESQL_ERROR_PARSE,
	CESQL_ERROR_MATH,
	CESQL_ERROR_CAST,
	CESQL_ERROR_MISSING_ATTRIBUTE,
	CESQL_ERROR_MISSING_FUNCTION,
	CESQL_ERROR_FUNCTION_EVALUATION,
	CESQL_ERROR_GENERIC
};
/* "parse", "math", "cast", "missingAttribute" and so on; "" for NONE. */
CESQL_API const char *cesql_error_name(enum cesql_error error);
CESQL_API const char *cesql_version(void);

/* 0 is the bound above; a higher one counts as that. */
struct cesql_limits {
	size_t length_max, depth_max, set_max;
	bool is_strict; /* refuse unknown functions, wrong numbers of arguments, and `data` */
};
struct cesql_fault {
	size_t offset;     /* bytes from the start, where it went wrong */
	char message[160]; /* what would be right; printable, NUL-terminated UTF-8 */
};
/* `limits` and `fault` may be NULL. 0: free it with cesql_destroy(). -EINVAL: not an expression;
 * -E2BIG: beyond a limit (both: `fault` is filled; the error's kind is "parse"); -ENOMEM. */
CESQL_API int cesql_compile(const char *text, size_t len, const struct cesql_limits *limits,
	struct cesql_expression **out_expression, struct cesql_fault *fault);
CESQL_API void cesql_destroy(struct cesql_expression *expression); /* NULL is fine */

/* Sets the value that the event has under `name` (lower case), or returns false when it has none; a
 * JSON null is none. A string must be valid UTF-8 and stay until the result was used. */
typedef bool (*cesql_attribute_fn)(
	const void *event, struct cesql_text name, struct cesql_value *out_value);
struct cesql_event {
	cesql_attribute_fn attribute;
	const void *event; /* given to it as it is */
};
/* The value is always set, and for an error it is what the specification says; of several errors
 * the first, from left to right, is returned. `scratch` holds texts that the event does not have
 * (CONCAT, UPPER, a number as text); NULL with 0 will do for expressions without such. A string in
 * `out_value` points into the scratch, the event or the expression. */
CESQL_API enum cesql_error cesql_evaluate(const struct cesql_expression *expression,
	const struct cesql_event *event, void *scratch, size_t scratch_len,
	struct cesql_value *out_value);
/* As a filter (1.2): the value is the boolean true and there was no error. */
CESQL_API bool cesql_passes(const struct cesql_expression *expression,
	const struct cesql_event *event, void *scratch, size_t scratch_len);

/* What must hold of an event, or the expression does not pass: for an index. A value that is no
 * string counts as its text here ("5", "-1", "true"). */
enum cesql_need {
	CESQL_NEED_EXISTS, /* it has the attribute */
	CESQL_NEED_ANY_OF, /* its value is one of the literals: of = 'x', IN ('x', 'y'), ORs of them
			    */
	CESQL_NEED_PREFIX  /* its value begins with the one literal: of LIKE 'x%' */
};
struct cesql_conjunct {
	enum cesql_need need;
	struct cesql_text attribute; /* lower case; both lent by the expression */
	size_t literals_n;           /* see cesql_literal() */
};
/* In the order in which they stand; the same attribute may come more than once. */
CESQL_API size_t cesql_conjuncts_n(const struct cesql_expression *expression);
CESQL_API struct cesql_conjunct cesql_conjunct(const struct cesql_expression *expression, size_t i);
CESQL_API struct cesql_text cesql_literal(
	const struct cesql_expression *expression, size_t conjunct, size_t i);

/* Bytes that are the same for expressions that differ only in spaces, the case of words, the kind
 * of quotes and needless parentheses: such expressions mean the same. They hold for this version of
 * the library only: compare and hash them, do not store them. Lent by the expression. */
CESQL_API struct cesql_text cesql_canonical(const struct cesql_expression *expression);
CESQL_API bool cesql_equals(const struct cesql_expression *a, const struct cesql_expression *b);
/* Of the canonical bytes; not keyed: against hostile authors hash them yourself. */
CESQL_API uint64_t cesql_hash(const struct cesql_expression *expression);
/* Of memory, all told. */
CESQL_API size_t cesql_size_bytes(const struct cesql_expression *expression);
#ifdef __cplusplus
}
#endif
