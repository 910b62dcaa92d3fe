/*
 * The least that publishes messages to the stream RUNS, as it is, and awaits their
 * acknowledgements: the limit for a tick. Each message names the one before it, as the fenced log
 * does. Fails where the stream did not store every one of them.
 *
 *   bench_publish URL MESSAGES BYTES
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <nats/nats.h>

#include "shared/bus_streams.h"
#include "shared/memory.h"

#define WINDOW   4096
#define ID_SIZE  32
#define STALL_MS 10000 /* a full window waits, also on a machine with other work */

static void check(natsStatus status, const char *what)
{
    if (status == NATS_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, natsStatus_GetText(status));
    exit(1);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void publish(jsCtx *js, int64_t count, const char *bytes, int size)
{
    /* Of this run alone: JetStream would answer those of an earlier one without storing them. */
    const long run = (long)getpid();
    char id[ID_SIZE] = "";
    char last[ID_SIZE] = "";
    for (int64_t i = 1; i <= count; i++) {
        jsPubOptions options;
        jsPubOptions_Init(&options);
        snprintf(id, sizeof(id), "%ld:%lld", run, (long long)i);
        options.MsgId = id;
        if (i > 1)
            options.ExpectLastMsgId = last;
        char subject[32];
        snprintf(subject, sizeof(subject), SUBJECT_RUN_FORMAT, (unsigned)(i % LANES));
        check(js_PublishAsync(js, subject, bytes, size, &options), "publish");
        snprintf(last, sizeof(last), "%s", id);
    }
    check(js_PublishAsyncComplete(js, NULL), "await the acknowledgements");
    natsMsgList pending;
    if (js_PublishAsyncGetPendingList(&pending, js) == NATS_OK) {
        fprintf(stderr, "%d messages were not acknowledged\n", pending.Count);
        exit(1);
    }
}

static uint64_t last_sequence(jsCtx *js)
{
    jsStreamInfo *info = NULL;
    check(js_GetStreamInfo(&info, js, STREAM_RUNS, NULL, NULL), "look at the stream");
    uint64_t last = info->State.LastSeq;
    jsStreamInfo_Destroy(info);
    return last;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: bench_publish URL MESSAGES BYTES\n");
        return 64;
    }
    int64_t count = strtoll(argv[2], NULL, 10);
    int size = (int)strtol(argv[3], NULL, 10);
    char *bytes = memory_new((size_t)size, 1);

    natsOptions *options = NULL;
    natsConnection *connection = NULL;
    jsCtx *js = NULL;
    jsOptions js_options;
    check(natsOptions_Create(&options), "options");
    check(natsOptions_SetURL(options, argv[1]), "URL");
    check(natsConnection_Connect(&connection, options), "connect");
    jsOptions_Init(&js_options);
    js_options.PublishAsync.MaxPending = WINDOW;
    js_options.PublishAsync.StallWait = STALL_MS;
    check(natsConnection_JetStream(&js, connection, &js_options), "JetStream");

    uint64_t before = last_sequence(js);
    double begin = now_s();
    publish(js, count, bytes, size);
    double seconds = now_s() - begin;
    if (last_sequence(js) - before != (uint64_t)count) {
        fprintf(stderr, "not every message was stored\n");
        return 1;
    }
    printf("{\"messages\": %lld, \"seconds\": %.4f}\n", (long long)count, seconds);

    jsCtx_Destroy(js);
    natsConnection_Destroy(connection);
    natsOptions_Destroy(options);
    nats_Close();
    free(bytes);
    return 0;
}
