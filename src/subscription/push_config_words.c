/* The words of a push config. */
#include "subscription/push_config_words.h"

#include <stddef.h>

const char *const bud_mode_words[] = {"structured", "binary", "batch", "altinn", "slack", NULL};
const char *const bud_on_blocked_words[] = {"wait", "skip", NULL};
const char *const bud_signature_words[] = {"v1", "v1a", "rfc9421", NULL};
const char *const bud_component_words[] = {"target-uri", "authority", NULL};
const char *const bud_verify_words[] = {"off", "cloudevents", "altinn", NULL};
