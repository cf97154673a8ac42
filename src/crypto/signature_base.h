/* The signature base of HTTP Message Signatures (RFC 9421, 2.5): the text that is signed of a
 * request, from the components that a signature covers. Nothing here is secret. */
#pragma once
#include <stddef.h>
#include "core/text.h"

/* `name` is a field's name in lower case, or a derived component ("@method"); `value` is without
 * blanks at its ends and without line ends. */
struct bud_component {
	const char *name;
	struct bud_span value;
};

/* Writes the inner list with its parameters, as Signature-Input carries it: `("a" "b")` and
 * `params`, which begin with a semicolon. The caller has room for it: 2 characters, 3 and the name
 * for each component, the parameters. No NUL; returns the end. */
char *bud_signature_params_write(
	const struct bud_component *components, size_t n, struct bud_span params, char *to);
/* Appends the base; `inner` is what bud_signature_params_write() gave. */
void bud_signature_base_write(const struct bud_component *components, size_t n,
	struct bud_span inner, struct bud_buffer *out);

/* What a receiver sees of a request's target (2.2), spelled as it would spell it: the host in lower
 * case, no user, no default port, no fragment, "/" for an empty path. */
struct bud_target_parts {
	struct bud_span uri;       /* @target-uri */
	struct bud_span authority; /* @authority */
	struct bud_span path;      /* @path */
	struct bud_span query;     /* @query: "?" when there is none */
};

/* Appends the normal form of `uri`, an absolute http or https URI, to `out`; the parts point into
 * it, so they hold as long as nothing more is appended. */
void bud_target_parts_write(
	struct bud_span uri, struct bud_buffer *out, struct bud_target_parts *out_parts);
