/* Where a setting came from, as text: for errors, and behind each line of the configuration. */
#pragma once

struct bud_buffer; /* core/text.h */
struct bud_config; /* config/config.h */

/* "default", "file:line", the environment variable's name, or "--set". */
void bud_config_write_origin(const struct bud_config *config, int row, struct bud_buffer *out);
