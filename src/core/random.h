/* Random bytes from the kernel, and cheap random numbers for jitter. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Fit for secrets and ids; ends the process if the kernel has none. */
void bud_random_bytes(void *out, size_t len);
/* `len` random bytes as 2 × len lower-case hex digits and a NUL. */
void bud_random_hex(char *out, size_t len);
/* Uniform in [0, below), for jitter only; 0 when `below` is 0. */
uint64_t bud_random_below(uint64_t below);
