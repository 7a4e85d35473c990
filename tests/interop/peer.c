/* A client of Aeron in C, written against its public header and nothing of Vesta's: it attaches to a
 * driver that somebody else runs, and publishes or subscribes. Message n has the length that the
 * caller's list of lengths gives in turn; its first 8 bytes are n, little-endian, and each byte after
 * them is (n + its offset) modulo 251.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aeronc.h"

#define LENGTH_MAX (1 << 20)

typedef struct
{
    const int32_t *lengths;
    size_t lengths_count;
    uint64_t next;
    bool is_wrong;
}
expectation_t;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void rest(void)
{
    struct timespec pause = { 0, 100 * 1000 };
    nanosleep(&pause, NULL);
}

static void fill(uint8_t *buffer, uint64_t n, int32_t length)
{
    for (int32_t i = 0; i < length; i++)
    {
        buffer[i] = i < 8 ? (uint8_t)(n >> (8 * i)) : (uint8_t)((n + (uint64_t)i) % 251);
    }
}

static void on_message(void *clientd, const uint8_t *buffer, size_t length, aeron_header_t *header)
{
    static uint8_t wanted[LENGTH_MAX];
    expectation_t *expectation = clientd;
    const int32_t wanted_length = expectation->lengths[expectation->next % expectation->lengths_count];

    (void)header;
    fill(wanted, expectation->next, wanted_length);
    if ((size_t)wanted_length != length || 0 != memcmp(wanted, buffer, length))
    {
        fprintf(stderr, "message %" PRIu64 " of %zu bytes is not what it should be\n",
            expectation->next, length);
        expectation->is_wrong = true;
    }
    expectation->next++;
}

static int publish(aeron_t *aeron, const char *channel, int32_t stream, uint64_t count,
    const int32_t *lengths, size_t lengths_count, int64_t deadline_ms)
{
    static uint8_t message[LENGTH_MAX];
    aeron_async_add_publication_t *async = NULL;
    aeron_publication_t *publication = NULL;

    if (aeron_async_add_publication(&async, aeron, channel, stream) < 0)
    {
        fprintf(stderr, "add publication: %s\n", aeron_errmsg());
        return 1;
    }
    while (NULL == publication)
    {
        if (aeron_async_add_publication_poll(&publication, async) < 0 || now_ms() > deadline_ms)
        {
            fprintf(stderr, "add publication: %s\n", aeron_errmsg());
            return 1;
        }
        rest();
    }
    for (uint64_t n = 0; n < count;)
    {
        const int32_t length = lengths[n % lengths_count];
        fill(message, n, length);
        if (aeron_publication_offer(publication, message, (size_t)length, NULL, NULL) > 0)
        {
            n++;
        }
        else if (now_ms() > deadline_ms)
        {
            fprintf(stderr, "message %" PRIu64 " was not taken: %s\n", n, aeron_errmsg());
            return 1;
        }
        else
        {
            rest();
        }
    }
    /* The reader says when it has them all, by ending: until then the driver repairs what is lost. */
    while (aeron_publication_is_connected(publication) && now_ms() < deadline_ms)
    {
        rest();
    }
    aeron_publication_close(publication, NULL, NULL);
    return 0;
}

static int subscribe(aeron_t *aeron, const char *channel, int32_t stream, uint64_t count,
    const int32_t *lengths, size_t lengths_count, int64_t deadline_ms)
{
    expectation_t expectation = { lengths, lengths_count, 0, false };
    aeron_async_add_subscription_t *async = NULL;
    aeron_subscription_t *subscription = NULL;
    aeron_fragment_assembler_t *assembler = NULL;

    if (aeron_async_add_subscription(&async, aeron, channel, stream, NULL, NULL, NULL, NULL) < 0 ||
        aeron_fragment_assembler_create(&assembler, on_message, &expectation) < 0)
    {
        fprintf(stderr, "add subscription: %s\n", aeron_errmsg());
        return 1;
    }
    while (NULL == subscription)
    {
        if (aeron_async_add_subscription_poll(&subscription, async) < 0 || now_ms() > deadline_ms)
        {
            fprintf(stderr, "add subscription: %s\n", aeron_errmsg());
            return 1;
        }
        rest();
    }
    while (expectation.next < count && !expectation.is_wrong && now_ms() < deadline_ms)
    {
        if (aeron_subscription_poll(subscription, aeron_fragment_assembler_handler, assembler, 16) <= 0)
        {
            rest();
        }
    }
    aeron_subscription_close(subscription, NULL, NULL);
    aeron_fragment_assembler_delete(assembler);
    if (expectation.next < count || expectation.is_wrong)
    {
        fprintf(stderr, "%" PRIu64 " of %" PRIu64 " messages came\n", expectation.next, count);
        return 1;
    }
    return 0;
}

/* 0 when all that was asked for was done within the time. */
int vesta_c_peer(const char *directory, bool is_publisher, const char *channel, int32_t stream,
    uint64_t count, const int32_t *lengths, size_t lengths_count, int64_t patience_ms)
{
    const int64_t deadline_ms = now_ms() + patience_ms;
    aeron_context_t *context = NULL;
    aeron_t *aeron = NULL;

    if (aeron_context_init(&context) < 0 || aeron_context_set_dir(context, directory) < 0 ||
        aeron_init(&aeron, context) < 0 || aeron_start(aeron) < 0)
    {
        fprintf(stderr, "attach to %s: %s\n", directory, aeron_errmsg());
        return 1;
    }
    int result = is_publisher ?
        publish(aeron, channel, stream, count, lengths, lengths_count, deadline_ms) :
        subscribe(aeron, channel, stream, count, lengths, lengths_count, deadline_ms);
    aeron_close(aeron);
    aeron_context_close(context);
    return result;
}
