/*
 * Keeps a stream from filling up with messages that are done with. JetStream keeps CMD and RESULTS
 * for hours, which is of use after a disaster, but a full stream takes nothing more, and nobody's
 * command would be stored before the oldest has aged out. So past half of its size the leader
 * throws away what it has applied. MAIL is kept for days, and the same is done to what is sent.
 */
#ifndef SCHEDULER_TRIM_H
#define SCHEDULER_TRIM_H

#include <stdint.h>

#include "shared/bus.h"

struct trim;

/* stream is a constant. */
struct trim *trim_open(struct bus *bus, const char *stream);
void trim_close(struct trim *trim);
/*
 * Looks at the stream, and removes the messages to sequence where it is more than half full. Does
 * nothing while the last look is under way; one that fails is made up for by the next.
 */
void trim_look(struct trim *trim, uint64_t sequence);
/*
 * The same for a stream that others read: removes what a durable consumer has acknowledged, up to
 * the first message that it has not. durable is a constant.
 */
void trim_look_acknowledged(struct trim *trim, const char *durable);

#endif
