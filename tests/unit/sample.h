/* Seeded randomness for tests, and copies that end where the memory ends, so that ASan sees a read
 * past them. TEST_SEED repeats a run. */
#ifndef TESTS_UNIT_SAMPLE_H
#define TESTS_UNIT_SAMPLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct sample {
    uint64_t state;
};

/* Says its seed, which a failure needs. */
static inline struct sample sample_begin(const char *what)
{
    const char *given = getenv("TEST_SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed =
        given ? strtoull(given, NULL, 10) : (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec;
    printf("%s: TEST_SEED=%llu\n", what, (unsigned long long)seed);
    return (struct sample){seed};
}

/* SplitMix64. */
static inline uint64_t sample_next(struct sample *sample)
{
    uint64_t mixed = sample->state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

/* 0 .. bound - 1; anything for 0. */
static inline uint64_t sample_below(struct sample *sample, uint64_t bound)
{
    uint64_t number = sample_next(sample);
    return bound ? number % bound : number;
}

static inline int64_t sample_within(struct sample *sample, int64_t least, int64_t most)
{
    return least + (int64_t)sample_below(sample, (uint64_t)(most - least) + 1);
}

/* Exactly length bytes of heap, without a NUL. */
static inline void *sample_exact(const void *bytes, size_t length)
{
    void *copy = malloc(length ? length : 1);
    if (!copy)
        abort();
    if (length)
        memcpy(copy, bytes, length);
    return copy;
}

#endif
