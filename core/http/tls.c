/* TLS over memory BIOs: OpenSSL never sees the socket. TLS 1.2 with forward secrecy, or 1.3; ALPN
 * offers http/1.1. OpenSSL has its home here. Loop thread. */
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "internal.h"

enum { PLAIN_BYTES = 16 << 10, RECORD_BYTES_MAX = 16 << 10, REASON_MAX = 200 };

struct tls_context {
    SSL_CTX *ssl;
    char plain[PLAIN_BYTES]; /* decrypted, on its way to conn_input */
};

struct tls {
    struct tls_context *context;
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
    struct buf output;
};

/* ---- context ---- */

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *offered, unsigned offered_len, void *context)
{
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl;
    (void)context;
    unsigned char *chosen = NULL;
    int found =
        SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, offered, offered_len);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static enum err tls_error(struct error *error, const char *what, const char *path)
{
    char reason[REASON_MAX];
    ERR_error_string_n(ERR_peek_last_error(), reason, sizeof(reason));
    ERR_clear_error();
    return error_set(error, ERR_TLS, "%s %s: %s", what, path, reason);
}

static enum err load(SSL_CTX *ssl, const char *certificate_path, const char *key_path,
                     struct error *error)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ssl, certificate_path) != 1) {
        return tls_error(error, "certificate", certificate_path);
    }
    if (SSL_CTX_use_PrivateKey_file(ssl, key_path, SSL_FILETYPE_PEM) != 1) {
        return tls_error(error, "key", key_path);
    }
    if (SSL_CTX_check_private_key(ssl) != 1) {
        return tls_error(error, "key does not fit the certificate:", key_path);
    }
    return OK;
}

enum err http_server_tls(struct http_server *server, const char *certificate_path,
                         const char *key_path, struct error *error)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    ASSERT(ssl != NULL); /* only memory can lack */
    enum err err = load(ssl, certificate_path, key_path, error);
    if (err != OK) {
        SSL_CTX_free(ssl);
        return err;
    }
    (void)SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    (void)SSL_CTX_set_cipher_list(ssl, "ECDHE+AESGCM:ECDHE+CHACHA20");
    (void)SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_CIPHER_SERVER_PREFERENCE);
    (void)SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, NULL);
    if (server->tls == NULL) {
        server->tls = mem_zalloc(sizeof(*server->tls));
    } else {
        SSL_CTX_free(server->tls->ssl); /* connections hold their own reference */
    }
    server->tls->ssl = ssl;
    return OK;
}

void tls_context_free(struct tls_context *context)
{
    if (context != NULL) {
        SSL_CTX_free(context->ssl);
        mem_free(context);
    }
}

/* ---- connections ---- */

struct tls *tls_new(struct tls_context *context)
{
    struct tls *tls = mem_zalloc(sizeof(*tls));
    tls->context = context;
    tls->ssl = SSL_new(context->ssl);
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    ASSERT(tls->ssl != NULL && tls->in != NULL && tls->out != NULL);
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    SSL_set_accept_state(tls->ssl);
    return tls;
}

void tls_free(struct tls *tls)
{
    if (tls != NULL) {
        SSL_free(tls->ssl);
        buf_deinit(&tls->output);
        mem_free(tls);
    }
}

struct buf *tls_output(struct tls *tls)
{
    return &tls->output;
}

/* What OpenSSL has written moves to our buffer. */
static void collect_output(struct tls *tls)
{
    size_t waiting = BIO_ctrl_pending(tls->out);
    if (waiting > 0) {
        char *room = buf_reserve(&tls->output, waiting);
        int got = BIO_read(tls->out, room, (int)waiting);
        ASSERT(got == (int)waiting);
        tls->output.len += waiting;
    }
}

/* True: go on; false: the connection is broken. *out_more: there may be more to read. */
static bool read_some(struct conn *conn, struct tls *tls, bool *out_more)
{
    ERR_clear_error();
    int got = SSL_read(tls->ssl, tls->context->plain, PLAIN_BYTES);
    collect_output(tls);
    *out_more = got > 0;
    if (got > 0) {
        /* The handshake's last words leave first: a request right behind them waits for nothing
         * that is unsent. */
        conn_flush(conn);
        conn_input(conn, (struct str){tls->context->plain, (size_t)got});
        return true;
    }
    int why = SSL_get_error(tls->ssl, got);
    if (why == SSL_ERROR_ZERO_RETURN) {
        conn->eof = true;
        return true;
    }
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
}

bool tls_receive(struct conn *conn, struct str bytes)
{
    struct tls *tls = conn->tls;
    int written = BIO_write(tls->in, bytes.at, (int)bytes.len);
    ASSERT(written == (int)bytes.len);
    bool fine = true, more = true;
    while (fine && more && !conn_is_closed(conn)) {
        fine = read_some(conn, tls, &more);
    }
    /* Also when broken: the alert tells the other side why. */
    conn_flush(conn);
    if (fine) {
        conn_settle(conn);
    }
    return fine;
}

ssize_t tls_encrypt(struct tls *tls, struct str plain)
{
    ERR_clear_error();
    int taken = SSL_write(tls->ssl, plain.at, (int)MIN(plain.len, (size_t)RECORD_BYTES_MAX));
    collect_output(tls);
    if (taken > 0) {
        return taken;
    }
    int why = SSL_get_error(tls->ssl, taken);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

void tls_bye(struct tls *tls)
{
    if (SSL_is_init_finished(tls->ssl)) {
        ERR_clear_error();
        (void)SSL_shutdown(tls->ssl);
        collect_output(tls);
    }
}
