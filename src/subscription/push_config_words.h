/* The words of a push config, in the order of their enums; each list ends with NULL. */
#pragma once

extern const char *const bud_mode_words[];
extern const char *const bud_on_blocked_words[];
extern const char *const bud_signature_words[]; /* by bit */
extern const char *const bud_component_words[]; /* by `signs_authority` */
extern const char *const bud_verify_words[];    /* from BUD_VERIFY_OFF on */
