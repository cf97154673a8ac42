/* Draws for generated work: xoshiro256** (Blackman and Vigna, 2018) and Zipf's law. The same seed
 * and stream give the same numbers, whatever was drawn from others. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct draw {
	uint64_t state[4];
};

/* The state comes out of splitmix64, so neighbouring seeds and streams have nothing in common. */
void draw_init(struct draw *draw, uint64_t seed, uint64_t stream);
uint64_t draw_number(struct draw *draw);
/* Uniform in [0, below); 0 when `below` is 0. */
uint64_t draw_below(struct draw *draw, uint64_t below);
/* True in `percent` of a hundred draws. */
int draw_percent(struct draw *draw, unsigned percent);
/* One of the letters and digits. */
char draw_letter(struct draw *draw);

/* Scrambles 64 bits: what a stream and a checksum are made with. */
uint64_t draw_mix(uint64_t number);

/* Rank k of n, counted from 0, has weight 1 / (k + 1)^exponent. */
struct zipf {
	double *sums;
	size_t n;
};
void zipf_init(struct zipf *zipf, size_t n, double exponent);
void zipf_finish(struct zipf *zipf);
size_t zipf_draw(const struct zipf *zipf, struct draw *draw);
