/* Attributes and small macros that every file may use. */
#ifndef SHARED_COMPILER_H
#define SHARED_COMPILER_H

/* The caller must look at what the function returns. */
#define MUST_CHECK        __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define ARRAY_LENGTH(x)   (sizeof(x) / sizeof((x)[0]))

/*
 * An invariant of our own code, checked in production too: prints the place and aborts. Never for
 * input: input gets an error.
 */
#define INVARIANT(condition)                                                                       \
    ((condition) ? (void)0 : invariant_failed(#condition, __FILE__, __LINE__))

__attribute__((noreturn)) void invariant_failed(const char *condition, const char *file, int line);

#endif
