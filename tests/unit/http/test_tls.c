/* TLS: the handshake, requests over it, large answers, a new certificate while running, and what is
 * no TLS at all. The certificates are made here. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cmocka.h>

#include "site.h"

int test_tls(void);

#define REQUEST(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

struct folder {
    char path[64], certificate[100], key[100];
};

static void make_certificate(const struct folder *folder, const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    assert_non_null(key);
    assert_int_equal(X509_set_version(certificate, 2), 1);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    (void)X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    (void)X509_set_pubkey(certificate, key);
    X509_NAME *subject = X509_get_subject_name(certificate);
    (void)X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                                     -1, 0);
    (void)X509_set_issuer_name(certificate, subject);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    FILE *file = fopen(folder->certificate, "w");
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    (void)fclose(file);
    file = fopen(folder->key, "w");
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    (void)fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void make_folder(struct folder *folder)
{
    (void)snprintf(folder->path, sizeof(folder->path), "/tmp/px-tls-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    (void)snprintf(folder->certificate, sizeof(folder->certificate), "%s/cert.pem", folder->path);
    (void)snprintf(folder->key, sizeof(folder->key), "%s/key.pem", folder->path);
    make_certificate(folder, "first");
}

static void remove_folder(const struct folder *folder)
{
    (void)unlink(folder->certificate);
    (void)unlink(folder->key);
    assert_int_equal(rmdir(folder->path), 0);
}

/* A TLS connection to the site; NULL when the handshake fails. */
static SSL *tls_connect(const struct site *site, SSL_CTX *context)
{
    struct site secure = {.port = site->tls_port};
    int fd = client_connect(&secure);
    struct timeval wait = {.tv_sec = 5};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    SSL *ssl = SSL_new(context);
    (void)SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) != 1) {
        SSL_free(ssl);
        (void)close(fd);
        return NULL;
    }
    return ssl;
}

static void tls_close(SSL *ssl)
{
    int fd = SSL_get_fd(ssl);
    SSL_free(ssl);
    (void)close(fd);
}

static void tls_exchange(SSL *ssl, const char *text, struct buf *out)
{
    assert_int_equal(SSL_write(ssl, text, (int)strlen(text)), (int)strlen(text));
    buf_reset(out);
    for (int got = 1; got > 0; out->len += (size_t)MAX(got, 0)) {
        got = SSL_read(ssl, buf_reserve(out, 65536), 65535);
    }
    /* A proper end, not a cut connection. */
    assert_int_equal(SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    (void)buf_cstr(out);
}

static void requests_and_large_answers_come_through(void **state)
{
    (void)state;
    struct folder folder;
    struct site site;
    struct buf out = {0};
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    (void)SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    make_folder(&folder);
    site_init(&site);
    site_start_tls(&site, folder.certificate, folder.key);
    SSL *ssl = tls_connect(&site, context);
    assert_non_null(ssl);
    const unsigned char *protocol;
    unsigned protocol_len;
    SSL_get0_alpn_selected(ssl, &protocol, &protocol_len);
    assert_int_equal(protocol_len, 8);
    assert_memory_equal(protocol, "http/1.1", 8);
    tls_exchange(ssl, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n" REQUEST("/who"), &out);
    assert_int_equal(count_of(&out, "later"), 1);
    assert_int_equal(count_of(&out, "secure=1"), 1);
    assert_int_equal(count_of(&out, "Strict-Transport-Security: max-age=31536000\r\n"), 2);
    tls_close(ssl);
    ssl = tls_connect(&site, context);
    tls_exchange(ssl, REQUEST("/big"), &out);
    assert_true(out.len > 6 << 20);
    assert_int_equal(out.at[out.len - 1], 'b');
    tls_close(ssl);
    ssl = tls_connect(&site, context);
    tls_exchange(ssl, REQUEST("/export?bytes=3000000"), &out);
    assert_true(out.len > 3000000);
    assert_true(str_ends(buf_str(&out), STR("e\r\n0\r\n\r\n")));
    tls_close(ssl);
    site_stop(&site);
    SSL_CTX_free(context);
    buf_deinit(&out);
    remove_folder(&folder);
}

static void what_is_no_tls_is_cut(void **state)
{
    (void)state;
    struct folder folder;
    struct site site;
    struct buf out = {0};
    make_folder(&folder);
    site_init(&site);
    site_start_tls(&site, folder.certificate, folder.key);
    struct site secure = {.port = site.tls_port};
    client_exchange(&secure, REQUEST("/hello"), &out);
    assert_int_equal(count_of(&out, "HTTP"), 0);
    /* Old versions and others' protocols are refused in the handshake. */
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    (void)SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
    SSL_CTX_set_security_level(context, 0);
    assert_null(tls_connect(&site, context));
    SSL_CTX_free(context);
    context = SSL_CTX_new(TLS_client_method());
    (void)SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\x02h2", 3);
    assert_null(tls_connect(&site, context));
    SSL_CTX_free(context);
    assert_int_equal(site_counters(&site).tls_failures, 3);
    site_stop(&site);
    buf_deinit(&out);
    remove_folder(&folder);
}

static void expect_subject(const struct site *site, const char *name)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = tls_connect(site, context);
    char line[100];
    assert_non_null(ssl);
    (void)X509_NAME_oneline(X509_get_subject_name(SSL_get0_peer_certificate(ssl)), line,
                            sizeof(line));
    assert_string_equal(line, name);
    tls_close(ssl);
    SSL_CTX_free(context);
}

static void certificates_are_changed_while_running(void **state)
{
    (void)state;
    struct folder folder;
    struct site site;
    struct error error = {0};
    make_folder(&folder);
    site_init(&site);
    site_start_tls(&site, folder.certificate, folder.key);
    expect_subject(&site, "/CN=first");
    make_certificate(&folder, "second");
    assert_int_equal(site_reload_tls(&site, folder.certificate, folder.key, &error), OK);
    expect_subject(&site, "/CN=second");
    /* What cannot be used leaves the old one in place, and says which file is wrong. */
    assert_int_equal(site_reload_tls(&site, folder.certificate, folder.certificate, &error),
                     ERR_TLS);
    assert_non_null(strstr(error.detail, "cert.pem"));
    assert_int_equal(site_reload_tls(&site, "/nowhere/cert.pem", folder.key, &error), ERR_TLS);
    expect_subject(&site, "/CN=second");
    site_stop(&site);
    remove_folder(&folder);
}

int test_tls(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_and_large_answers_come_through),
        cmocka_unit_test(what_is_no_tls_is_cut),
        cmocka_unit_test(certificates_are_changed_while_running),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
