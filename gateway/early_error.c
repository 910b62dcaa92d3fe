#include "gateway/early_error.h"

#include "gateway/server.h"
#include "gateway/stats.h"
#include "shared/log.h"

struct early_error {
    h2o_ostream_t super;
    h2o_iovec_t body;
};

static h2o_iovec_t body_of(int status)
{
    switch (status) {
    case 413:
        return h2o_iovec_init(
            H2O_STRLIT("{\"detail\":\"Request body is too large (at most 65536 bytes)\"}"));
    case 417: return h2o_iovec_init(H2O_STRLIT("{\"detail\":\"Unknown expectation\"}"));
    default: return h2o_iovec_init(H2O_STRLIT("{\"detail\":\"Malformed request\"}"));
    }
}

static void send_body(h2o_ostream_t *self, h2o_req_t *request, h2o_iovec_t *buffers, size_t count,
                      h2o_send_state_t state)
{
    (void)buffers;
    struct early_error *error = (struct early_error *)self;
    h2o_ostream_send_next(self, request, &error->body, count > 0 ? 1 : 0, state);
}

/* Called as the answer starts, while its headers can still be changed. */
static void on_setup(h2o_filter_t *self, h2o_req_t *request, h2o_ostream_t **slot)
{
    (void)self;
    struct early_error *error = (struct early_error *)h2o_add_ostream(request, sizeof *error, slot);
    error->super.do_send = send_body;
    error->body = body_of(request->res.status);
    request->res.content_length = error->body.len;
    h2o_set_header(&request->pool, &request->res.headers, H2O_TOKEN_CONTENT_TYPE,
                   H2O_STRLIT("application/json"), 1);

    server_linger(server_connection_of(request));
    stats_refused(REFUSED_REQUEST);
    LOG_INFO("request refused", LOG_I64("status", request->res.status));
    h2o_setup_next_ostream(request, &error->super.next);
}

void early_error_register(h2o_pathconf_t *path)
{
    h2o_filter_t *filter = h2o_create_filter(path, sizeof *filter);
    filter->on_setup_ostream = on_setup;
}
